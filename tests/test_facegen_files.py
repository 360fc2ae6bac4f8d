"""Files of a FaceGen export: meshes in their own order, photos, keypoints."""

import warnings

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from facelib.datasets.facegen.files import (
    read_keypoint_indices,
    read_obj_triangles,
    read_obj_vertices,
    read_rgba,
)


def test_a_photo_without_alpha_is_opaque(tmp_path):
    Image.new("RGB", (4, 3), (9, 9, 9)).save(tmp_path / "a.png")
    assert read_rgba(tmp_path / "a.png").shape == (3, 4, 4)
    assert read_rgba(tmp_path / "a.png")[..., 3].min() == 1


def test_obj_keeps_order_and_cuts_quads(tmp_path):
    (tmp_path / "a.obj").write_text(
        "mtllib x\nv 0 0 0 1 1 1\nv 1 0 0\nvt 0 0\nv 1 1 0\nv 0 1 0\nf 1/1/1 2//2 3/1 4\n"
    )
    assert read_obj_vertices(tmp_path / "a.obj").shape == (4, 3)
    assert read_obj_triangles(tmp_path / "a.obj").tolist() == [[0, 1, 2], [0, 2, 3]]


def test_keypoints_come_from_text_or_from_bfm(tmp_path):
    numbers = np.arange(68) * 3
    (tmp_path / "k.txt").write_text("\n".join(map(str, numbers)))
    savemat(tmp_path / "BFM.mat", {"model": {"kpt_ind": numbers[None] + 1}})
    for name in ("k.txt", "BFM.mat"):
        assert read_keypoint_indices(tmp_path / name).tolist() == numbers.tolist()
    for name, content in (("few.txt", "1 2 3"), ("words.txt", "a b"), ("no.mat", "x")):
        (tmp_path / name).write_text(content)
        with pytest.raises(ValueError, match=name):
            read_keypoint_indices(tmp_path / name)


@pytest.mark.parametrize("word", ["nan", "inf", "1.5", "-1", "1e300", "1e10"])
def test_what_numbers_no_vertex_is_no_keypoint(tmp_path, word):
    (tmp_path / "k.txt").write_text(" ".join([word, *map(str, range(67))]))
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match="67 of them"):
        read_keypoint_indices(tmp_path / "k.txt")


def test_a_face_of_a_vertex_that_no_mesh_has_is_refused(tmp_path):
    (tmp_path / "a.obj").write_text(f"v 0 0 0\nf 1 1 {10**20}\n")
    with pytest.raises(ValueError, match="a.obj"):
        read_obj_triangles(tmp_path / "a.obj")
