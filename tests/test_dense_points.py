"""The points of `dense`: spread evenly, symmetric, and computed for any face."""

import numpy as np
from scipy.spatial import cKDTree

from facelib.face.dense_points import ARRAYS, N_KEYPOINTS, REGIONS, load_dense_points
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.face.point_choice import choose_points


def mean_face() -> np.ndarray:
    return load_layout().from_head @ load_head().mean_head


def test_the_shipped_points_are_those_that_would_be_chosen():
    shipped, chosen = load_dense_points(), choose_points(load_layout(), mean_face())
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(shipped, name), getattr(chosen, name), name)


def test_keypoints_come_first_and_at_least_300_points_follow():
    dense, face = load_dense_points(), mean_face()
    points = dense.matrix @ face
    assert len(dense) >= N_KEYPOINTS + 300
    np.testing.assert_allclose(points[:N_KEYPOINTS], load_layout().keypoints(face))


def test_no_place_on_the_face_is_far_from_a_point():
    points = load_dense_points().matrix @ mean_face()
    distance, _ = cKDTree(points).query(mean_face())
    assert distance.max() < 12.0  # mm


def test_spread_points_keep_their_distance():
    spread = (load_dense_points().matrix @ mean_face())[N_KEYPOINTS:]
    distance, _ = cKDTree(spread).query(spread, k=2)
    assert distance[:, 1].min() > 5.0  # mm


def test_twins_are_mirror_images_on_every_symmetric_face():
    dense, layout = load_dense_points(), load_layout()
    np.testing.assert_array_equal(dense.mirror[dense.mirror], np.arange(len(dense)))
    face = mean_face()
    rng = np.random.default_rng(0)
    bumps = rng.normal(size=face.shape)
    bumps = bumps + bumps[layout.mirror] * [-1, 1, 1]  # as much on both sides
    points = dense.matrix @ (face + bumps)
    np.testing.assert_allclose(points[dense.mirror] * [-1, 1, 1], points, atol=0.3)


def test_every_region_has_points():
    dense = load_dense_points()
    assert (np.bincount(dense.region, minlength=len(REGIONS)) >= 15).all()
    assert 200 <= dense.inner.sum() < len(dense)
