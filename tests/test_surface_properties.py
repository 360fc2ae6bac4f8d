"""Surfaces of any triangles, good and bad, against slow references in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import BAD_NUMBERS, SEEDS, examples, scales
from scipy import sparse
from shapes import grid, icosphere

from facelib.geometry.clipping import clip
from facelib.geometry.mesh import (
    boundary_loops,
    checked_triangles,
    edges,
    triangle_normals,
    vertex_normals,
)
from facelib.geometry.sparse_rows import SparseProduct, SparseRows
from facelib.geometry.subdivision import NO_CREASES, limit_matrix, loop_matrix, subdivision_matrix
from facelib.geometry.surface import barycentric, closest_on_triangle, surface_matcher

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)


def exactly(array):
    return np.array([Fraction(float(x)) for x in np.ravel(array)]).reshape(np.shape(array))


def exact_distance(point, corners):
    """Distance of a point from a triangle, in fractions up to the last root."""
    point, corners = exactly(point), exactly(corners)
    feet = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        length2 = (b - a) @ (b - a)
        along = min(max((point - a) @ (b - a) / length2, 0), 1) if length2 else 0
        feet.append(a + along * (b - a))
    u, v, w = corners[1] - corners[0], corners[2] - corners[0], point - corners[0]
    determinant = (u @ u) * (v @ v) - (u @ v) ** 2
    if determinant:
        s = ((v @ v) * (w @ u) - (u @ v) * (w @ v)) / determinant
        t = ((u @ u) * (w @ v) - (u @ v) * (w @ u)) / determinant
        if s >= 0 and t >= 0 and s + t <= 1:
            feet.append(corners[0] + s * u + t * v)
    return float(min((point - foot) @ (point - foot) for foot in feet)) ** 0.5


def thin_triangle(rng, thickness):
    """Three corners, in any order, of which one is this far from the line of the others."""
    start, way, aside = rng.normal(size=(3, 3))
    third = start + rng.uniform(-0.5, 1.5) * way + thickness * aside
    return rng.permutation(np.array([start, start + way, third]))


@examples(60)
@given(SEEDS, st.one_of(st.just(0.0), scales(-17, 0)), scales(-6, 6), scales(-9, 1))
def test_the_nearest_point_of_a_needle_is_on_it_and_is_the_nearest(seed, thickness, size, near):
    rng = np.random.default_rng(seed)
    corners = size * thin_triangle(rng, thickness)
    point = corners.mean(axis=0) + near * size * rng.normal(size=3)
    found = np.array(closest_on_triangle(point, corners))
    distance = np.linalg.norm(found - point)
    # A needle's normal is uncertain; its foot then misses by up to the root of the rounding.
    assert abs(distance - exact_distance(point, corners)) <= 3e-7 * size
    assert exact_distance(found, corners) <= 3e-7 * size


@examples(40)
@given(SEEDS, st.integers(1, 30), scales(-4, 4))
def test_the_nearest_triangle_is_found_among_all(seed, count, size):
    rng = np.random.default_rng(seed)
    vertices = size * np.round(rng.normal(size=(8, 3)), 1)
    triangles = rng.integers(0, 8, (count, 3))  # with corners and triangles that repeat
    points = size * rng.normal(size=(4, 3)) * 2
    found, triangle = surface_matcher(vertices, triangles)(points)
    for point, foot, which in zip(points, found, triangle, strict=True):
        feet = np.array([closest_on_triangle(point, vertices[t]) for t in triangles])
        best = np.linalg.norm(feet - point, axis=1)
        assert np.linalg.norm(foot - point) == pytest.approx(best.min(), abs=1e-12 * size)
        assert best[which] == pytest.approx(best.min(), abs=1e-12 * size)


@pytest.mark.parametrize("triangles", [[[0, 1, 3]], [[0, 1, -1]], [[0, 1]], [[0, 1, 2**32]]])
def test_triangles_of_no_vertices_are_refused_everywhere(triangles):
    """−1 is a vertex to numpy, and 2³² is 0 in 32 bits."""
    vertices, triangles = np.eye(3), np.array(triangles)
    calls = (
        lambda: checked_triangles(triangles, 3),
        lambda: vertex_normals(vertices, triangles),
        lambda: surface_matcher(vertices, triangles),
        lambda: clip(triangles, np.ones(3)),
        lambda: loop_matrix(triangles, 3),
        lambda: limit_matrix(triangles, 3),
        lambda: subdivision_matrix(triangles, 3),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"vertex indices 0..2|triangles \(M, 3\)"):
            call()


@examples(60)
@given(SEEDS, scales(-70, 70))
def test_normals_have_length_1_at_any_scale(seed, size):
    vertices = size * np.random.default_rng(seed).normal(size=(9, 3))
    triangles = np.arange(9).reshape(3, 3)
    normals = triangle_normals(vertices, triangles)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    np.testing.assert_allclose(vertex_normals(vertices, triangles)[::3], normals, atol=1e-6)
    along = vertices[triangles[:, 1]] - vertices[triangles[:, 0]]
    assert np.abs(np.sum(normals * along, axis=1)).max() < 1e-9 * size


@pytest.mark.parametrize("triangles", [[[0, 1, 2], [0, 1, 3]], [[0, 1, 2], [0, 1, 2]]])
def test_a_border_along_triangles_wound_differently_is_refused(triangles):
    with pytest.raises(ValueError, match="got 2 that go from 0 to 1"):
        boundary_loops(np.array(triangles))


@examples(60)
@given(SEEDS, scales(-3, 3), st.sampled_from([2, 3]))
def test_barycentric_weights_rebuild_a_point(seed, size, dimensions):
    rng = np.random.default_rng(seed)
    corners = size * rng.normal(size=(4, 3, dimensions))
    points = size * rng.normal(size=(4, dimensions))
    weights = barycentric(points, corners)
    feet = np.einsum("pc,pck->pk", weights, corners)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-9 * np.abs(weights).max())
    sides = corners[:, 1:] - corners[:, :1]
    off = np.einsum("pck,pk->pc", sides, feet - points)
    lengths = np.linalg.norm(sides, axis=2)
    assert (np.abs(off) <= 1e-7 * size * lengths * (1 + np.abs(weights).max())).all()


@examples(60)
@given(SEEDS, st.sampled_from([0.0, 1e-17, 1e-9]), st.permutations([0, 1, 2]))
def test_barycentric_weights_of_a_triangle_without_area_stay_small(seed, thickness, order):
    """Weights of a line give the foot on it; those of a point give the point."""
    rng = np.random.default_rng(seed)
    start, way = rng.normal(size=(2, 3))
    aside = np.cross(way, rng.normal(size=3))
    corners = np.array([start, start + way, start + 0.4 * way + thickness * aside])[order]
    point = start + 0.7 * way + aside
    weights = barycentric(point[None], corners[None])[0]
    np.testing.assert_allclose(weights @ corners, start + 0.7 * way, atol=1e-7)
    same = barycentric(point[None], np.tile(start, (1, 3, 1)))[0]
    np.testing.assert_array_equal(same, [1, 0, 0])


def random_surface(rng):
    """A closed surface, or an open one with a ragged border, holes and vertices without use."""
    vertices, triangles = [icosphere(1), (CUBE, cube_triangles()), grid(5)][rng.integers(3)]
    vertices = vertices + 0.05 * rng.normal(size=vertices.shape)
    if rng.random() < 0.6:
        triangles = triangles[rng.random(len(triangles)) < rng.uniform(0.3, 1)]
    flips = rng.random(len(triangles)) < rng.choice([0, 0.5])
    triangles = np.where(flips[:, None], triangles[:, ::-1], triangles)
    renumber = rng.permutation(len(vertices))
    return vertices[np.argsort(renumber)], renumber[triangles]


def cube_triangles():
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return np.array([[a, b, c] for a, b, c, _ in quads] + [[a, c, d] for a, _, c, d in quads])


def edge_counts(triangles):
    pairs = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    return np.unique(pairs, axis=0, return_counts=True)


@examples(30)
@given(SEEDS)
def test_subdivision_keeps_means_edges_and_limits_of_any_surface(seed):
    rng = np.random.default_rng(seed)
    vertices, triangles = random_surface(rng)
    n, pairs = len(vertices), edges(triangles)
    creases = pairs[rng.random(len(pairs)) < rng.choice([0, 0.3])]
    matrix, finer, fine_creases = loop_matrix(triangles, n, creases)
    limit = limit_matrix(triangles, n, creases)
    for means in (matrix, limit):
        np.testing.assert_allclose(means.sum(axis=1), 1, atol=1e-12)
        assert (means.data > 0).all()
    # Topology: every edge in two, with as many triangles; three new edges in each triangle.
    ends, uses = edge_counts(triangles)
    fine_uses = edge_counts(finer)[1]
    assert len(fine_uses) == 2 * len(ends) + 3 * len(triangles)
    for count in (1, 2):
        inner = 3 * len(triangles) if count == 2 else 0
        assert (fine_uses == count).sum() == 2 * (uses == count).sum() + inner
    # Refining does not move the limit, but for the ends of creases; unused vertices stay.
    further = limit_matrix(finer, matrix.shape[0], fine_creases) @ matrix
    border = ends[uses == 1]
    sharp = np.unique(np.sort(np.concatenate([border, creases]), axis=1), axis=0)
    ending = np.bincount(sharp.ravel(), minlength=n) == 1
    moved = np.abs((further[:n] - limit) @ vertices).max(axis=1)
    assert moved[~ending].max(initial=0) < 1e-12
    unused = np.setdiff1d(np.arange(n), triangles)
    np.testing.assert_array_equal((matrix @ vertices)[unused], vertices[unused])


def test_no_triangles_leave_all_vertices_as_they_are():
    none = np.zeros((0, 3), int)
    matrix, finer, creases = loop_matrix(none, 4)
    np.testing.assert_array_equal(matrix.toarray(), np.eye(4))
    np.testing.assert_array_equal(limit_matrix(none, 4).toarray(), np.eye(4))
    assert finer.shape == (0, 3) and creases.shape == (0, 2)
    clipped = clip(none, np.ones(4))
    assert clipped.matrix.shape == (0, 4) and clipped.triangles.shape == (0, 3)
    assert boundary_loops(none) == []


@pytest.mark.parametrize("crease", [[0, 7], [-1, 3], [0, 3]])
def test_a_crease_is_an_edge_and_not_only_its_number(crease):
    """With four vertices, (0, 7) had the number of the edge (1, 3)."""
    square = np.array([[0, 1, 2], [2, 1, 3]])
    with pytest.raises(ValueError, match="expected creases along edges"):
        loop_matrix(square, 4, np.array([crease]))
    with pytest.raises(ValueError, match="expected creases along edges"):
        loop_matrix(np.zeros((0, 3), int), 4, np.array([crease]))


def test_a_triangle_with_a_corner_twice_is_not_rounded():
    with pytest.raises(ValueError, match="three different corners"):
        loop_matrix(np.array([[0, 1, 2], [1, 1, 2]]), 3)
    assert NO_CREASES.shape == (0, 2)


def polygon_areas(vertices, triangles):
    sides = np.diff(vertices[triangles], axis=1)
    return np.cross(sides[:, 0], sides[:, 1])[:, 2] / 2


@examples(50)
@given(SEEDS, scales(-300, 300), st.sampled_from([1.0, 0.25]))
def test_a_clipped_surface_is_the_part_above_0_whatever_the_values(seed, size, step):
    """Values on whole steps are often 0; tiny and huge ones must not lose their signs."""
    rng = np.random.default_rng(seed)
    vertices, triangles = grid(5)
    values = np.round(rng.normal(size=25) / step) * step
    above, below = (clip(triangles, sign * values * size) for sign in (1, -1))
    for part, sign in ((above, 1), (below, -1)):
        dense = part.matrix.toarray()
        np.testing.assert_allclose(dense.sum(axis=1), 1, atol=1e-12)
        assert dense.min(initial=0) >= 0 and (dense > 0).sum(axis=1).max(initial=0) <= 2
        assert (sign * dense @ values >= -1e-12).all()
        assert (np.diff(np.sort(part.triangles, axis=1), axis=1) > 0).all()
        mixed = (dense > 0).sum(axis=1) == 2
        np.testing.assert_allclose(dense[mixed] @ values, 0, atol=1e-12)
    # Each triangle is above, or below, or cut and in both; one that is 0 on the whole may be gone.
    signs, every = np.sign(values)[triangles], np.arange(len(triangles))
    is_above, is_below = (np.isin(every, part.parents) for part in (above, below))
    assert (is_above | is_below)[values[triangles].sum(axis=1) != 0].all()
    assert not (is_above | is_below)[~signs.any(axis=1)].any()
    assert not is_below[(signs >= 0).all(axis=1)].any()
    assert not is_above[(signs <= 0).all(axis=1)].any()


@pytest.mark.parametrize("bad", BAD_NUMBERS)
def test_a_surface_is_not_clipped_by_what_is_no_number(bad):
    with pytest.raises(ValueError, match="values must be finite"):
        clip(np.array([[0, 1, 2]]), np.array([1.0, bad, -1]))
    with pytest.raises(ValueError, match="must be finite"):
        surface_matcher(np.array([[0, 0, bad], [0, 1, 0], [1, 0, 0]]), np.array([[0, 1, 2]]))


@examples(60)
@given(SEEDS, st.integers(0, 6), st.integers(1, 6), st.sampled_from([None, 0, 1, 4]))
def test_rows_multiply_as_scipys_do(seed, rows, columns, width):
    rng = np.random.default_rng(seed)
    first = sparse.random_array((rows, columns), density=0.4, rng=rng, format="csr")
    second = sparse.random_array((columns, 5), density=0.4, rng=rng, format="csr")
    first, second = (SparseRows.of(m).astype(np.float32) for m in (first, second))
    values = rng.normal(size=(5,) if width is None else (5, width))
    expected = [
        sparse.csr_array((m.weights, m.columns, m.starts), shape=m.shape) for m in (first, second)
    ]
    product = SparseProduct((first, second))
    assert product.shape == (rows, 5)
    np.testing.assert_allclose(product @ values, expected[0] @ (expected[1] @ values), atol=1e-12)
    with pytest.raises(ValueError, match=r"expected \(5, …\) numbers"):
        product @ np.ones(6)
