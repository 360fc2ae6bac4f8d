import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import grid, icosphere

from facelib.geometry.mesh import (
    Mesh,
    boundary_loops,
    edges,
    subdivision_matrix,
    triangle_normals,
    vertex_normals,
)
from facelib.geometry.meshfiles import read_mesh, write_mesh


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


@settings(deadline=None, max_examples=20)
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


@pytest.mark.parametrize("ending", [".obj", ".glb"])
def test_a_textured_mesh_survives_the_disk(tmp_path, ending):
    mesh = textured()
    path = tmp_path / f"my face{ending}"
    write_mesh(path, mesh)
    again = read_mesh(path)
    np.testing.assert_allclose(again.vertices, mesh.vertices, atol=1e-5)
    np.testing.assert_array_equal(again.triangles, mesh.triangles)
    np.testing.assert_allclose(again.uv, mesh.uv, atol=1e-6)
    np.testing.assert_allclose(again.texture, mesh.texture, atol=1e-6)


def test_an_obj_refers_to_its_files_by_name_and_v_points_up_in_it(tmp_path):
    mesh = textured()
    write_mesh(tmp_path / "my face.obj", mesh)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"my face.obj", "my_face.mtl", "my_face.png"}
    lines = (tmp_path / "my face.obj").read_text().splitlines()
    material = (tmp_path / "my_face.mtl").read_text().splitlines()
    assert "mtllib my_face.mtl" in lines and "map_Kd my_face.png" in material
    assert "usemtl my_face" in lines and "newmtl my_face" in material
    assert any(line.startswith("Kd 1.0") for line in material)
    written = np.array([line.split()[1:] for line in lines if line.startswith("vt ")], float)
    np.testing.assert_allclose(written, mesh.uv * [1, -1] + [0, 1], atol=1e-6)


def test_a_ply_carries_the_texture_as_vertex_colours(tmp_path):
    red_above_blue = np.zeros((2, 2, 3))
    red_above_blue[0, :, 0], red_above_blue[1, :, 2] = 1, 1
    mesh = textured()
    write_mesh(tmp_path / "a.ply", Mesh(mesh.vertices, mesh.triangles, mesh.uv, red_above_blue))
    again = read_mesh(tmp_path / "a.ply")
    above = mesh.vertices[:, 1] > 50
    np.testing.assert_array_equal(again.colors[above], [[1, 0, 0]] * above.sum())
    np.testing.assert_array_equal(again.colors[~above], [[0, 0, 1]] * (~above).sum())


@pytest.mark.parametrize("ending", [".obj", ".glb", ".ply"])
def test_a_bare_mesh_survives_the_disk(tmp_path, ending):
    vertices, triangles = icosphere(1)
    write_mesh(tmp_path / f"a{ending}", Mesh(vertices, triangles))
    again = read_mesh(tmp_path / f"a{ending}")
    np.testing.assert_allclose(again.vertices, vertices, atol=1e-6)
    np.testing.assert_array_equal(again.triangles, triangles)
    assert again.uv is None and again.texture is None and again.colors is None


def test_files_that_cannot_be_are_named(tmp_path):
    mesh = textured()
    with pytest.raises(ValueError, match="ending in .obj, .glb, .ply, got 'a.stl'"):
        write_mesh(tmp_path / "a.stl", mesh)
    with pytest.raises(OSError, match="cannot write"):
        write_mesh(tmp_path / "no folder" / "a.obj", mesh)
    with pytest.raises(FileNotFoundError, match="a.obj"):
        read_mesh(tmp_path / "a.obj")
    (tmp_path / "a.glb").write_bytes(b"not a mesh")
    with pytest.raises(ValueError, match="a.glb cannot be read"):
        read_mesh(tmp_path / "a.glb")
    (tmp_path / "a.obj").write_text("v 0 0 0\n")
    with pytest.raises(ValueError, match="a.obj"):
        read_mesh(tmp_path / "a.obj")
