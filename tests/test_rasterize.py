import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from properties import examples
from shapes import grid, icosphere

from facelib.render.rasterize import interpolate, rasterize

TRIANGLE = np.array([[0, 1, 2]], dtype=np.int32)


def count_coverage(vertices, triangles, height, width):
    """How often each pixel is drawn when every triangle is drawn alone."""
    alone = [rasterize(vertices, t[None], height, width).covered for t in triangles]
    return np.sum(alone, axis=0)


def test_one_triangle_by_hand():
    # Its left and top edges pass through pixel centres, its slanted edge between them.
    vertices = np.array([[1.0, 1, 0], [4.5, 1, 0], [1, 4.5, 0]])
    covered = rasterize(vertices, TRIANGLE, 6, 6).covered
    expected = ["......", ".####.", ".###..", ".##...", ".#....", "......"]
    np.testing.assert_array_equal(covered, [[c == "#" for c in row] for row in expected])


@examples(40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 1.0, 1e-3]))
def test_shared_edges_leave_no_gap_and_draw_no_pixel_twice(seed, step):
    """A bent grid whose vertices often lie exactly on pixel centres, drawn one by one."""
    rng = np.random.default_rng(seed)
    vertices, triangles = grid(5)
    vertices = vertices * 16 + 2
    inner = (vertices[:, :2] > 2).all(axis=1) & (vertices[:, :2] < 18).all(axis=1)
    move = rng.uniform(-0.8, 0.8, (inner.sum(), 2))
    vertices[inner, :2] += np.round(move / step) * step
    flipped = triangles[:, ::-1] if rng.random() < 0.5 else triangles
    count = count_coverage(vertices, flipped, 21, 21)
    expected = np.zeros((21, 21), int)
    expected[2:18, 2:18] = 1  # top and left edges belong to the square, bottom and right do not
    np.testing.assert_array_equal(count, expected)


def test_the_nearer_triangle_wins_in_either_order():
    near, far = [[0, 0, 5], [8, 0, 5], [0, 8, 5]], [[0, 0, 1], [8, 0, 1], [0, 8, 1]]
    vertices = np.array(near + far, float)
    for triangles, front in (([[0, 1, 2], [3, 4, 5]], 0), ([[3, 4, 5], [0, 1, 2]], 1)):
        fragments = rasterize(vertices, np.array(triangles), 8, 8)
        assert set(fragments.triangle[fragments.covered]) == {front}
        assert set(fragments.depth[fragments.covered]) == {5.0}
    assert np.isneginf(fragments.depth[~fragments.covered]).all()


def test_weights_rebuild_the_pixels_own_position():
    rng = np.random.default_rng(3)
    vertices = rng.uniform(-5, 40, (30, 3))
    triangles = rng.permutation(30).reshape(10, 3)
    fragments = rasterize(vertices, triangles, 24, 37)
    positions = interpolate(fragments, triangles, vertices)
    row, col = np.nonzero(fragments.covered)
    assert len(row) > 100
    np.testing.assert_allclose(positions[row, col, 0], col, atol=1e-4)
    np.testing.assert_allclose(positions[row, col, 1], row, atol=1e-4)
    np.testing.assert_allclose(positions[row, col, 2], fragments.depth[row, col], atol=1e-4)
    np.testing.assert_allclose(fragments.barycentric[row, col].sum(axis=1), 1, atol=1e-6)


def test_perspective_weights_hit_the_plane_where_the_ray_does():
    """A slanted plane z = −4 − 0.5·x seen from the origin: intersect each ray in closed form."""
    points_eye = np.array([[-2.0, -3, -3], [4, -3, -6], [-2, 4, -3]])
    focal, centre = 20.0, 16.0
    inverse_w = -1 / points_eye[:, 2]
    xy = points_eye[:, :2] * inverse_w[:, None] * [focal, -focal] + centre
    image = np.column_stack([xy, points_eye[:, 2]])
    fragments = rasterize(image, TRIANGLE, 40, 40, inverse_w)
    found = interpolate(fragments, TRIANGLE, points_eye)
    row, col = np.nonzero(fragments.covered)
    rays = np.column_stack([(col - centre) / focal, -(row - centre) / focal, -np.ones(len(row))])
    expected = rays * (-4 / (rays[:, 2] + 0.5 * rays[:, 0]))[:, None]
    np.testing.assert_allclose(found[row, col], expected, atol=1e-4)
    np.testing.assert_allclose(fragments.depth[row, col], expected[:, 2], atol=1e-4)
    linear = interpolate(rasterize(image, TRIANGLE, 40, 40), TRIANGLE, points_eye)
    assert np.abs(linear[row, col] - expected).max() > 0.1


