"""Mesh transfer: our own heads, remeshed, are recovered vertex by vertex."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.transform import Rotation
from shapes import icosphere

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.face.matrix_file import load_matrix, save_matrix
from facelib.face.mesh_transfer import (
    _facing_out,
    _Surface,
    transfer_mesh,
)
from facelib.face.template import FaceTemplate
from facelib.geometry.subdivision import subdivision_matrix
from facelib.geometry.transforms import Similarity
from facelib.synthetic.plain import random_plain_strengths

MODEL, LAYOUT = load_head(), load_layout()
FACE = LAYOUT.labels["face"] & ~LAYOUT.labels["membrane"]
OTHER_FRAME = Similarity(1300.0, Rotation.from_rotvec([0.4, -1.0, 0.3]).as_matrix(), [5e4, 0, -9e3])


def other_layout(rng):
    """A cropped skin with four times the triangles, shuffled: matrix from the head, triangles."""
    inner = ("eyeballs", "mouth_cavity", "eye_sockets", "teeth", "tongue")
    skin = ~np.any([MODEL.regions[name] for name in inner], axis=0)
    kept = (skin | MODEL.regions["lips"] | MODEL.regions["eyes"]) & (MODEL.mean_head[:, 2] > -20)
    matrix, triangles = subdivision_matrix(MODEL.triangles[kept[MODEL.triangles].all(1)], len(kept))
    used = rng.permutation(np.unique(triangles))
    number = np.full(matrix.shape[0], -1)
    number[used] = np.arange(len(used))
    return csr_array(matrix)[used], number[triangles][rng.permutation(len(triangles))]


def person(rng, expression=False):
    shape = np.clip(rng.standard_normal(60), -2.5, 2.5)
    return MODEL.vertices(
        shape, random_plain_strengths(rng, MODEL.expression_names) if expression else None
    )


@pytest.fixture(scope="module")
def integrated():
    """A layout registered once, from an expressive face with keypoints 3 mm off, in µm, turned."""
    rng = np.random.default_rng(3)
    matrix, triangles = other_layout(rng)
    head = person(rng, expression=True)
    keypoints = MODEL.keypoints(head) + rng.normal(size=(68, 3)) * 3
    other = OTHER_FRAME.apply(matrix @ head)
    template = FaceTemplate.of(MODEL, LAYOUT)
    result = transfer_mesh(other, triangles, OTHER_FRAME.apply(keypoints), template)
    return SimpleNamespace(matrix=matrix, head=head, other=other, result=result)


def error_mm(found, head):
    return np.linalg.norm(found - LAYOUT.from_head @ head, axis=1)


def test_a_remeshed_face_comes_back_vertex_by_vertex(integrated):
    found = OTHER_FRAME.inverse().apply(integrated.result.matrix @ integrated.other)
    error = error_mm(found, integrated.head)
    assert error[FACE].mean() < 0.1
    assert np.percentile(error[FACE], 95) < 0.3
    assert integrated.result.distance_mm[FACE].mean() < 0.05
    assert integrated.result.matched[FACE].mean() > 0.9


def fresh_triangulation(size=128):
    """A regular grid over the face, none of whose points is one of our vertices; no mouth."""
    coarse = load_layout(size)
    in_mouth = coarse.label_map("membrane") * coarse.label_map("mouth") > 0.02
    covered = coarse.coverage & ~in_mouth
    number = np.full((size, size), -1)
    number[covered] = np.arange(covered.sum())
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    triangles = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    return coarse.matrix[np.flatnonzero(covered)], triangles[(triangles >= 0).all(axis=1)]


def test_a_fresh_triangulation_comes_back_too():
    """Its chords cut our corners by 0.1 mm, and its keypoints are 3 mm off."""
    rng = np.random.default_rng(1)
    matrix, triangles = fresh_triangulation()
    head = person(rng, expression=True)
    other = matrix @ (LAYOUT.from_head @ head)
    keypoints = MODEL.keypoints(head) + rng.normal(size=(68, 3)) * 3
    template = FaceTemplate.of(MODEL, LAYOUT, closed_eyes=True)
    result = transfer_mesh(other, triangles, keypoints, template)
    assert error_mm(result.matrix @ other, head)[FACE].mean() < 0.5
    stranger = person(rng)
    carried = result.matrix @ (matrix @ (LAYOUT.from_head @ stranger))
    assert error_mm(carried, stranger)[FACE].mean() < 0.5


def test_one_registration_serves_every_mesh_of_the_layout(integrated):
    rng = np.random.default_rng(8)
    for _ in range(3):
        head = person(rng, expression=True)
        assert (
            error_mm(integrated.result.matrix @ (integrated.matrix @ head), head)[FACE].mean() < 0.5
        )


def test_the_matrix_keeps_any_frame(integrated):
    matrix = integrated.result.matrix
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-9)
    one_way = OTHER_FRAME.apply(matrix @ integrated.other)
    np.testing.assert_allclose(one_way, matrix @ OTHER_FRAME.apply(integrated.other), rtol=1e-6)


def test_membranes_are_rebuilt_from_the_lids(integrated):
    found = integrated.result.matrix @ (integrated.matrix @ integrated.head)
    membrane = LAYOUT.labels["membrane"]
    assert error_mm(found, integrated.head)[membrane].mean() < 2


def test_a_matrix_survives_the_disk(integrated, tmp_path):
    save_matrix(tmp_path / "layout.npz", integrated.result.matrix)
    back = load_matrix(tmp_path / "layout.npz")
    assert (back != integrated.result.matrix).nnz == 0
    assert [path.name for path in tmp_path.iterdir()] == ["layout.npz"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_another_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "layout.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="layout.npz"):
        load_matrix(path)


def test_a_mesh_that_is_no_face_is_refused():
    vertices, triangles = icosphere(3, 20.0)
    keypoints = MODEL.keypoints(MODEL.mean_head)
    with pytest.raises(ValueError, match="counterpart"):
        transfer_mesh(vertices, triangles, keypoints, FaceTemplate.of(MODEL, LAYOUT))


def test_triangles_that_face_inward_are_turned_over(integrated):
    rng = np.random.default_rng(3)
    _, triangles = other_layout(rng)
    template, found = FaceTemplate.of(MODEL, LAYOUT), integrated.result.similarity
    for given in (triangles, triangles[:, ::-1]):
        turned = _facing_out(_Surface(integrated.other, given), found, template)
        assert np.array_equal(turned.triangles, triangles)


def test_a_matrix_that_unpacks_to_gigabytes_is_refused_unpacked(tmp_path):
    arrays = {"data": np.zeros(2**24), "indices": 0, "indptr": 0, "shape": (1, 1), "format": 1}
    np.savez_compressed(tmp_path / "layout.npz", **arrays)
    with pytest.raises(ValueError, match="layout.npz.* unpacks to"):
        load_matrix(tmp_path / "layout.npz")


def test_a_matrix_that_is_not_finite_is_refused(tmp_path):
    save_matrix(tmp_path / "layout.npz", csr_array([[np.nan, 1.0]]))
    with pytest.raises(ValueError, match="layout.npz.*not finite"):
        load_matrix(tmp_path / "layout.npz")


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("indptr", [0, 2, 0]), ("indptr", [0, 9, 0]), ("indptr", [-1, 1, 2]), ("indptr", [0, 2]),
        ("indices", [0, 7]), ("indices", [-1, 0]), ("data", [1.0]), ("shape", [2]),
        ("indices", [0.0, 1.0]),
    ],
)  # fmt: skip
def test_a_matrix_that_names_places_outside_of_it_is_refused(tmp_path, name, odd):
    """Scipy would read there, and may end the program."""
    path = tmp_path / "layout.npz"
    save_matrix(path, csr_array([[1.0, 0.0], [0.0, 2.0]]))
    with np.load(path) as file:
        arrays = {**file}
    np.savez(path, **{**arrays, name: np.array(odd)})
    with pytest.raises(ValueError, match="layout.npz"):
        load_matrix(path)
