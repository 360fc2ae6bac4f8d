"""The rasteriser against exact arithmetic: no hole, no pixel twice, at any size, on any input."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from properties import BAD_NUMBERS, SEEDS, examples, scales
from scipy.spatial import Delaunay, QhullError

from facelib.render.rasterize import interpolate, rasterize

SIDE = 12  # px of the square that is triangulated
FIRST = 2  # px, its left and top edge


def count_coverage(points, triangles, size):
    """How often each pixel is drawn when every triangle is drawn alone."""
    vertices = np.column_stack([points, np.zeros(len(points))])
    return np.sum([rasterize(vertices, t[None], size, size).covered for t in triangles], axis=0)


def twice_the_area(points, triangle):
    (ax, ay), (bx, by), (cx, cy) = ([Fraction(float(x)) for x in points[k]] for k in triangle)
    return abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))


def points_in_square(rng, kind):
    """The square's corners, points on its sides and points inside."""
    shares = rng.uniform(0, 1, (rng.integers(1, 25), 2))
    on_sides = rng.integers(0, 3, shares.shape)
    shares = np.where((rng.random(len(shares)) < 0.3)[:, None] & (on_sides < 2), on_sides, shares)
    points = shares * SIDE + FIRST
    if kind != "anywhere":
        step = {"on pixels": 1, "on quarters": 4, "beside pixels": 1}[kind]
        points = np.round(points * step) / step
    if kind == "beside pixels":
        points += rng.choice([-1, 0, 1], points.shape) * 10.0 ** rng.uniform(-16, -9)
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * SIDE + FIRST
    return np.unique(np.concatenate([corners, points.clip(FIRST, FIRST + SIDE)]), axis=0)


@examples(60)
@given(SEEDS, st.sampled_from(["on pixels", "on quarters", "beside pixels", "anywhere"]))
def test_any_triangulation_of_a_square_covers_each_pixel_once(seed, kind):
    rng = np.random.default_rng(seed)
    points = points_in_square(rng, kind)
    try:
        triangles = Delaunay(points).simplices
    except QhullError:
        assume(False)
    areas = [twice_the_area(points, triangle) for triangle in triangles]
    assume(min(areas) > 0 and sum(areas) == 2 * SIDE**2)  # qhull may leave slivers out
    flips = rng.random(len(triangles)) < 0.5
    triangles = np.where(flips[:, None], triangles[:, ::-1], triangles)
    expected = np.zeros((SIDE + 5, SIDE + 5), int)
    expected[FIRST : FIRST + SIDE, FIRST : FIRST + SIDE] = 1
    np.testing.assert_array_equal(count_coverage(points, triangles, SIDE + 5), expected)


@examples(100)
@given(SEEDS, scales(1, 12), st.sampled_from([1, 1e-3, 1e-6]), scales(-9, -3))
def test_huge_triangles_share_their_edge_without_a_gap(seed, size, slope, off):
    """The edge passes a pixel centre closely, its ends are up to 10¹² px away."""
    rng = np.random.default_rng(seed)
    through = rng.integers(0, 12, 2) + rng.choice([-1, 0, 1]) * np.array([0, off])
    angle = slope * rng.normal() + rng.choice([0, np.pi / 2])
    way = size * np.array([np.cos(angle), np.sin(angle)])
    aside = 3 * np.array([-way[1], way[0]])
    ends = through - 2 * way, through + 2 * way
    points = np.array([*ends, through + aside, through - aside])
    assume(np.abs(np.linalg.solve(np.array([way, aside]).T, 6 - through)).max() < 0.5)
    np.testing.assert_array_equal(count_coverage(points, np.array([[0, 1, 2], [0, 1, 3]]), 12), 1)


@examples(60)
@given(SEEDS, scales(-9, -1), st.booleans())
def test_a_tiny_triangle_covers_the_one_pixel_that_it_surrounds_or_none(seed, size, around):
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, 9, 2) + (0.0 if around else 0.5)
    angles = rng.uniform(0, 2) + np.array([0, 2, 4])
    corners = centre + size * np.column_stack([np.cos(angles), np.sin(angles)])
    expected = np.zeros((9, 9), int)
    if around:
        expected[int(centre[1]), int(centre[0])] = 1
    np.testing.assert_array_equal(count_coverage(corners, np.array([[0, 1, 2]]), 9), expected)


def random_scene(rng, n_triangles):
    vertices = rng.normal(6, 8, (3 * n_triangles, 3))
    return (
        vertices,
        rng.permutation(3 * n_triangles).reshape(-1, 3),
        rng.uniform(0.2, 2, len(vertices)),
    )


@examples(40)
@given(SEEDS, st.booleans())
def test_the_nearest_triangle_is_seen_in_any_order(seed, perspective):
    """Every pixel shows the largest depth of those that cover it, each drawn alone."""
    rng = np.random.default_rng(seed)
    vertices, triangles, inverse_w = random_scene(rng, 6)
    inverse_w = inverse_w if perspective else None
    found = rasterize(vertices, triangles, 13, 11, inverse_w)
    alone = [rasterize(vertices, each[None], 13, 11, inverse_w).depth for each in triangles]
    np.testing.assert_array_equal(found.depth, np.max(alone, axis=0))
    order = rng.permutation(len(triangles))
    other = rasterize(vertices, triangles[order], 13, 11, inverse_w)
    np.testing.assert_array_equal(other.depth, found.depth)
    back = np.append(order, -1)[other.triangle]
    np.testing.assert_array_equal(back, found.triangle)
    np.testing.assert_allclose(found.barycentric[found.covered].sum(axis=1), 1, atol=1e-6)
    assert found.barycentric.min() >= 0
    ones = interpolate(found, triangles, np.ones((len(vertices), 1)))[..., 0]
    np.testing.assert_allclose(ones, found.covered, atol=1e-6)


@examples(40)
@given(SEEDS, st.sampled_from(BAD_NUMBERS), st.integers(0, 3))
def test_triangles_with_a_corner_that_is_none_are_left_out_and_harm_no_other(seed, bad, place):
    """A coordinate, or the inverse of the distance, is NaN or infinite."""
    rng = np.random.default_rng(seed)
    vertices, triangles, inverse_w = random_scene(rng, 6)
    spoilt, spoilt_w = vertices.copy(), inverse_w.copy()
    if place < 3:
        spoilt[triangles[2, 1], place] = bad
    else:
        spoilt_w[triangles[2, 1]] = bad
    found = rasterize(spoilt, triangles, 13, 11, spoilt_w)
    others = np.delete(triangles, 2, axis=0)
    expected = rasterize(vertices, others, 13, 11, inverse_w)
    np.testing.assert_array_equal(found.depth, expected.depth)
    np.testing.assert_array_equal(found.barycentric, expected.barycentric)
    assert not (found.triangle == 2).any()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("away", [-1e9, -20, 20, 1e9])
def test_triangles_beside_the_image_cover_nothing(axis, away):
    vertices = np.array([[0.0, 0, 0], [9, 0, 0], [0, 9, 0]])
    vertices[:, axis] += away
    assert not rasterize(vertices, np.array([[0, 1, 2]]), 9, 9).covered.any()