def test_a_spheres_depth_is_the_closed_form_and_culling_its_back_changes_nothing():
    vertices, triangles = icosphere(5, radius=30.0)
    image = vertices * [1, -1, 1] + [40.3, 35.8, 0]
    fragments = rasterize(image, triangles, 72, 81)
    row, col = np.mgrid[0:72, 0:81]
    squared = 900 - (col - 40.3) ** 2 - (row - 35.8) ** 2
    well_inside = squared > 200
    assert fragments.covered[well_inside].all() and not fragments.covered[squared < 0].any()
    error = fragments.depth[well_inside] - np.sqrt(squared[well_inside])
    assert np.abs(error).max() < 0.1
    culled = rasterize(image, triangles, 72, 81, cull_back=True)
    np.testing.assert_array_equal(culled.triangle, fragments.triangle)


def test_culling_keeps_what_winds_counter_clockwise_to_the_eye():
    clockwise = np.array([[0.0, 0, 0], [8, 0, 0], [0, 8, 0]])  # right, then down
    assert not rasterize(clockwise, TRIANGLE, 8, 8, cull_back=True).covered.any()
    assert rasterize(clockwise[::-1], TRIANGLE, 8, 8, cull_back=True).covered.any()


@pytest.mark.parametrize(
    "vertices",
    [
        [[1, 1, 0], [5, 5, 0], [3, 3, 0]],  # no area
        [[1, 1, 0], [1, 1, 0], [1, 1, 0]],
        [[np.nan, 1, 0], [5, 1, 0], [1, 5, 0]],
        [[1, 1, np.nan], [5, 1, 0], [1, 5, 0]],
        [[np.inf, 1, 0], [5, 1, 0], [1, 5, 0]],
        [[101, 1, 0], [105, 1, 0], [101, 5, 0]],  # off the image
    ],
)
def test_triangles_that_cannot_be_seen_leave_the_image_empty(vertices):
    assert not rasterize(np.array(vertices, float), TRIANGLE, 8, 8).covered.any()


def test_triangles_behind_the_eye_and_huge_ones_are_harmless():
    vertices = np.array([[0.0, 0, 0], [8, 0, 0], [0, 8, 0]])
    assert not rasterize(vertices, TRIANGLE, 8, 8, np.array([1.0, -1, 1])).covered.any()
    huge = np.array([[-1e12, -1e12, 0], [1e12, -1e12, 0], [0, 1e12, 0]])
    assert rasterize(huge, TRIANGLE, 5, 7).covered.all()


def test_wrong_input_is_named():
    vertices = np.zeros((3, 3))
    with pytest.raises(ValueError, match=r"indices 0..2, got 0..3"):
        rasterize(vertices, np.array([[0, 1, 3]]), 8, 8)
    with pytest.raises(ValueError, match=r"vertices_image \(N, 3\), got \(3, 2\)"):
        rasterize(vertices[:, :2], TRIANGLE, 8, 8)
    with pytest.raises(ValueError, match=r"inverse_w of shape \(3,\), got \(2,\)"):
        rasterize(vertices, TRIANGLE, 8, 8, np.ones(2))
    with pytest.raises(ValueError, match="at least 1"):
        rasterize(vertices, TRIANGLE, 0, 8)


@examples(60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3.0, 30.0, 1e4]), st.booleans())
def test_every_triangle_covers_the_pixels_that_exact_arithmetic_gives_it(seed, spread, level):
    """Corners on quarters of a pixel, slivers and level edges among them, tested one by one."""
    rng = np.random.default_rng(seed)
    vertices = np.round(rng.normal(10, spread, (3, 3)) * 4) / 4
    if level:
        vertices[1, 1] = vertices[0, 1] + rng.choice([0, 0.25])
    found = rasterize(vertices, TRIANGLE, 19, 23).covered
    np.testing.assert_array_equal(found, covered_exactly(vertices[:, :2], 19, 23))


def covered_exactly(corners, height, width):
    """Whether each pixel centre is inside, or on a left or top edge; integers of quarter pixels."""
    corners = [[int(4 * x), int(4 * y)] for x, y in corners]
    (ax, ay), (bx, by), (cx, cy) = corners
    turn = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    out = np.full((height, width), turn != 0)
    for (px, py), (qx, qy) in zip(corners, corners[1:] + corners[:1], strict=True):
        across, down = (qx - px, qy - py) if turn > 0 else (px - qx, py - qy)
        owns = down < 0 or (down == 0 and across > 0)  # its inside lies to the right, or below
        for row in range(height):
            for col in range(width):
                side = across * (4 * row - py) - down * (4 * col - px)
                out[row, col] &= side > 0 or (side == 0 and owns)
    return out
