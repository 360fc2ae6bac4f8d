"""Errors of surfaces whose distance is known."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from toy_face import dome, toy_layout

from facelib.evaluation.metrics import (
    ced,
    depth_error_mm,
    shape_error_mm,
    surface_distance_mm,
    thesis_nme,
    vertex_error_mm,
)
from facelib.geometry.mesh import Mesh
from facelib.geometry.registration import umeyama
from facelib.geometry.subdivision import subdivision_matrix
from facelib.geometry.transforms import Similarity

LAYOUT = toy_layout(64)
TURN = Rotation.from_rotvec([0.05, -0.08, 0.06]).as_matrix()


def sphere(radius, offset=(0, 0, 0)):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return Mesh(ball.vertices + np.array(offset), ball.faces)


def test_vertex_error_sees_every_shift_in_millimetres():
    truth = np.random.default_rng(0).normal(size=(50, 3))
    assert vertex_error_mm(truth + [0, 3, 4], truth, px_per_mm=2.0) == pytest.approx(2.5)


def test_depth_error_sees_the_line_of_sight_alone():
    truth = np.random.default_rng(0).normal(size=(50, 3))
    moved = truth + np.array([7.0, -3, 2]) * np.where(np.arange(50) % 2, 1, -1)[:, None]
    assert depth_error_mm(moved, truth) == pytest.approx(2)


def test_shape_error_forgives_the_pose_and_nothing_else():
    truth = dome((0, 0), 100)
    moved = Similarity(1.3, TURN, np.array([20.0, -10, 30])).apply(truth)
    assert vertex_error_mm(moved, truth) > 30
    assert shape_error_mm(moved, truth) < 1e-9
    cross = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    longer = cross * [1.5, 0.5, 1]  # no turn helps, and the best scale is Σx·y / Σx² = 4 / 5
    assert shape_error_mm(longer, cross) == pytest.approx((0.2 + 0.6) / 2)


def test_shape_error_counts_what_slides_along_the_surface():
    sphere_points = sphere(100).vertices.astype(np.float64)
    around = np.arctan2(sphere_points[:, 1], sphere_points[:, 0])
    radius = np.hypot(sphere_points[:, 0], sphere_points[:, 1])
    slid = around + 0.05 * np.sign(sphere_points[:, 2])  # one half this way, the other that way
    on_it = np.column_stack([radius * np.cos(slid), radius * np.sin(slid), sphere_points[:, 2]])
    triangles = sphere(100).triangles
    distance = surface_distance_mm(Mesh(on_it, triangles), Mesh(sphere_points, triangles))
    assert shape_error_mm(on_it, sphere_points) > 3 > 10 * distance


def test_surface_distance_between_concentric_shells_after_its_own_scale_is_zero():
    assert surface_distance_mm(sphere(80), sphere(100)) < 0.02


def test_surface_distance_is_point_to_surface_not_point_to_point():
    truth = dome((0, 0), 100)
    triangles = LAYOUT.triangles
    matrix, finer = subdivision_matrix(triangles, len(truth))
    prediction = Mesh(matrix @ truth, finer)  # the same surface, with vertices in other places
    assert surface_distance_mm(prediction, Mesh(truth, triangles)) < 1e-4
    assert cKDTree(truth).query(prediction.vertices)[0].mean() > 2


def test_surface_distance_survives_a_similarity_of_the_prediction():
    truth = dome((0, 0), 100)
    bumpy = truth + [0, 0, 4] * np.sin(truth[:, :1] / 10)
    moved = Similarity(1.1, TURN, np.array([2.0, -1, 3])).apply(bumpy)
    numbers = [
        surface_distance_mm(
            Mesh(points, LAYOUT.triangles), Mesh(truth, LAYOUT.triangles), umeyama(points, truth)
        )
        for points in (bumpy, moved)
    ]
    assert numbers[0] > 0.5
    assert numbers[1] == pytest.approx(numbers[0], rel=0.02)


def test_nme_of_a_turned_face_is_small_and_of_a_wider_one_is_its_share_of_the_diagonal():
    truth = dome((0, 0), 100)
    assert thesis_nme(truth @ TURN.T + 1, truth) < 1e-3
    one = np.array([[0.0, 0, 0], [100, 0, 0], [0, 50, 0]])
    other = one + [[-1, 0, 0], [1, 0, 0], [0, 0, 0]]  # ICP cannot do better than this
    expected = np.linalg.norm(other - one, axis=1).mean() / np.linalg.norm([100, 50])
    assert thesis_nme(other, one) == pytest.approx(expected, rel=0.2)


def test_nme_has_two_boxes_and_says_which():
    truth = dome((0, 0), 100)
    small = truth * 0.9
    by_truth = thesis_nme(small, truth, box="truth")
    by_prediction = thesis_nme(small, truth, box="prediction")
    assert by_prediction / by_truth == pytest.approx(1 / 0.9, rel=0.01)
    with pytest.raises(ValueError, match="'truth', 'prediction'"):
        thesis_nme(truth, truth, box="mine")


def test_nme_takes_point_sets_of_unequal_length_and_edits_neither():
    truth, part = dome((0, 0), 100), dome((0, 0), 100)[20:110]
    before = truth.copy(), part.copy()
    assert thesis_nme(part, truth) < 1e-6
    np.testing.assert_array_equal(truth, before[0])
    np.testing.assert_array_equal(part, before[1])


def test_ced_counts_what_lies_at_or_below():
    shares = ced(np.array([3.0, 1, 2, 2]), np.array([0, 1, 2, 2.5, 9]))
    np.testing.assert_allclose(shares, [0, 0.25, 0.75, 0.75, 1])
    with pytest.raises(ValueError, match="errors"):
        ced(np.array([]), np.array([1]))


def test_impossible_input_is_named():
    with pytest.raises(ValueError, match="equal"):
        vertex_error_mm(np.zeros((3, 3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="px_per_mm"):
        vertex_error_mm(np.zeros((3, 3)), np.zeros((3, 3)), 0)
