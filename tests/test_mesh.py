import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from shapes import grid, icosphere

from facelib.geometry.mesh import (
    Mesh,
    MovedPart,
    boundary_loops,
    edges,
    submesh,
    triangle_normals,
    vertex_normals,
)
from facelib.geometry.subdivision import subdivision_matrix


def textured():
    vertices, triangles = grid(4)
    vertices = vertices * [80, 100, 0] + [0, 0, 5]
    uv = np.column_stack([vertices[:, 0] / 80, 1 - vertices[:, 1] / 100])
    texture = np.round(np.random.default_rng(0).random((8, 6, 3)) * 255) / 255
    return Mesh(vertices, triangles, uv, texture)


def test_arrays_get_their_dtypes_and_must_fit():
    mesh = textured()
    assert mesh.vertices.dtype == np.float32 and mesh.triangles.dtype == np.int32
    with pytest.raises(ValueError, match=r"expected uv of shape \(16, 2\), got \(15, 2\)"):
        Mesh(mesh.vertices, mesh.triangles, mesh.uv[:-1])
    with pytest.raises(ValueError, match="expected vertex indices 0..2"):
        Mesh(np.zeros((3, 3)), [[0, 1, 3]])


def test_a_spheres_normals_point_outward():
    vertices, triangles = icosphere(4)
    normals = vertex_normals(vertices, triangles)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(normals, vertices, atol=0.01)
    centres = vertices[triangles].mean(axis=1)
    assert (np.sum(triangle_normals(vertices, triangles) * centres, axis=1) > 0.99).all()


def test_vertex_normals_are_weighted_by_area():
    # A small triangle facing +z and one of three times its area facing +x share vertex 0.
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 3, 0], [0, 0, 1.0]])
    normal = vertex_normals(vertices, np.array([[0, 1, 2], [0, 3, 4]]))[0]
    np.testing.assert_allclose(normal, np.array([3, 0, 1]) / np.sqrt(10), atol=1e-6)


def test_what_has_no_area_has_no_normal():
    vertices = np.zeros((4, 3))
    assert not triangle_normals(vertices, np.array([[0, 1, 2]])).any()
    assert not vertex_normals(vertices, np.array([[0, 1, 2]])).any()


def test_edges_obey_eulers_formula():
    vertices, triangles = icosphere(2)
    found = edges(triangles)
    assert len(vertices) - len(found) + len(triangles) == 2
    assert (found[:, 0] < found[:, 1]).all()


def test_holes_are_found_and_followed_along_the_triangles():
    vertices, triangles = grid(6)
    assert boundary_loops(icosphere(1)[1]) == []
    centres = vertices[triangles].mean(axis=1)
    hole = (np.abs(centres[:, :2] - 0.5) < 0.1).all(axis=1)
    outer, inner = boundary_loops(triangles[~hole])
    assert len(outer) == 20 and len(inner) == 4

    def signed_area(loop):
        x, y = vertices[loop, 0], vertices[loop, 1]
        return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))

    assert signed_area(outer) == pytest.approx(1.0)
    assert signed_area(inner) == pytest.approx(-0.04)


@examples(20)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_subdivision_keeps_the_surface_and_agrees_with_trimesh(n, seed):
    vertices, triangles = grid(n)
    vertices = vertices + np.random.default_rng(seed).normal(size=vertices.shape)
    matrix, finer = subdivision_matrix(triangles, len(vertices))
    assert len(finer) == 4 * len(triangles)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    new = matrix @ vertices
    np.testing.assert_array_equal(new[: len(vertices)], vertices)
    np.testing.assert_allclose(
        triangle_normals(new, finer),
        np.repeat(triangle_normals(vertices, triangles), 4, axis=0),
        atol=1e-7,
    )
    theirs, _ = trimesh.remesh.subdivide(vertices, triangles)
    ours = new[np.lexsort(np.round(new, 9).T)]
    np.testing.assert_allclose(ours, theirs[np.lexsort(np.round(theirs, 9).T)], atol=1e-9)


def test_submesh_keeps_whole_triangles_only():
    mesh = Mesh(*grid(4))
    keep = mesh.vertices[:, 0] < 0.5  # two of the four columns
    part = submesh(mesh, keep)
    np.testing.assert_array_equal(part.vertices, mesh.vertices[keep])
    assert len(part.triangles) == 2 * 3
    areas = np.cross(*np.diff(part.vertices[part.triangles], axis=1).transpose(1, 0, 2))[:, 2] / 2
    np.testing.assert_allclose(areas, 1 / 18, rtol=1e-5)  # vertices are float32


def test_normals_near_a_move_are_all_that_change():
    vertices, triangles = icosphere(3)
    moved = vertices.copy()
    moved[[5, 40]] *= 1.2
    part = MovedPart.of(triangles, [5, 40], np.arange(len(vertices)))
    before, after = (vertex_normals(each, triangles) for each in (vertices, moved))
    np.testing.assert_array_equal(part.normals(moved), after[part.near])
    changed = np.flatnonzero((before != after).any(axis=1))
    assert set(changed) <= set(part.near) and len(part.near) < 20
