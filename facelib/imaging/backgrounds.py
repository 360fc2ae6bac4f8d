"""Backgrounds behind a head: generated textures and scikit-image's sample photos.

The Describable Textures (Cimpoi and others 2014) in `data/dtd/images/` are used, too, if they are
present, as in the thesis (A.2).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from facelib.files.letter_case import any_case, find_any_case
from facelib.files.paths import data_dir
from facelib.imaging.opening import decode_image

# Photos inside scikit-image's wheel (nothing is downloaded). Faces are left out on purpose.
PHOTOS = (
    "brick.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png", "rocket.jpg",
)  # fmt: skip
PHOTO_SHARE = 0.35
MAX_PIXELS = 64_000_000  # of a texture; real ones have under 1 million
TEXTURE_SHARE = 0.5  # of the backgrounds, if the user has such a folder


def random_background(
    rng: np.random.Generator, size: int, textures: tuple[Path, ...] = ()
) -> np.ndarray:
    """Draw a background.

    Args:
        rng: decides kind, colours and pattern.
        size: side, px.
        textures: image files for half of the backgrounds.

    Returns:
        (size, size, 3) float32 RGB in 0..1, as displayed.

    Raises:
        FileNotFoundError: if the chosen file is missing.
        ValueError: if it is not an image.
    """
    if textures and rng.random() < TEXTURE_SHARE:
        return _photo(rng, size, (_opened(textures[rng.integers(len(textures))]),))
    photos = _photos()
    if photos and rng.random() < PHOTO_SHARE:
        return _photo(rng, size, photos)
    kind = rng.choice([_plain, _gradient, _noise, _noise, _stripes, _blobs])
    return np.clip(kind(rng, size), 0, 1).astype(np.float32)


@lru_cache(maxsize=1)
def describable_textures(folder: Path | None = None) -> tuple[Path, ...]:
    """List the Describable Textures, sorted; () if the folder is missing.

    Args:
        folder: `data/dtd/images` by default, with one folder per kind of texture.
    """
    folder = find_any_case(data_dir(), "dtd", "images") if folder is None else folder
    return tuple(sorted(folder.glob(any_case("*/*.jpg"))))


def fingerprint(files: tuple[Path, ...]) -> str | None:
    """Return a digest of the files' names and sizes; None for no files."""
    if not files:
        return None
    rows = (f"{file.parent.name}/{file.name} {file.stat().st_size}" for file in files)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _opened(path):
    return decode_image(path, lambda picture: picture.convert("RGB"), MAX_PIXELS)


@lru_cache(maxsize=1)
def _photos() -> tuple[Image.Image, ...]:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    found = [folder / name for name in PHOTOS if (folder / name).is_file()]
    return tuple(Image.open(path).convert("RGB") for path in found)


def _photo(rng, size, photos):
    photo = photos[rng.integers(len(photos))]
    side = rng.uniform(0.3, 1.0) * min(photo.size)
    left, top = rng.uniform(0, np.array(photo.size) - side)
    box = (left, top, left + side, top + side)
    # Pillow's own filter, in whole steps of 1/255: the pairs of a seed are made of these bytes.
    cut = photo.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    image = np.asarray(cut, np.float32) / 255 * rng.uniform(0.5, 1.2)
    return np.clip(image[:, :: rng.choice([-1, 1])], 0, 1).astype(np.float32)


def _plain(rng, size):
    return np.broadcast_to(rng.random(3), (size, size, 3))


def _gradient(rng, size):
    share = (_ramp(size, rng.uniform(0, 2 * np.pi)) + 1) / 2
    first, second = rng.random((2, 3))
    return first + (second - first) * share[..., None]


def _noise(rng, size):
    """Coloured noise of several widths."""
    coarse = max(size // 3, 16)
    strength, decay = rng.uniform(0.1, 0.3), rng.uniform(0.4, 0.9)
    channels = 3 if rng.random() < 0.5 else 1
    image = np.zeros((coarse, coarse, channels), np.float32)
    for cells in (3, 6, 12, 24, 48):
        cells += int(rng.integers(0, 3))
        image += _enlarge(rng.normal(size=(cells, cells, channels)) * strength, coarse)
        strength *= decay
    return _enlarge_shown(rng.random(3) + image, size)


def _stripes(rng, size):
    phase = _ramp(size, rng.uniform(0, np.pi)) * rng.uniform(2, 25)
    if rng.random() < 0.4:
        phase = np.sin(phase) + np.sin(_ramp(size, rng.uniform(0, np.pi)) * rng.uniform(2, 25))
    share = np.clip(np.sin(phase) * rng.uniform(0.6, 5) + 0.5, 0, 1)
    first, second = rng.random((2, 3))
    return first + (second - first) * share[..., None]


def _blobs(rng, size):
    """Overlapping round spots, like lights out of focus."""
    coarse = max(size // 2, 16)
    image = np.broadcast_to(rng.random(3) * 0.6, (coarse, coarse, 3)).astype(np.float32)
    axis = np.arange(coarse, dtype=np.float32) / coarse
    for _ in range(int(rng.integers(4, 12))):
        x, y = rng.uniform(-0.1, 1.1, 2)
        radius, soft = rng.uniform(0.03, 0.4), rng.uniform(0.02, 0.3)
        distance = np.sqrt((axis - x) ** 2 + ((axis - y) ** 2)[:, None])
        mask = np.clip((radius - distance) / soft + 0.5, 0, 1)[..., None]
        image += (rng.random(3).astype(np.float32) - image) * mask * np.float32(rng.uniform(0.3, 1))
    return _enlarge_shown(image, size)


def _ramp(size, angle):
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return axis * np.cos(angle) + axis[:, None] * np.sin(angle)


def _enlarge(grid, size):
    channels = [
        Image.fromarray(np.ascontiguousarray(grid[..., k], np.float32)).resize(
            (size, size), Image.Resampling.BICUBIC
        )
        for k in range(grid.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _enlarge_shown(image, size):
    """Enlarge a finished picture, (s, s, 3) in 0..1, in whole steps of 1/255."""
    steps = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    shown = Image.fromarray(steps).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(shown, np.float32) / np.float32(255)
