"""Mesh files: what is written is read back, and refers to its files by name."""

import base64
import io
import itertools
import json
import os
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shapes import grid, icosphere

from facelib.files.atomic import remove_unfinished
from facelib.geometry.mesh import (
    Mesh,
)
from facelib.geometry.mesh_names import files_of
from facelib.geometry.meshfiles import read_mesh, write_mesh


def textured():
    vertices, triangles = grid(4)
    vertices = vertices * [80, 100, 0] + [0, 0, 5]
    uv = np.column_stack([vertices[:, 0] / 80, 1 - vertices[:, 1] / 100])
    texture = np.round(np.random.default_rng(0).random((8, 6, 3)) * 255) / 255
    return Mesh(vertices, triangles, uv, texture)


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


def test_pictures_and_materials_of_others_are_left_alone(tmp_path):
    others = ("holiday.png", "holiday.mtl", "holiday-01234567.png", "holiday-01234567.mtl")
    for name in others:
        (tmp_path / name).write_text(name)
    for _ in range(2):
        write_mesh(tmp_path / "holiday.obj", textured())
        assert [(tmp_path / name).read_text() for name in others] == list(others)
    assert len(list(tmp_path.iterdir())) == len(others) + 3


def test_a_texture_that_was_painted_over_is_kept(tmp_path):
    write_mesh(tmp_path / "me.obj", textured())
    (texture,) = tmp_path.glob("*.png")
    texture.write_bytes(b"painted over")
    with pytest.raises(FileExistsError, match=f"{texture.name} was changed"):
        write_mesh(tmp_path / "me.obj", textured())
    assert texture.read_bytes() == b"painted over"


def test_two_meshes_never_share_a_texture(tmp_path):
    for name in ("a b.obj", "a_b.obj", "a b.obj"):
        write_mesh(tmp_path / name, textured())
    first, second = (set(files_of(tmp_path / name)) for name in ("a b.obj", "a_b.obj"))
    assert not first & second and first | second == set(tmp_path.iterdir())


class KilledError(Exception):
    """In place of the end of the program."""


def stopping(step, steps, last):
    """A function that counts its calls, and ends the program instead of the last one."""

    def counted(*arguments, **options):
        if next(steps) == last:
            raise KilledError
        return step(*arguments, **options)

    return counted


def states(path, monkeypatch, mesh):
    """Write an OBJ again and again, each time stopped one step later; yield after each."""
    for last in itertools.count():
        steps = itertools.count()
        with monkeypatch.context() as patch:
            patch.setattr("os.replace", stopping(os.replace, steps, last))
            patch.setattr(Path, "unlink", stopping(Path.unlink, steps, last))
            try:
                write_mesh(path, mesh)
            except KilledError:
                pass
            else:
                return
        yield


def test_an_obj_never_wears_the_texture_of_another_wherever_its_writing_is_stopped(
    tmp_path, monkeypatch
):
    old = textured()
    new = replace(old, vertices=old.vertices * 2, texture=1 - old.texture)
    path, n_states = tmp_path / "me.obj", 0
    write_mesh(path, old)
    for _ in states(path, monkeypatch, new):
        n_states += 1
        found = read_mesh(path)
        expected = min(old, new, key=lambda mesh: np.abs(mesh.vertices - found.vertices).max())
        np.testing.assert_allclose(found.vertices, expected.vertices, atol=1e-5)
        np.testing.assert_allclose(found.texture, expected.texture, atol=1e-6)
        remove_unfinished(tmp_path)
        if expected is new:
            write_mesh(path, old)
    assert n_states >= 5  # three files appear, and two go
    remove_unfinished(tmp_path)
    assert set(files_of(path)) == set(tmp_path.iterdir()) and len(files_of(path)) == 3
    np.testing.assert_allclose(read_mesh(path).vertices, new.vertices, atol=1e-5)


def test_an_obj_refers_to_its_files_by_name_and_v_points_up_in_it(tmp_path):
    mesh = textured()
    write_mesh(tmp_path / "my face.obj", mesh)
    (material_path,), (picture_path,) = tmp_path.glob("*.mtl"), tmp_path.glob("*.png")
    assert re.fullmatch(r"my_face-[0-9a-f]{8}\.mtl", material_path.name)
    assert len(list(tmp_path.iterdir())) == 3
    lines = (tmp_path / "my face.obj").read_text().splitlines()
    material = material_path.read_text().splitlines()
    assert f"mtllib {material_path.name}" in lines and f"map_Kd {picture_path.name}" in material
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


def changed_scene(path, change):
    """Rewrite a GLB's description."""
    content = path.read_bytes()
    length = struct.unpack("<I", content[12:16])[0]
    scene = json.loads(content[20 : 20 + length])
    change(scene)
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    rest = content[20 + length :]
    head = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(rest), len(text), b"JSON")
    path.write_bytes(head + text + rest)


@pytest.mark.parametrize("count", [10**9, -1, "many", None])
def test_a_glb_that_announces_impossible_counts_is_refused_unread(tmp_path, count):
    path = tmp_path / "a.glb"
    write_mesh(path, textured())
    changed_scene(path, lambda scene: scene["accessors"][0].update(count=count))
    with pytest.raises(ValueError, match="a.glb cannot be read: its accessors announce"):
        read_mesh(path)


def test_a_glb_whose_picture_would_run_a_program_is_refused(tmp_path):
    path = tmp_path / "a.glb"
    write_mesh(path, textured())
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "EPS")
    uri = "data:;base64," + base64.b64encode(picture.getvalue()).decode()
    changed_scene(path, lambda scene: scene.update(images=[{"uri": uri}]))
    with pytest.raises(ValueError, match="a.glb cannot be read: its texture is none of"):
        read_mesh(path)


@pytest.mark.parametrize("place", ["pipe", "device", "outside"])
def test_a_texture_that_is_no_file_of_the_folder_is_not_read(tmp_path, place):
    folder = tmp_path / "mesh"
    folder.mkdir()
    write_mesh(folder / "a.obj", textured())
    (picture,) = folder.glob("*.png")
    picture.rename(tmp_path / "secret.png")
    if place == "pipe":
        os.mkfifo(picture)
    else:
        picture.symlink_to("/dev/zero" if place == "device" else "../secret.png")
    assert read_mesh(folder / "a.obj").texture is None
