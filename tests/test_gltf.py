"""GLB: what is written can be read back, number by number, and passes Khronos's validator."""

import io
import json
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from known_heads import known_head
from PIL import Image
from shapes import icosphere

from facelib.face.headmodel import load_head
from facelib.geometry.asset import Morph, asset_of
from facelib.geometry.gltf import glb_bytes
from facelib.geometry.mesh import Mesh

WEB = Path(__file__).parent / "web"
DTYPES = {5126: np.float32, 5125: np.uint32, 5123: np.uint16}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Reading:
    """A plain reader of the specification, which knows nothing of the writer."""

    def __init__(self, content: bytes):
        magic, version, length = struct.unpack_from("<4sII", content)
        assert (magic, version, length) == (b"glTF", 2, len(content))
        (size,) = struct.unpack_from("<I", content, 12)
        self.scene = json.loads(content[20 : 20 + size])
        self.binary = content[28 + size :]

    def view(self, number: int) -> bytes:
        view = self.scene["bufferViews"][number]
        return self.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def array(self, number: int) -> np.ndarray:
        accessor = self.scene["accessors"][number]
        dtype, width = np.dtype(DTYPES[accessor["componentType"]]), WIDTHS[accessor["type"]]
        values = np.zeros((accessor["count"], width), dtype)
        if "bufferView" in accessor:
            stride = self.scene["bufferViews"][accessor["bufferView"]].get("byteStride")
            assert stride in (None, width * dtype.itemsize)
            start = accessor.get("byteOffset", 0)
            content = self.view(accessor["bufferView"])[start:]
            values[:] = np.frombuffer(content, dtype, values.size).reshape(values.shape)
        if "sparse" in accessor:
            sparse = accessor["sparse"]
            kind = DTYPES[sparse["indices"]["componentType"]]
            places = self.view(sparse["indices"]["bufferView"])[sparse["indices"]["byteOffset"] :]
            places = np.frombuffer(places, kind, sparse["count"])
            assert (np.diff(places.astype(int)) > 0).all()
            moves = self.view(sparse["values"]["bufferView"])[sparse["values"]["byteOffset"] :]
            values[places] = np.frombuffer(moves, dtype, values[places].size).reshape(-1, width)
        return values


def test_parts_materials_and_morph_targets_are_read_back():
    asset = known_head(0, start="photo", jawOpen=0.25)
    file = Reading(glb_bytes(asset, "me"))
    (mesh,) = file.scene["meshes"]
    assert mesh["extras"]["targetNames"] == list(load_head().expression_names)
    assert mesh["weights"][mesh["extras"]["targetNames"].index("jawOpen")] == 0.25
    assert sum(mesh["weights"]) == 0.25
    names = [material["name"] for material in file.scene["materials"]]
    assert names == ["skin", "eyes", "teeth", "mouth"]
    for primitive, part in zip(mesh["primitives"], asset.parts, strict=True):
        triangles = asset.triangles[part.triangles]
        own = slice(triangles.min(), triangles.max() + 1)
        read = {key: file.array(number) for key, number in primitive["attributes"].items()}
        np.testing.assert_array_equal(read["POSITION"], asset.vertices[own])
        np.testing.assert_array_equal(read["NORMAL"], asset.normals[own])
        np.testing.assert_array_equal(read["TEXCOORD_0"], asset.uv[own])
        indices = file.array(primitive["indices"]).reshape(-1, 3)
        np.testing.assert_array_equal(indices + own.start, triangles)
        for target, morph in zip(primitive["targets"], asset.morphs, strict=True):
            for key, places, values in (
                ("POSITION", morph.places, morph.moves),
                ("NORMAL", morph.bent_places, morph.bends),
            ):
                changes = np.zeros_like(asset.vertices)
                changes[places] = values
                np.testing.assert_array_equal(file.array(target[key]), changes[own])


def test_the_declared_ranges_hold():
    file = Reading(glb_bytes(known_head(0), "me"))
    for number, accessor in enumerate(file.scene["accessors"]):
        if "min" in accessor:
            values = file.array(number)
            np.testing.assert_array_equal(values.min(axis=0), np.float32(accessor["min"]))
            np.testing.assert_array_equal(values.max(axis=0), np.float32(accessor["max"]))


