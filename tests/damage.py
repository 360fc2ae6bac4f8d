"""Randomly damaged files: cut short, grown, with other or exchanged bytes in some places."""

import io
import sys
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from soaking.hostile_bytes import spoilt  # noqa: E402, F401 (the same faults as in the soak)

HEIC_PHOTO = Path(__file__).parent / "pictures" / "face.heic"
FORMATS = {  # how Pillow calls a format, and options that make its files hard to read
    "jpg": ("JPEG", {}),
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "tif": ("TIFF", {"compression": "tiff_lzw"}),
    "webp": ("WEBP", {}),
    "avif": ("AVIF", {"speed": 10}),
    "gif": ("GIF", {}),
}

DAMAGE = st.tuples(
    st.one_of(st.none(), st.floats(0, 1)),  # share that is kept; None keeps all
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
)


def damaged(content, damage):
    """Bytes after such damage."""
    share, changes = damage
    content = bytearray(content if share is None else content[: int(share * len(content))])
    for place, value in changes if content else ():
        content[place % len(content)] = value
    return bytes(content)


def picture_file(ending, height=40, width=30):
    """Bytes of a small noisy picture in one of `FORMATS`, or of the HEIC photo."""
    if ending == "heic":
        return HEIC_PHOTO.read_bytes()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    form, options = FORMATS[ending]
    exif = {} if form == "GIF" else {"exif": sideways()}
    Image.fromarray(pixels).save(file, form, **options, **exif)
    return file.getvalue()


def sideways():
    """The EXIF of a phone held sideways."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def jpeg(height=40, width=30, **options):
    """Bytes of a small noisy JPEG with the EXIF orientation of a phone held sideways."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=sideways(), **options)
    return file.getvalue()


def with_size(jpeg, width, height):
    """A JPEG whose header states a wrong size."""
    for marker in (b"\xff\xc0\x00\x11\x08", b"\xff\xc2\x00\x11\x08"):  # plain, progressive
        start, found, end = jpeg.partition(marker)
        if found:
            size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
            return start + found + size + end[4:]
    raise ValueError("no frame header")
