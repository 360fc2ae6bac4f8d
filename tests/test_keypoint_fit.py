"""Fits of the Basel model to 68 points."""

import numpy as np
import pytest
from standins import basel_face, photo_folder

from facelib.datasets.basel.fitted_photo import (
    place,
)
from facelib.datasets.basel.keypoint_fit import fit_keypoints
from facelib.datasets.basel.standin_photos import (
    SIZE,
)
from facelib.datasets.w300lp.index import (
    index_samples,
)
from facelib.datasets.w300lp.reader import read_sample
from facelib.face.layout import load_layout


@pytest.fixture(scope="module")
def index():
    return index_samples(photo_folder())


def test_a_fit_to_68_points_meets_the_points_and_not_the_face(index):
    """The accuracy of 300W-LP's fits: measurable here, since the stand-in's faces are known."""
    layout, face = load_layout(), basel_face()
    skin = layout.labels["face"] & ~layout.labels["membrane"]
    for sample in index.samples[:3]:
        photo = read_sample(photo_folder(), sample, face)
        fitted = fit_keypoints(photo.keypoints_image[:, :2], face, SIZE)
        vertices, keypoints = face.vertices(fitted.shape_para, fitted.exp_para)
        apart = np.linalg.norm(place(keypoints, fitted, SIZE) - photo.keypoints_image, axis=1)
        missed = np.linalg.norm(
            place(keypoints, fitted, SIZE)[:, :2] - photo.keypoints_image[:, :2], axis=1
        )
        assert missed.mean() < 1.5 < apart.mean()
        assert np.abs(fitted.pose_deg - photo.parameters.pose_deg).max() < 12
        error = place(vertices, fitted, SIZE) - photo.vertices_image
        error -= error[skin].mean(axis=0) * [0, 0, 1]  # the origin's depth is not seen
        error_mm = np.linalg.norm(error, axis=1)[skin].mean() / fitted.px_per_mm
        assert 0.5 < error_mm < 8
