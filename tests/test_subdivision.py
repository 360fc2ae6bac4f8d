"""Loop's subdivision against closed forms, and against trimesh where it has the same rules."""

import numpy as np
import pytest
import trimesh
from scipy import sparse
from shapes import grid, icosphere

from facelib.geometry.mesh import boundary_loops, edges
from facelib.geometry.subdivision import NO_CREASES, limit_matrix, loop_matrix

TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]])
TETRAHEDRON_TRIANGLES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


def repeated(vertices, triangles, times, creases=NO_CREASES):
    for _ in range(times):
        matrix, triangles, creases = loop_matrix(triangles, len(vertices), creases)
        vertices = matrix @ vertices
    return vertices, triangles, creases


def regular_grid(n):
    """Equilateral triangles: every inner vertex has six neighbours, all alike."""
    vertices, triangles = grid(n)
    return vertices @ np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, 1]]), triangles


@pytest.mark.parametrize("creases", [NO_CREASES, np.array([[0, 1], [1, 2], [2, 3]])])
def test_every_new_vertex_is_a_weighted_mean(creases):
    _, triangles = grid(4)
    matrix = loop_matrix(triangles, 16, creases).matrix
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    assert (matrix.data > 0).all()
    np.testing.assert_allclose(limit_matrix(triangles, 16, creases).sum(axis=1), 1, atol=1e-12)


def test_it_commutes_with_affine_maps():
    vertices, triangles = icosphere(1)
    rng = np.random.default_rng(0)
    linear, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    matrix = loop_matrix(triangles, len(vertices)).matrix
    np.testing.assert_allclose(
        matrix @ (vertices @ linear + shift), matrix @ vertices @ linear + shift, atol=1e-12
    )


def test_a_regular_grid_stays_and_becomes_twice_as_dense():
    vertices, triangles = regular_grid(7)
    finer, finer_triangles, _ = repeated(vertices, triangles, 1)
    inside = np.ones(len(finer), bool)
    inside[np.concatenate(boundary_loops(finer_triangles))] = False
    expected = np.vstack([vertices, vertices[edges(triangles)].mean(axis=1)])
    np.testing.assert_allclose(finer[inside], expected[inside], atol=1e-12)


def test_the_limit_is_where_many_steps_lead():
    for vertices, triangles in ((TETRAHEDRON, TETRAHEDRON_TRIANGLES), icosphere(0), grid(4)):
        far = repeated(vertices, triangles, 6)[0][: len(vertices)]
        limit = limit_matrix(triangles, len(vertices)) @ vertices
        np.testing.assert_allclose(far, limit, atol=1e-3)


def test_limits_of_regular_solids_have_known_radii():
    # Neighbours' mean on the axis: −1/3 of a tetrahedron's vertex, 1/√5 of an icosahedron's.
    limit = limit_matrix(TETRAHEDRON_TRIANGLES, 4) @ TETRAHEDRON
    share = 1 / (1 + 3 / (8 * 9 / 16))  # of the mean: nβ is 9/16 for three neighbours
    np.testing.assert_allclose(limit, TETRAHEDRON * (1 - share * 4 / 3), atol=1e-12)
    vertices, triangles = icosphere(0)
    limit = limit_matrix(triangles, 12) @ vertices
    n_beta = 5 / 8 - (3 / 8 + np.cos(2 * np.pi / 5) / 4) ** 2
    share = 1 / (1 + 3 / (8 * n_beta))
    np.testing.assert_allclose(limit, vertices * (1 - share * (1 - 1 / np.sqrt(5))), atol=1e-6)


def test_an_icosahedron_becomes_round():
    vertices, triangles = repeated(*icosphere(0), times=4)[:2]
    radii = np.linalg.norm(vertices, axis=1)
    assert np.ptp(radii) < 0.03 * radii.mean()


def cubic_b_spline(control, t):
    """A closed uniform cubic B-spline at a whole parameter t, and halfway to the next."""
    at = [control[(t + k) % len(control)] for k in (-1, 0, 1, 2)]
    return (at[0] + 4 * at[1] + at[2]) / 6, (at[0] + 23 * at[1] + 23 * at[2] + at[3]) / 48


