"""Photos with Basel parameters: the files' rotation, and where the face lies."""

import numpy as np
import pytest
from standins import basel_face, photo_folder

from facelib.datasets.basel.fitted_photo import (
    crop_fitted,
    rotation_from_angles,
)
from facelib.datasets.w300lp.index import (
    PhotoSample,
    index_samples,
    plan_pairs,
)
from facelib.datasets.w300lp.reader import read_sample
from facelib.face.layout import load_layout


@pytest.fixture(scope="module")
def index():
    return index_samples(photo_folder())


def test_rotation_is_the_product_that_the_files_mean():
    """The three matrices as 3DDFA writes them."""
    x, y, z = 0.3, -0.7, 0.2
    c, s = np.cos, np.sin
    rx = np.array([[1, 0, 0], [0, c(x), s(x)], [0, -s(x), c(x)]])
    ry = np.array([[c(y), 0, -s(y)], [0, 1, 0], [s(y), 0, c(y)]])
    rz = np.array([[c(z), s(z), 0], [-s(z), c(z), 0], [0, 0, 1]])
    np.testing.assert_allclose(rotation_from_angles(x, y, z), rx @ ry @ rz, atol=1e-12)
    nose = rotation_from_angles(0, -0.5, 0) @ [0, 0, 1]
    assert nose[0] > 0  # a negative yaw turns the face to the image's right


def test_photos_show_the_face_where_the_keypoints_are(index):
    """The drawn background of a face is the same in all its photos; its head covers the points."""
    sample = index.samples[0]
    photo = read_sample(photo_folder(), sample, basel_face())
    flipped = read_sample(photo_folder(), PhotoSample("AFW_Flip", sample.stem), basel_face())
    difference = photo.image[:, ::-1].astype(int) - flipped.image
    assert np.abs(difference).mean() < 4  # JPEG
    layout = load_layout()
    marks = layout.keypoints(photo.vertices_image)
    assert np.linalg.norm((marks - photo.keypoints_image)[:, :2], axis=1).mean() < 3  # px


def test_keypoints_read_from_the_position_map_lie_on_those_of_the_file(index):
    """From .mat and photo to the map that a network learns, and back to the file's own points."""
    layout, rng = load_layout(), np.random.default_rng(0)
    for planned in plan_pairs(index)[::2]:
        photo = read_sample(photo_folder(), planned.front, basel_face())
        _, vertices_crop, crop = crop_fitted(photo, 256, rng)
        found = layout.keypoints(layout.vertices(layout.position_map(vertices_crop)))
        in_file = np.pad(photo.parameters.keypoints_image, ((0, 0), (0, 1)))
        expected = crop.image_to_crop(in_file)
        apart = np.linalg.norm((found - expected)[:, :2], axis=1)
        assert apart[17:].mean() < 2.5  # px; our 68 points and the model's were chosen apart
