"""Values of more than 8 bits, which rarely fill their range."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from facelib.imaging.imagefiles import read_photo, to_float
from facelib.imaging.values import full_range


@pytest.mark.parametrize(
    ("values", "black", "white"),
    [
        (np.array([0, 200], np.uint16), 0, 255),
        (np.array([5, 4095], np.uint16), 0, 4095),
        (np.array([5, 40000], np.uint16), 0, 65535),
        (np.array([0, 90000], np.int32), 0, 90000),
        (np.array([-500, 700], np.int32), -500, 700),
        (np.array([0, 0.7]), 0, 1),
        (np.array([-0.01, 1.02]), 0, 1),  # sharpening overshoots
        (np.array([0, 254.0]), 0, 255),
        (np.array([0, 3000.0, np.nan, np.inf]), 0, 4095),
        (np.array([-1, 1.0]), -1, 1),
        (np.array([np.nan]), 0, 1),
    ],
)
def test_black_and_white_are_guessed_from_the_values_that_occur(values, black, white):
    np.testing.assert_allclose(full_range(values), (black, white), rtol=0.01)


def test_floats_of_0_to_1_are_read_as_they_are(tmp_path):
    grey = np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)
    Image.fromarray(grey).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_photo(tmp_path / "a.tif").pixels[..., 1], grey, atol=1e-6)


def png_of_16_bits(pixels):
    """Bytes of a PNG of (H, W, 3) uint16, which Pillow cannot write."""

    def chunk(name, content):
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("bits", "deep"), [(10, True), (12, True), (16, False)])
def test_colours_of_few_bits_in_a_16_bit_file_are_stretched_to_all_their_values(
    tmp_path, bits, deep
):
    pixels = np.random.default_rng(0).integers(0, 2**bits, (9, 7, 3)).astype(np.uint16)
    pixels[0, 0] = 2**bits - 1
    (tmp_path / "a.png").write_bytes(png_of_16_bits(pixels))
    photo = read_photo(tmp_path / "a.png")
    expected = pixels / (2**bits - 1)
    assert (photo.pixels.dtype == np.float32) == deep == bool(photo.note)
    tolerance = 1e-6 if deep else 1 / 255
    np.testing.assert_allclose(to_float(photo.pixels), expected, atol=tolerance)
