"""OBJ and PLY of a head in parts: connected surfaces, one material per part, right seams."""

import io

import numpy as np
import pytest
import trimesh
from known_heads import known_head, plain_texture
from PIL import Image

from facelib.geometry.meshfiles import read_mesh, write_mesh


@pytest.fixture(scope="module")
def head():
    return known_head(0, rig=False, start="photo", jawOpen=0.5)


def numbers(lines, key):
    return np.array([line.split()[1:] for line in lines if line.startswith(f"{key} ")], float)


def test_an_obj_has_a_material_per_part_with_one_picture(tmp_path, head):
    write_mesh(tmp_path / "me.obj", head)
    lines = (tmp_path / "me.obj").read_text().splitlines()
    assert [line for line in lines if line.startswith("usemtl")] == [
        "usemtl skin", "usemtl eyes", "usemtl teeth", "usemtl mouth",
    ]  # fmt: skip
    (material_path,), (picture_path,) = tmp_path.glob("*.mtl"), tmp_path.glob("*.png")
    material = material_path.read_text()
    assert material.count("newmtl ") == material.count(f"map_Kd {picture_path.name}") == 4
    np.testing.assert_array_equal(np.asarray(Image.open(picture_path)), plain_texture())


def test_an_objs_corners_are_the_assets(tmp_path, head):
    write_mesh(tmp_path / "me.obj", head)
    lines = (tmp_path / "me.obj").read_text().splitlines()
    corners = np.array(
        [[c.split("/") for c in line.split()[1:]] for line in lines if line.startswith("f ")], int
    )
    place, at, normal = np.moveaxis(corners - 1, 2, 0)
    np.testing.assert_allclose(numbers(lines, "v")[place], head.vertices[head.triangles], atol=1e-6)
    np.testing.assert_allclose(
        numbers(lines, "vt")[at], head.uv[head.triangles] * [1, -1] + [0, 1], atol=1e-6
    )
    np.testing.assert_allclose(
        numbers(lines, "vn")[normal], head.normals[head.triangles], atol=1e-4
    )


def test_the_surface_is_connected_across_seams(tmp_path, head):
    write_mesh(tmp_path / "me.obj", head)
    write_mesh(tmp_path / "me.ply", head)
    lines = (tmp_path / "me.obj").read_text().splitlines()
    faces = [[c.split("/")[0] for c in line.split()[1:]] for line in lines if line[:2] == "f "]
    obj = trimesh.Trimesh(numbers(lines, "v"), np.array(faces, int) - 1, process=False)
    for read in (obj, trimesh.load_mesh(tmp_path / "me.ply", process=False)):
        assert len(read.vertices) == len(np.unique(head.vertices, axis=0)) < len(head.vertices)
        # Skin with the mouth's cavity, two eyeballs, two rows of teeth, the tongue.
        assert len(trimesh.graph.connected_components(read.face_adjacency, min_len=2)) == 6
        assert read.is_winding_consistent
        skin = max(read.split(only_watertight=False), key=lambda part: len(part.faces))
        assert skin.is_watertight and skin.volume > 0.002  # m³: fit for a printer


@pytest.mark.parametrize("ending", [".obj", ".glb"])
def test_parts_of_one_texture_are_read_back_as_one_mesh(tmp_path, head, ending):
    write_mesh(tmp_path / f"me{ending}", head)
    read = read_mesh(tmp_path / f"me{ending}")
    assert read.texture.shape == (256, 256, 3)
    assert np.ptp(read.triangles) + 1 == len(read.vertices)

    def corners(vertices, uv, triangles):
        rows = np.hstack([vertices, uv])[triangles].mean(axis=1)
        return rows[np.lexsort(np.round(rows, 4).T)]

    ours = corners(head.vertices, head.uv, head.triangles)
    np.testing.assert_allclose(
        np.sort(corners(read.vertices, read.uv, read.triangles), axis=0),
        np.sort(ours, axis=0), atol=1e-5,
    )  # fmt: skip


def test_a_ply_has_normals_and_the_textures_colours(tmp_path, head):
    write_mesh(tmp_path / "me.ply", head)
    content = (tmp_path / "me.ply").read_bytes()
    read = trimesh.load(io.BytesIO(content), file_type="ply", process=False)
    first = np.sort(np.unique(head.vertices, axis=0, return_index=True)[1])
    np.testing.assert_array_equal(read.vertices, head.vertices[first])
    np.testing.assert_allclose(read.vertex_normals, head.normals[first], atol=1e-6)
    texels = np.clip((head.uv[first] * 256).astype(int), 0, 255)
    expected = plain_texture()[texels[:, 1], texels[:, 0]]
    np.testing.assert_array_equal(read.visual.vertex_colors[:, :3], expected)


def test_without_a_rig_the_expression_is_baked_in(tmp_path, head):
    write_mesh(tmp_path / "me.ply", head)
    write_mesh(tmp_path / "rest.ply", known_head(0, rig=False))
    lowest = []
    for name in ("me", "rest"):
        mesh = trimesh.load(tmp_path / f"{name}.ply", process=False)
        chin = np.abs(mesh.vertices[:, 0]) < 0.01
        lowest.append(mesh.vertices[chin & (mesh.vertices[:, 2] > 0.06), 1].min())
    assert lowest[0] < lowest[1] - 0.003  # an open jaw lowers the chin by some mm
