"""Position maps: no folds, high coverage, equal to rasterised maps, read to a quarter pixel."""

import matplotlib.tri as tri
import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout, step_across
from facelib.geometry.surface import barycentric
from facelib.render.rasterize import interpolate, rasterize

SIZES = (64, 128, 256)


@pytest.fixture(scope="module")
def layout():
    return load_layout(256)


def filling_the_crop(vertices_head, layout):
    """Scale so that the keypoints' box makes 1 / 1.5 of the crop, as listing A.1 does."""
    side_mm = np.ptp(layout.keypoints(vertices_head)[:, :2], axis=0).mean()
    return (vertices_head * layout.size / (1.5 * side_mm)).astype(np.float32)


def mean_face(layout):
    return filling_the_crop(layout.from_head @ load_head().mean_head, layout)


def random_faces(layout, count, seed=0):
    rng, model = np.random.default_rng(seed), load_head()
    for _ in range(count):
        alpha = np.clip(rng.standard_normal(60), -2.5, 2.5)
        yield filling_the_crop(layout.from_head @ model.vertices(alpha), layout)


def read_out_errors(vertices, layout):
    again = layout.vertices(layout.position_map(vertices))
    return np.linalg.norm(again - vertices, axis=1)


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


def test_mean_face_is_read_back_within_a_quarter_pixel(layout):
    assert read_out_errors(mean_face(layout), layout).max() <= 0.25


def test_random_faces_are_read_back_within_a_quarter_pixel(layout):
    """One vertex in a thousand may miss: lids and lips of unusual faces bend within a texel."""
    errors = np.array([read_out_errors(face, layout) for face in random_faces(layout, 20)])
    assert np.percentile(errors, 99.9) <= 0.25
    assert errors.max() <= 0.5


def test_flat_surfaces_are_read_exactly(layout):
    columns = np.column_stack([layout.uv, np.ones(len(layout.uv))])
    plane = (columns @ np.random.default_rng(1).normal(size=(3, 3)) * 100).astype(np.float32)
    assert read_out_errors(plane, layout).max() < 0.1


def test_reading_does_not_amplify_noise(layout):
    noise = np.random.default_rng(2).normal(size=(256, 256, 3)).astype(np.float32)
    assert layout.vertices(noise).std() < 1.2


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_windows_sum_to_one_and_hold_their_vertex(size):
    layout = load_layout(size)
    corner, weights = layout._bilinear_windows()
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-9)
    assert weights.min() >= 0 and corner.min() >= 0 and corner.max() <= size - 4
    steps = np.indices((4, 4)).reshape(2, 16)
    place = corner + weights @ steps.T  # rows and columns
    np.testing.assert_allclose(place[:, ::-1], layout.uv * size - 0.5, atol=1e-9)


def test_keypoints_are_those_of_the_head(layout):
    model = load_head()
    head = model.vertices(np.random.default_rng(3).normal(size=60))
    np.testing.assert_allclose(
        layout.keypoints(layout.from_head @ head), model.keypoints(head), atol=1e-3
    )


def test_hard_mask_holds_the_thesis_weights(layout):
    mask = layout.weight_mask(feather=0)
    assert set(np.unique(mask)) == {0, 3, 4, 16}
    outside = mask[~layout.coverage]
    assert set(np.unique(outside)) <= {0, 16} and (outside > 0).mean() < 0.02  # jaw's discs
    columns, rows = (layout.keypoint_matrix @ layout.uv * 256).astype(int).T
    assert (mask[rows, columns] == 16).all()


def test_mask_treats_left_and_right_alike(layout):
    mask = layout.weight_mask(feather=0)
    assert (mask != mask[:, ::-1]).mean() < 0.005


def test_feathered_mask_falls_steadily_outside_the_face(layout):
    hard, soft = layout.weight_mask(feather=0), layout.weight_mask(feather=8 / 256)
    np.testing.assert_array_equal(soft[hard > 0], hard[hard > 0])
    row = soft[100, :20][::-1]  # from the face to the map's left edge
    falling = row[np.flatnonzero(row < 3)]
    assert len(falling) > 2 and (np.diff(falling) <= 0).all()
    assert np.abs(np.diff(soft[100, :20])).max() < 1  # the hard mask steps by 3


@pytest.mark.parametrize("size", SIZES)
def test_every_keypoint_has_its_weight_at_every_size(size):
    layout = load_layout(size)
    columns, rows = (layout.keypoint_matrix @ layout.uv * size).astype(int).T
    assert (layout.weight_mask()[rows, columns] == 16).all()


def test_a_step_across_a_border_is_the_cliff_there_and_nothing_else():
    rng = np.random.default_rng(0)
    region = np.zeros((9, 9), bool)
    region[2:6, 3:7] = True
    flat = np.broadcast_to([1.0, 2.0, 3.0], (9, 9, 3)).copy()
    flat[~region] += [3.0, 0.0, 4.0]
    assert step_across(flat, region) == pytest.approx(5)
    flat[3:5, 4:6] = rng.normal(size=(2, 2, 3))  # not at the border
    assert step_across(flat, region) == pytest.approx(5)


def test_the_true_map_has_no_cliff_at_the_masks_border(layout):
    face = layout.weight_mask(feather=0) > 0
    position_map = layout.position_map(mean_face(layout))
    inner = np.zeros_like(face)
    inner[60:200, 60:200] = True
    assert step_across(position_map, face) < 3 * step_across(position_map, inner)


def test_barycentric_weights_rebuild_the_point():
    rng = np.random.default_rng(4)
    corners, points = rng.normal(size=(50, 3, 2)), rng.normal(size=(50, 2))
    weights = barycentric(points, corners)
    np.testing.assert_allclose(np.einsum("pc,pcd->pd", weights, corners), points, atol=1e-9)


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
