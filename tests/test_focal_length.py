"""The focal length that EXIF states, where the whole picture is there."""

import numpy as np
import pytest
from PIL import Image

from facelib.imaging import imagefiles
from facelib.imaging.imagefiles import read_photo

FOCAL_35, ZOOM, WIDTH, HEIGHT = 0xA405, 0xA404, 0xA002, 0xA003


def photo_with(folder, size, tags, orientation=1):
    """A photo whose EXIF holds these tags of the camera."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769).update(tags)
    Image.new("RGB", size).save(folder / "photo.jpg", exif=exif)
    return read_photo(folder / "photo.jpg")


@pytest.mark.parametrize(
    ("size", "tags", "expected"),
    [
        # A phone's main camera: 26 mm on 36 x 24 mm film sees the same diagonal.
        ((4032, 3024), {FOCAL_35: 26}, 26 / 43.2666 * 5040),
        ((403, 302), {FOCAL_35: 26, WIDTH: 4032, HEIGHT: 3024}, 26 / 43.2666 * 503.6),
        ((3024, 4032), {FOCAL_35: 26, WIDTH: 4032, HEIGHT: 3024}, 26 / 43.2666 * 5040),
        ((600, 400), {FOCAL_35: 50}, 50 / 36 * 600),
        ((400, 400), {FOCAL_35: 26}, None),  # cropped to a square
        ((400, 300), {FOCAL_35: 26, WIDTH: 6000, HEIGHT: 4000}, None),  # cropped from 3 : 2
        ((400, 300), {FOCAL_35: 0}, None),  # means unknown
        ((400, 300), {FOCAL_35: 26, ZOOM: 2.0}, None),
        ((400, 300), {FOCAL_35: 26, ZOOM: 0}, 26 / 43.2666 * 500),
        ((400, 300), {}, None),
    ],
)
def test_the_focal_length_is_known_where_the_whole_picture_is_there(tmp_path, size, tags, expected):
    focal = photo_with(tmp_path, size, tags).focal_px
    assert focal is expected is None or focal == pytest.approx(expected, rel=1e-3)


def test_the_focal_length_follows_a_turn_and_a_shrunk_photo(tmp_path, monkeypatch):
    monkeypatch.setattr(imagefiles, "KEPT_PIXELS", 5000)
    monkeypatch.setattr(imagefiles, "ENOUGH_PIXELS", 2000)
    photo = photo_with(tmp_path, (400, 300), {FOCAL_35: 26}, orientation=6)
    height, width = photo.pixels.shape[:2]
    assert photo.full_size_px == (300, 400) and height > width
    assert photo.focal_px == pytest.approx(26 / 43.2666 * np.hypot(height, width), rel=1e-3)
