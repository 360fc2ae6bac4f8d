"""Photos for the page "Your own two photos", and where the book is, for its tests.

The book is the one that tests/test_book.py looks at.
"""

import os
import re
import shutil
from pathlib import Path

import numpy as np
from browsing import skip_or_fail
from PIL import Image

from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / os.environ.get("FACELIB_BOOK_HTML", ".test_book/_build/html")
PAGE = BOOK / "own_photos.html"
PROGRAM = BOOK / "_static" / "own_photos"
PEOPLE = SyntheticSettings(seed=41, size=448, held_out=True)
PATIENCE_MS = 600_000  # it computes for seconds, and other tests run beside it


def need_program() -> None:
    if not PROGRAM.is_dir() and shutil.which("npm") is None:
        skip_or_fail("There is no npm to put the page of your own photos together.")


def rendered(index: int) -> list[np.ndarray]:
    pair = make_pair(index, PEOPLE)
    return [as_bytes(pair.front), as_bytes(pair.side)]


def as_bytes(image: np.ndarray) -> np.ndarray:
    return image if image.dtype == np.uint8 else np.round(image * 255).astype(np.uint8)


def save(photos: list[np.ndarray], folder: Path) -> list[Path]:
    paths = [folder / f"photo_{number}.png" for number in range(len(photos))]
    for path, pixels in zip(paths, photos, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def without_advice(sentence: str) -> str:
    """Leave out how another face is chosen: a page has no options."""
    return re.sub(r"choose another .*", "", sentence)
