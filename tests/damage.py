"""Randomly damaged files: cut short, grown, with other or exchanged bytes in some places."""

import io
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

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


def spoilt(content, rng):
    """Bytes with one or more random faults: flipped, cut, grown, exchanged or repeated."""
    for _ in range(rng.integers(1, 4)):
        # Half of all faults lie in the first bytes, where sizes and offsets are written.
        end = len(content) if rng.random() < 0.5 else min(len(content), 200)
        first, second = sorted(rng.integers(0, end, 2)) if end else (0, 0)
        kind = rng.integers(5)
        changed = bytearray(content)
        if kind == 0 and end:
            changed[first] ^= 1 << rng.integers(8)
        elif kind == 1:
            changed = changed[:second]
        elif kind == 2:
            changed[first:first] = rng.bytes(rng.integers(1, 50))
        elif kind == 3 and end:
            changed[first], changed[second] = changed[second], changed[first]
        else:
            changed[first:first] = changed[first:second]
        content = bytes(changed)
    return content


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
