"""Subdivision: every triangle becomes four, and one sparse matrix gives the new vertices.

`subdivision_matrix` keeps the shape. `loop_matrix` rounds it: repeated, it tends to a surface
without kinks (Loop 1987), except along the boundaries and creases of Hoppe et al. (1994). The
matrices depend on the triangles alone, so they apply to anything that is given per vertex:
positions, texture coordinates, shape bases.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from facelib.geometry.mesh import checked_triangles, edges

NO_CREASES = np.zeros((0, 2), np.int32)


class Subdivided(NamedTuple):
    """One step of subdivision.

    Attributes:
        matrix: (N + E, N) float64 csr: new vertices from old ones, first the old ones' successors,
            then one per row of `edges(triangles)`.
        triangles: (4M, 3) int32, wound like their parents, which they follow in order.
        creases: (2C, 2) int32, the creases' halves.
    """

    matrix: sparse.csr_array
    triangles: np.ndarray
    creases: np.ndarray


def subdivision_matrix(
    triangles: np.ndarray, n_vertices: int
) -> tuple[sparse.csr_array, np.ndarray]:
    """Split every triangle into four at its edges' midpoints; the old vertices stay.

    Args:
        triangles: (M, 3) int.
        n_vertices: the number N.

    Returns:
        S: (N + E, N) float64 csr: the old vertices, then one per row of `edges(triangles)`; the new
        triangles: (4M, 3) int32, wound like their parents.

    Raises:
        ValueError: if a corner is none of the vertices.

    Examples:
        >>> import numpy as np
        >>> matrix, four = subdivision_matrix(np.array([[0, 1, 2]]), 3)
        >>> (matrix @ np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0]]))[3:].tolist()  # the midpoints
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
        >>> four.shape
        (4, 3)
    """
    pairs, edge_of = _edges_of(triangles, n_vertices)
    midpoints = _weighted(pairs, 0.5, n_vertices)
    matrix = sparse.vstack([sparse.eye_array(n_vertices), midpoints], format="csr")
    return matrix, _four(triangles, n_vertices + edge_of)


def loop_matrix(
    triangles: np.ndarray, n_vertices: int, creases: np.ndarray = NO_CREASES
) -> Subdivided:
    """Subdivide by Loop's scheme, with creases.

    A new vertex on an inner edge is 3/8 of each end and 1/8 of each corner opposite. An old vertex
    with n neighbours keeps 1 − nβ of itself and gets β of each neighbour, where
    nβ = 5/8 − (3/8 + cos(2π/n)/4)². A crease knows only its own vertices, so that it becomes a
    cubic B-spline: midpoints on its edges, and 1/8, 3/4, 1/8 along it for its old vertices. Where
    three or more creases meet, the vertex stays. Boundaries are creases. A vertex without triangles
    stays, and so does one in which the corners of two boundaries touch.

    Args:
        triangles: (M, 3) int, three different corners each, at most two triangles per edge; how
            they are wound does not matter.
        n_vertices: the number N.
        creases: (C, 2) int, edges on which the surface may have a kink.

    Raises:
        ValueError: if an edge has more than two triangles, a triangle has a corner twice, a corner
            is none of the vertices, or a crease is no edge.
    """
    pairs, edge_of = _edges_of(triangles, n_vertices)
    sharp, opposite = _sharp_edges(triangles, pairs, edge_of, creases, n_vertices)
    on_edges = _weighted(pairs, np.where(sharp, 1 / 2, 3 / 8)[:, None], n_vertices)
    on_edges += _weighted(opposite, np.where(sharp, 0, 1 / 8)[:, None], n_vertices)
    old = _averaged(pairs, sharp, n_vertices, _loop_share, crease_share=1 / 4)
    matrix = sparse.vstack([old, on_edges], format="csr")
    matrix.eliminate_zeros()
    halves = n_vertices + np.flatnonzero(sharp)
    new_creases = np.concatenate([np.column_stack([end, halves]) for end in pairs[sharp].T])
    return Subdivided(matrix, _four(triangles, n_vertices + edge_of), new_creases.astype(np.int32))


def limit_matrix(
    triangles: np.ndarray, n_vertices: int, creases: np.ndarray = NO_CREASES
) -> sparse.csr_array:
    """Return where Loop's scheme takes each vertex in the end: (N, N) float64 csr.

    A vertex moves by 1 / (1 + 3/(8nβ)) of the way to the mean of its n neighbours; on a crease, by
    a third of the way to the mean of its two neighbours there. Where a single crease ends, this is
    only about the limit, because the crease's midpoint does not follow the smooth rule.

    Args:
        triangles: as for `loop_matrix`.
        n_vertices: the number N.
        creases: (C, 2) int.

    Raises:
        ValueError: as in `loop_matrix`.
    """
    pairs, edge_of = _edges_of(triangles, n_vertices)
    sharp, _ = _sharp_edges(triangles, pairs, edge_of, creases, n_vertices)
    return _averaged(pairs, sharp, n_vertices, _limit_share, crease_share=1 / 3)


def _loop_share(valence: np.ndarray) -> np.ndarray:
    """Return nβ: the share of its neighbours in a vertex."""
    return 5 / 8 - (3 / 8 + np.cos(2 * np.pi / valence) / 4) ** 2


def _limit_share(valence: np.ndarray) -> np.ndarray:
    return 1 / (1 + 3 / (8 * _loop_share(valence)))


def _averaged(pairs, sharp, n_vertices, share_of, crease_share) -> sparse.csr_array:
    """Mix each vertex with its neighbours' mean: on a crease, with those along it."""
    valence = np.bincount(pairs.ravel(), minlength=n_vertices)
    n_sharp = np.bincount(pairs[sharp].ravel(), minlength=n_vertices)
    on_crease = n_sharp == 2
    share = np.where(on_crease, crease_share, share_of(np.maximum(valence, 1)))
    share[(n_sharp > 2) | (valence == 0)] = 0
    each = share / np.maximum(np.where(on_crease, 2, valence), 1)
    starts, stops = np.concatenate([pairs, pairs[:, ::-1]]).T  # each edge once from either end
    counts = np.where(on_crease[starts], np.tile(sharp, 2), True)
    neighbours = sparse.csr_array(
        ((each[starts] * counts), (starts, stops)), shape=(n_vertices, n_vertices)
    )
    mixed = (neighbours + sparse.diags_array(1 - share)).tocsr()
    mixed.eliminate_zeros()
    return mixed


