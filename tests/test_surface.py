"""Nearest points and barycentric weights against brute force and known cases."""

import numpy as np
import pytest
import trimesh

from facelib.geometry.surface import barycentric, closest_on_triangle, nearest_surface_finder


def test_nearest_surface_point_agrees_with_trimesh_over_every_triangle():
    rng = np.random.default_rng(9)
    vertices = rng.normal(size=(60, 3))
    triangles = rng.integers(0, 60, size=(80, 3))  # of all sizes, some degenerate
    points = rng.normal(size=(50, 3)) * 2
    found = nearest_surface_finder(vertices, triangles)(points)
    distances = np.linalg.norm(found - points, axis=1)

    proper = triangles[[len(set(t)) == 3 for t in triangles.tolist()]]
    expected = np.full(len(points), np.inf)
    for triangle in proper:
        corners = np.broadcast_to(vertices[triangle], (len(points), 3, 3))
        closest = trimesh.triangles.closest_point(corners, points)
        expected = np.minimum(expected, np.linalg.norm(closest - points, axis=1))
    lone = triangles[[len(set(t)) < 3 for t in triangles.tolist()]]
    for a, b in np.concatenate([lone[:, [0, 1]], lone[:, [1, 2]]]):
        edge = vertices[b] - vertices[a]
        along = np.clip((points - vertices[a]) @ edge / max(edge @ edge, 1e-300), 0, 1)
        foot = vertices[a] + along[:, None] * edge
        expected = np.minimum(expected, np.linalg.norm(foot - points, axis=1))
    np.testing.assert_allclose(distances, expected, atol=1e-9)


def test_closest_point_of_one_triangle_is_known_in_every_zone():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    cases = {
        (0.2, 0.3, 5): (0.2, 0.3, 0),  # above the inside
        (0.5, -1, 2): (0.5, 0, 0),  # beside an edge
        (-1, -1, -1): (0, 0, 0),  # behind a corner
        (1, 1, 0): (0.5, 0.5, 0),  # beside the slanted edge
        (3, -1, 0): (1, 0, 0),
    }
    for point, expected in cases.items():
        found = closest_on_triangle(np.array(point, dtype=np.float64), corners)
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_barycentric_weights_rebuild_points_in_and_around_a_triangle(dimensions):
    rng = np.random.default_rng(4)
    corners = rng.normal(size=(50, 3, dimensions))
    weights = rng.normal(size=(50, 3))
    weights[:, 0] = 1 - weights[:, 1:].sum(axis=1)
    points = np.einsum("pc,pck->pk", weights, corners)
    np.testing.assert_allclose(barycentric(points, corners), weights, atol=1e-9)


def test_barycentric_weights_of_a_point_off_the_plane_are_its_foots():
    corners = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    weights = barycentric(np.array([[0.2, 0.3, 5.0]]), corners)
    np.testing.assert_allclose(weights, [[0.5, 0.2, 0.3]], atol=1e-12)
