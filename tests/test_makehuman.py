"""Steps of `experiments/build_head.py`, on inputs small enough to know the answer."""

import gzip
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


@pytest.fixture(scope="module")
def makehuman():
    """The package beside the scripts, which find it in their own folder."""
    sys.path.insert(0, str(EXPERIMENTS))
    yield lambda name: importlib.import_module(f"makehuman.{name}")
    sys.path.remove(str(EXPERIMENTS))


@pytest.mark.parametrize("packed", [False, True])
def test_a_target_moves_the_vertices_that_it_names(makehuman, tmp_path, packed):
    text = "# a comment\n2 0.5 -1 0\n0 0 0 .25\n"
    path = tmp_path / ("a.target.gz" if packed else "a.target")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    expected = [[0, 0, 0.25], [0, 0, 0], [0.5, -1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(makehuman("files").read_target(path, 4), expected)


def test_the_base_mesh_is_read_by_group_and_without_joints(makehuman, tmp_path):
    (tmp_path / "base.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
        "g joint-neck\nf 1/1 2/2 3/3 4/4\ng body\nf 4/1 3/2 2/3 1/4\n"
    )
    base = makehuman("files").read_base_mesh(tmp_path / "base.obj")
    assert list(base.quads) == ["body"]
    np.testing.assert_array_equal(base.quads["body"], [[3, 2, 1, 0]])
    np.testing.assert_array_equal(base.texture_quads["body"], [[0, 1, 2, 3]])


def test_a_quad_is_cut_along_its_shorter_diagonal(makehuman):
    vertices = np.array([[0.0, 0, 0], [1.5, -1, 0], [3, 0, 0], [1.5, 1, 0]])
    triangles = makehuman("mesh").split_quads(vertices, np.array([[0, 1, 2, 3], [1, 2, 3, 0]]))
    assert len(triangles) == 4
    for triangle in triangles:
        assert {1, 3} < set(triangle.tolist())
        a, b, c = vertices[triangle]
        assert np.cross(b - a, c - a)[2] == pytest.approx(3)  # half the quad, same winding


def test_heads_that_differ_in_pose_alone_become_equal(makehuman):
    rng = np.random.default_rng(0)
    head = rng.normal(scale=50, size=(30, 3))
    heads = np.array(
        [Rotation.random(random_state=i).apply(head) + rng.normal(size=3) for i in range(5)]
    )
    makehuman("population").align_rigidly(heads, np.arange(0, 30, 2))
    np.testing.assert_allclose(heads, np.broadcast_to(heads[0], heads.shape), atol=1e-6)


def test_principal_components_make_up_the_covariance(makehuman):
    heads = np.random.default_rng(1).normal(size=(200, 4, 3)).astype(np.float32)
    mean, basis, share = makehuman("population").principal_components(heads)
    np.testing.assert_allclose(mean, heads.mean(0), atol=1e-6)
    flat = basis.reshape(len(basis), -1)
    np.testing.assert_allclose(flat.T @ flat, np.cov(heads.reshape(200, -1).T), atol=1e-4)
    assert share == pytest.approx(1, abs=1e-4)