def _edges_of(triangles: np.ndarray, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all edges, (E, 2), and each triangle's, (M, 3): from corner 0 to 1, 1 to 2, 2 to 0."""
    triangles = checked_triangles(triangles, n_vertices)
    pairs = edges(triangles)
    codes = pairs[:, 0].astype(np.int64) * n_vertices + pairs[:, 1]
    corners = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2).astype(np.int64)
    return pairs, np.searchsorted(codes, corners[..., 0] * n_vertices + corners[..., 1])


def _sharp_edges(triangles, pairs, edge_of, creases, n_vertices) -> tuple[np.ndarray, np.ndarray]:
    """Return which edges are boundaries or creases, (E,) bool, and the corners opposite, (E, 2)."""
    if (pairs[:, 0] == pairs[:, 1]).any():
        raise ValueError("expected three different corners per triangle, got one of them twice")
    n_triangles = np.bincount(edge_of.ravel(), minlength=len(pairs))
    if n_triangles.max(initial=0) > 2:
        raise ValueError(
            f"expected at most two triangles per edge, got {n_triangles.max()} at edge "
            f"{pairs[n_triangles.argmax()].tolist()}"
        )
    facing = np.asarray(triangles)[:, [2, 0, 1]]  # the corner opposite each of the three edges
    order = np.argsort(edge_of.ravel(), kind="stable")
    last = np.cumsum(n_triangles) - 1
    opposite = facing.ravel()[order][np.column_stack([last - n_triangles + 1, last])]
    sharp = n_triangles == 1
    creases = np.sort(creases, axis=1)
    codes, wanted = (ends @ [n_vertices, 1] for ends in (pairs, creases))
    known = np.isin(wanted, codes) & ((0 <= creases) & (creases < n_vertices)).all(axis=1)
    if not known.all():
        odd = tuple(creases[~known][0].tolist())
        raise ValueError(f"expected creases along edges, got {odd}, which is none")
    sharp[np.searchsorted(codes, wanted)] = True
    return sharp, opposite


def _weighted(columns: np.ndarray, weights, n_columns: int) -> sparse.csr_array:
    """(R, n_columns) csr: row r has the weights at (R, 2) columns."""
    rows = np.repeat(np.arange(len(columns)), columns.shape[1])
    weights = np.broadcast_to(weights, columns.shape).ravel()
    return sparse.csr_array((weights, (rows, columns.ravel())), shape=(len(columns), n_columns))


def _four(triangles: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Split triangles at their edges' vertices, (M, 3) int, from corner 0 to 1, 1 to 2, 2 to 0."""
    (a, b, c), (ab, bc, ca) = np.asarray(triangles).T, middle.T
    new = np.stack([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]], axis=0)
    return new.transpose(2, 0, 1).reshape(-1, 3).astype(np.int32)
