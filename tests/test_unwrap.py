"""Flattening: a disc without holes, Tutte's closed forms, and no flipped triangles."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from shapes import grid

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.face.unwrap import cut_face, mean_value_weights, tutte, unwrap, vertex_stretch
from facelib.geometry.mesh import boundary_loops


def signed_areas(points, triangles):
    a, b, c = (points[triangles[:, i]] for i in range(3))
    (x1, y1), (x2, y2) = (b - a).T, (c - a).T
    return (x1 * y2 - x2 * y1) / 2


def uniform_weights(triangles, n):
    a, b = np.concatenate([triangles[:, [i, j]] for i in range(3) for j in range(3) if i != j]).T
    weights = csr_matrix((np.ones(len(a)), (a, b)), shape=(n, n))
    weights.data[:] = 1
    return weights


def jittered_grid(n, seed):
    """A planar grid, 10 per cell, whose inner vertices are moved by up to a quarter of a cell."""
    points, triangles = grid(n)
    points = points * 10 * (n - 1)
    (loop,) = boundary_loops(triangles)
    inner = np.setdiff1d(np.arange(n * n), loop)
    points[inner, :2] += np.random.default_rng(seed).uniform(-2.5, 2.5, (len(inner), 2))
    return points, triangles, loop


@pytest.fixture(scope="module")
def patch():
    return cut_face(load_head())


def test_a_regular_grid_stays_a_grid():
    points, triangles = grid(7)
    (loop,) = boundary_loops(triangles)
    flat = tutte(uniform_weights(triangles, 49), loop, points[loop, :2])
    np.testing.assert_allclose(flat, points[:, :2], atol=1e-12)


def test_one_inner_vertex_goes_to_the_weighted_mean():
    corners = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    shares = np.array([1.0, 2, 3, 4])
    weights = csr_matrix((shares, ([4] * 4, range(4))), shape=(5, 5))
    weights += csr_matrix((np.ones(4), (range(4), [4] * 4)), shape=(5, 5))
    flat = tutte(weights, np.arange(4), corners)
    np.testing.assert_allclose(flat[4], shares @ corners / 10)


@pytest.mark.parametrize("seed", range(3))
def test_mean_value_weights_leave_a_flat_mesh_as_it_is(seed):
    points, triangles, loop = jittered_grid(8, seed)
    flat = tutte(mean_value_weights(points, triangles), loop, points[loop, :2])
    np.testing.assert_allclose(flat, points[:, :2], atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_no_positive_weights_can_fold_the_map(seed):
    points, triangles, loop = jittered_grid(9, seed)
    weights = uniform_weights(triangles, 81)
    weights.data = np.random.default_rng(seed).uniform(0.05, 20, len(weights.data))
    turn = np.linspace(0, 2 * np.pi, len(loop), endpoint=False)
    flat = tutte(weights, loop, np.column_stack([np.cos(turn), np.sin(turn)]))
    areas = signed_areas(flat, triangles)
    assert (np.sign(areas) == np.sign(areas[0])).all()


def test_stretch_is_surface_length_per_map_length():
    points, triangles = grid(5)
    np.testing.assert_allclose(vertex_stretch(3 * points, points[:, :2], triangles), 3, rtol=2e-3)


def test_face_patch_is_a_disc(patch):
    triangles, n = patch.triangles, len(patch.mirror)
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [i, i - 1]] for i in range(3)]), 1), axis=0
    )
    assert n - len(edges) + len(triangles) == 1  # Euler's number of a disc
    assert len(boundary_loops(triangles)) == 1
    np.testing.assert_array_equal(np.unique(triangles), np.arange(n))


def test_face_patch_winds_as_the_head_does(patch):
    directed = np.concatenate([patch.triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    assert len(np.unique(directed, axis=0)) == len(directed)
    vertices = patch.from_head @ load_head().mean_head
    corners = vertices[patch.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = (normals * (corners.mean(1) - vertices.mean(0) + [0, 0, 60])).sum(1)
    assert np.average(outward > 0, weights=np.linalg.norm(normals, axis=1)) > 0.9


def test_face_patch_is_symmetric(patch):
    np.testing.assert_array_equal(patch.mirror[patch.mirror], np.arange(len(patch.mirror)))
    vertices = patch.from_head @ load_head().mean_head
    np.testing.assert_allclose(vertices[patch.mirror] * [-1, 1, 1], vertices, atol=1e-6)


def test_face_patch_reaches_from_ear_to_ear_and_under_the_chin(patch):
    model = load_head()
    vertices = patch.from_head @ model.mean_head
    keypoints = model.keypoints(model.mean_head)
    low, high = vertices.min(0), vertices.max(0)
    assert low[0] < keypoints[0, 0] + 1 and high[0] > keypoints[16, 0] - 1
    assert low[1] < keypoints[8, 1] - 5  # under the chin
    assert high[1] > keypoints[17:27, 1].max() + 30  # up to the hairline
    ears = model.regions["ears"].astype(float)
    assert (patch.from_head @ ears).max() < 0.01  # but no ears


def test_membranes_move_rigidly_with_the_head(patch):
    np.testing.assert_allclose(np.asarray(patch.from_head.sum(1)), 1, atol=1e-6)


def test_eye_membranes_lie_on_the_eyeballs(patch):
    model = load_head()
    membrane = (np.diff(patch.from_head.indptr) > 1) & (
        np.abs(patch.from_head @ model.mean_head)[:, 0] > 5
    )
    balls = model.mean_head[model.regions["eyeballs"]]
    for side in (-1, 1):
        ball = balls[balls[:, 0] * side > 0]
        points = (patch.from_head @ model.mean_head)[membrane]
        points = points[points[:, 0] * side > 0]
        radius = np.linalg.norm(ball - ball.mean(0), axis=1).max()
        distance = np.linalg.norm(points - ball.mean(0), axis=1)
        assert np.abs(distance - radius).max() < 2  # mm


def test_shipped_layout_is_what_the_code_unwraps():
    patch, uv = unwrap(load_head())
    layout = load_layout()
    np.testing.assert_array_equal(patch.triangles, layout.triangles)
    np.testing.assert_allclose(uv, layout.uv, atol=1e-3)