def test_the_texture_is_a_jpeg_for_photos_and_exact_otherwise():
    asset = known_head(0, rig=False)
    for is_photo, kind in ((True, "JPEG"), (False, "PNG")):
        file = Reading(glb_bytes(replace(asset, is_photo=is_photo), "me"))
        (image,) = file.scene["images"]
        picture = Image.open(io.BytesIO(file.view(image["bufferView"])))
        assert picture.format == kind and image["mimeType"] == f"image/{kind.lower()}"
        gap = np.abs(np.asarray(picture).astype(int) - asset.texture)
        assert gap.mean() < 3 if is_photo else gap.max() == 0


def test_morphs_cost_little_where_they_move_little():
    rigged, still = (len(glb_bytes(known_head(1, rig=rig), "me")) for rig in (True, False))
    dense = 52 * 2 * 12 * len(known_head(1).vertices)
    assert rigged - still < 0.3 * dense


def test_a_mesh_of_many_vertices_gets_wide_indices():
    vertices, triangles = icosphere(7)  # 163,842 vertices
    asset = asset_of(Mesh(vertices, triangles), "ball")
    every, none = np.arange(len(vertices)), np.zeros((0, 3))
    morph = Morph("grow", every, 0.1 * asset.vertices, every[:0], none)
    file = Reading(glb_bytes(replace(asset, morphs=(morph,)), "ball"))
    (primitive,) = file.scene["meshes"][0]["primitives"]
    read = file.array(primitive["indices"]).reshape(-1, 3)
    np.testing.assert_array_equal(read, triangles)
    assert read.dtype == np.uint32
    moves = file.array(primitive["targets"][0]["POSITION"])
    np.testing.assert_allclose(moves, 0.1 * vertices, atol=1e-7)


def test_colours_of_vertices_are_linear_light():
    vertices, triangles = icosphere(1)
    colors = np.tile([1.0, 0.5, 0.0], (len(vertices), 1))
    file = Reading(glb_bytes(asset_of(Mesh(vertices, triangles, colors=colors), "ball"), "ball"))
    (primitive,) = file.scene["meshes"][0]["primitives"]
    read = file.array(primitive["attributes"]["COLOR_0"])[0] / 65535
    np.testing.assert_allclose(read, [1, 0.216, 0, 1], atol=0.001)


def test_trimesh_reads_the_same_head():
    asset = known_head(1)
    scene = trimesh.load(io.BytesIO(glb_bytes(asset, "me")), file_type="glb", process=False)
    parts = {mesh.visual.material.name: mesh for mesh in scene.geometry.values()}
    assert list(parts) == [part.name for part in asset.parts]
    for part in asset.parts:
        triangles = asset.triangles[part.triangles]
        own = slice(triangles.min(), triangles.max() + 1)
        mesh = parts[part.name]
        np.testing.assert_allclose(mesh.vertices, asset.vertices[own])
        np.testing.assert_allclose(mesh.vertex_normals, asset.normals[own], atol=1e-5)
        np.testing.assert_allclose(mesh.visual.uv, asset.uv[own] * [1, -1] + [0, 1], atol=1e-6)
        assert mesh.visual.material.roughnessFactor == part.roughness


validator = pytest.mark.skipif(
    not (WEB / "node_modules" / "gltf-validator").is_dir() or shutil.which("node") is None,
    reason="needs node and Khronos's validator: make validator",
)


@validator
def test_khronos_validator_finds_no_fault(tmp_path):
    kinds = [(0, part, rig) for part in ("head", "face") for rig in (True, False)]
    for detail, part, rig in [*kinds, (1, "head", True), (2, "head", False)]:
        asset = known_head(detail, part, rig, "photo", jawOpen=0.2)
        path = tmp_path / f"{part}{detail}{'_rig' * rig}.glb"
        path.write_bytes(glb_bytes(asset, "me"))
    vertices, triangles = icosphere(2)
    colored = Mesh(vertices, triangles, colors=np.abs(vertices))
    (tmp_path / "colored.glb").write_bytes(glb_bytes(asset_of(colored, "ball"), "ball"))
    command = ["node", str(WEB / "validate.js"), *map(str, sorted(tmp_path.glob("*.glb")))]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    reports = json.loads(answer.stdout)
    assert len(reports) == 7
    for report in reports:
        assert report["issues"]["messages"] == [], report["uri"]


@validator
def test_the_validator_would_find_a_fault(tmp_path):
    asset = known_head(0, rig=False)
    bad = replace(asset, normals=2 * asset.normals)
    (tmp_path / "bad.glb").write_bytes(glb_bytes(bad, "me"))
    command = ["node", str(WEB / "validate.js"), str(tmp_path / "bad.glb")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(answer.stdout)[0]["issues"]["numErrors"] > 0