def test_creases_and_boundaries_become_cubic_b_splines():
    vertices, triangles = icosphere(1)
    vertices = vertices * [1, 0.7, 1.3]
    rng = np.random.default_rng(1)
    vertices = vertices + rng.normal(scale=0.05, size=vertices.shape)
    below = vertices[triangles].mean(axis=1)[:, 2] < 0.05
    open_surface = triangles[below]
    (loop,) = boundary_loops(open_surface)
    around = np.column_stack([loop, np.roll(loop, -1)])
    for surface, creases in ((open_surface, NO_CREASES), (triangles, around)):
        control = vertices[loop]
        fine, fine_triangles, fine_creases = repeated(vertices, surface, 2, creases)
        rim = np.unique(fine_creases)
        limit = limit_matrix(fine_triangles, len(fine), fine_creases) @ fine
        for t in range(len(loop)):
            for point in cubic_b_spline(control, t):
                assert np.linalg.norm(limit[rim] - point, axis=1).min() < 1e-9


def test_a_corner_of_creases_stays_and_a_creases_end_is_smooth():
    _, triangles = grid(5)
    height = np.random.default_rng(2).random(25)
    star = np.array([[12, 11], [12, 13], [12, 7]])
    assert (loop_matrix(triangles, 25, star).matrix @ height)[12] == height[12]
    smooth = loop_matrix(triangles, 25).matrix
    ending = loop_matrix(triangles, 25, np.array([[12, 13]])).matrix
    np.testing.assert_allclose((ending @ height)[12], (smooth @ height)[12], rtol=1e-12)


def test_a_crease_hides_each_side_from_the_other():
    vertices, triangles = grid(5)
    line = np.flatnonzero(vertices[:, 0] == 0.5)
    creases = np.column_stack([line[:-1], line[1:]])
    height = np.where(vertices[:, 0] < 0.5, 1.0, 0.0)
    finer = loop_matrix(triangles, 25, creases).matrix @ np.column_stack([vertices[:, 0], height])
    np.testing.assert_allclose(finer[finer[:, 0] >= 0.5, 1], 0, atol=1e-12)


@pytest.mark.parametrize("n_times", [1, 2])
def test_trimesh_agrees_on_closed_and_open_surfaces(n_times):
    closed = icosphere(1)
    half = closed[0], closed[1][closed[0][closed[1]].mean(axis=1)[:, 2] < 0.05]
    for vertices, triangles in (closed, half):
        used, triangles = np.unique(triangles, return_inverse=True)
        vertices, triangles = vertices[used] * [1, 2, 3], triangles.reshape(-1, 3)
        ours = repeated(vertices, triangles, n_times)[0]
        theirs = trimesh.remesh.subdivide_loop(vertices, triangles, iterations=n_times)[0]
        distances = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
        assert len(ours) == len(theirs) and distances.min(axis=1).max() < 1e-12


def test_triangles_follow_their_parents_and_keep_their_winding():
    vertices, triangles = icosphere(1)
    finer, four, _ = repeated(vertices, triangles, 1)
    parents = np.repeat(vertices[triangles].mean(axis=1), 4, axis=0)
    assert np.linalg.norm(finer[four].mean(axis=1) - parents, axis=1).max() < 0.3
    directed = {tuple(edge) for edge in four[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()}
    assert len(directed) == 3 * len(four)  # wound alike: each edge once in each direction


def test_what_cannot_be_subdivided_is_named():
    with pytest.raises(ValueError, match="two triangles per edge"):
        loop_matrix(np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]), 5)
    with pytest.raises(ValueError, match=r"creases along edges, got \(0, 3\)"):
        loop_matrix(np.array([[0, 1, 2], [2, 1, 3]]), 4, np.array([[3, 0]]))


def test_it_is_sparse():
    vertices, triangles = icosphere(3)
    matrix = loop_matrix(triangles, len(vertices)).matrix
    assert sparse.issparse(matrix) and matrix.nnz < 5 * matrix.shape[0]
