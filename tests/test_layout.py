"""Position maps: no folds, high coverage, equal to rasterised maps, read to a quarter pixel."""

import matplotlib.tri as tri
import numpy as np
import pytest
from faces import mean_face

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout, step_across
from facelib.render.rasterize import interpolate, rasterize

SIZES = (64, 128, 256)


@pytest.fixture(scope="module")
def layout():
    return load_layout(256)


def test_no_triangle_is_turned_over(layout):
    a, b, c = (layout.uv[layout.triangles[:, i]] * [1, -1] for i in range(3))
    (x1, y1), (x2, y2) = (b - a).T, (c - a).T
    assert (x1 * y2 - x2 * y1 > 0).all()  # counter-clockwise, as in the head frame


def test_layout_is_symmetric(layout):
    np.testing.assert_allclose(layout.uv[layout.mirror] * [-1, 1] + [1, 0], layout.uv, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_coverage_is_at_least_70_percent(size):
    layout = load_layout(size)
    assert layout.coverage.mean() >= 0.70
    a, b, c = (layout.uv[layout.triangles[:, i]] for i in range(3))
    areas = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (c - a)[:, 0] * (b - a)[:, 1]) / 2
    assert layout.coverage.mean() == pytest.approx(areas.sum(), abs=0.02)


def test_up_in_the_map_is_up_in_the_face(layout):
    keypoints_uv = layout.keypoint_matrix @ layout.uv
    assert keypoints_uv[27, 1] < keypoints_uv[8, 1]  # nose above chin
    assert keypoints_uv[0, 0] < 0.2 < 0.8 < keypoints_uv[16, 0]


@pytest.mark.parametrize("size", SIZES)
def test_map_equals_the_rasterised_one(size):
    layout, rng = load_layout(size), np.random.default_rng(0)
    vertices = rng.normal(size=(len(layout.uv), 3)).astype(np.float32)
    corners = np.column_stack([layout.uv * size - 0.5, np.zeros(len(layout.uv))])
    fragments = rasterize(corners, layout.triangles, size, size)
    drawn = interpolate(fragments, layout.triangles, vertices)
    got = layout.position_map(vertices)
    np.testing.assert_allclose(got[fragments.covered], drawn[fragments.covered], atol=1e-4)


def test_map_equals_matplotlibs_interpolation(layout):
    vertices = mean_face(layout)
    mesh = tri.Triangulation(*layout.uv.T, layout.triangles)
    v, u = (np.indices((256, 256)) + 0.5) / 256
    got = layout.position_map(vertices)
    for axis in range(3):
        expected = tri.LinearTriInterpolator(mesh, vertices[:, axis])(u, v)
        inside = layout.coverage & ~expected.mask
        assert inside.sum() > 0.999 * layout.coverage.sum()
        np.testing.assert_allclose(got[inside, axis], expected.data[inside], atol=2e-3)


def test_map_equals_the_sparse_product(layout):
    vertices = mean_face(layout)
    expected = (layout.matrix @ vertices).reshape(256, 256, 3)
    np.testing.assert_allclose(layout.position_map(vertices), expected, atol=1e-3)


def test_rows_of_the_map_matrix_sum_to_one(layout):
    np.testing.assert_allclose(layout.matrix.sum(1), 1, atol=1e-5)
    inside = layout.matrix[layout.coverage.ravel()]
    assert inside.data.min() > -1e-5


def test_keypoints_are_those_of_the_head(layout):
    model = load_head()
    head = model.vertices(np.random.default_rng(3).normal(size=60))
    np.testing.assert_allclose(
        layout.keypoints(layout.from_head @ head), model.keypoints(head), atol=1e-3
    )


def test_a_step_across_a_border_is_the_cliff_there_and_nothing_else():
    rng = np.random.default_rng(0)
    region = np.zeros((9, 9), bool)
    region[2:6, 3:7] = True
    flat = np.broadcast_to([1.0, 2.0, 3.0], (9, 9, 3)).copy()
    flat[~region] += [3.0, 0.0, 4.0]
    assert step_across(flat, region) == pytest.approx(5)
    flat[3:5, 4:6] = rng.normal(size=(2, 2, 3))  # not at the border
    assert step_across(flat, region) == pytest.approx(5)


def test_wrong_shapes_are_refused(layout):
    with pytest.raises(ValueError, match="vertices"):
        layout.position_map(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="expected a map"):
        layout.vertices(np.zeros((128, 128, 3)))


def test_inputs_stay_as_they_were(layout):
    vertices = mean_face(layout)
    before = vertices.copy()
    layout.vertices(layout.position_map(vertices))
    np.testing.assert_array_equal(vertices, before)
