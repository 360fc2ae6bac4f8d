"""Randomly damaged files: cut short, with other bytes in some places."""

import io

import numpy as np
from hypothesis import strategies as st
from PIL import Image

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


def jpeg(height=40, width=30, **options):
    """Bytes of a small noisy JPEG with the EXIF orientation of a phone held sideways."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=exif, **options)
    return file.getvalue()


def with_size(jpeg, width, height):
    """A JPEG whose header states a wrong size."""
    for marker in (b"\xff\xc0\x00\x11\x08", b"\xff\xc2\x00\x11\x08"):  # plain, progressive
        start, found, end = jpeg.partition(marker)
        if found:
            size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
            return start + found + size + end[4:]
    raise ValueError("no frame header")
