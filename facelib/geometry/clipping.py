"""Clipping: the part of a surface on one side of a curve, with a clean rim."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from facelib.geometry.mesh import checked_triangles, edges

SNAP = 0.3  # a vertex that is nearer to the curve than this share of an edge moves on to it


class Clipped(NamedTuple):
    """The part of a surface on one side of a curve.

    Attributes:
        matrix: (V, N) float64 csr: its vertices from the surface's. Rows of those on the rim mix
            the ends of an edge; the others copy a vertex.
        triangles: (T, 3) int32, wound as before.
        parents: (T,) int64, the triangle that each is a part of.
    """

    matrix: sparse.csr_array
    triangles: np.ndarray
    parents: np.ndarray


def clip(triangles: np.ndarray, values: np.ndarray) -> Clipped:
    """Keep what lies where a function, linear in each triangle, is positive.

    Edges are cut where the function is 0. So that no slivers arise, a vertex that is near such a
    cut first moves on to it along its edge.

    Args:
        triangles: (M, 3) int.
        values: (N,) float: the function at the vertices. A triangle where it is 0 at all corners
            goes.

    Raises:
        ValueError: if values are not finite, or a corner is none of the vertices.
    """
    values = np.array(values, float)
    if not np.isfinite(values).all():
        raise ValueError("values must be finite, got NaN or infinity")
    triangles = checked_triangles(triangles, len(values))
    mostly_above = values[triangles].sum(axis=1) > 0
    moved = _snap(edges(triangles), values)
    sides = np.sign(values)[triangles]
    # A triangle whose corners have all moved on to the curve is still there.
    whole = (sides >= 0).all(axis=1) & ((sides > 0).any(axis=1) | mostly_above)
    cut = (sides > 0).any(axis=1) & (sides < 0).any(axis=1)
    corners: list[tuple[int, int]] = [(int(v), int(v)) for v in range(len(values))]
    corner_of: dict[tuple[int, int], int] = {}
    pieces, parents = [triangles[whole]], [np.flatnonzero(whole)]
    for parent in np.flatnonzero(cut):
        polygon = []
        for a, b in zip(triangles[parent], np.roll(triangles[parent], -1), strict=True):
            if values[a] >= 0:
                polygon.append(int(a))
            if np.sign(values[a]) * np.sign(values[b]) < 0:
                edge = (int(min(a, b)), int(max(a, b)))
                if edge not in corner_of:
                    corner_of[edge] = len(corners)
                    corners.append(edge)
                polygon.append(corner_of[edge])
        fan = [[polygon[0], *pair] for pair in zip(polygon[1:], polygon[2:], strict=False)]
        pieces.append(np.array(fan).reshape(-1, 3))
        parents.append(np.full(len(fan), parent))
    pieces, parents = np.concatenate(pieces), np.concatenate(parents)
    used, pieces = np.unique(pieces, return_inverse=True)
    matrix = _mixes(np.array(corners, int).reshape(-1, 2), values, moved)[used]
    return Clipped(matrix, pieces.reshape(-1, 3).astype(np.int32), parents)


def _snap(pairs: np.ndarray, values: np.ndarray) -> dict[int, tuple[int, float]]:
    """Set values near a cut to 0, in place: vertex → the neighbour it moves to, and how far."""
    moved: dict[int, tuple[int, float]] = {}
    crossing = pairs[np.sign(values)[pairs].prod(axis=1) < 0]
    both = np.concatenate([crossing, crossing[:, ::-1]])
    share = _crossing_share(*values[both].T)
    for k in np.argsort(share, kind="stable"):
        a, b = both[k].tolist()
        if share[k] > SNAP:
            break
        if values[a] and values[b]:
            moved[a] = (b, float(share[k]))
            values[a] = 0
    return moved


def _crossing_share(start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return where edges cross 0, as a share of their length, for values of opposite signs."""
    with np.errstate(over="ignore"):  # infinite ratios are crossings at the start
        return 1 / (1 - stop / start)


def _mixes(corners, values, moved) -> sparse.csr_array:
    """Row of each corner: a vertex (v, v), a moved one, or the cut of an edge (a, b)."""
    a, b = corners.T.copy()
    share = np.zeros(len(corners))  # of b
    for vertex, (neighbour, how_far) in moved.items():
        b[vertex], share[vertex] = neighbour, how_far
    is_cut = corners[:, 0] != corners[:, 1]
    share[is_cut] = _crossing_share(values[a[is_cut]], values[b[is_cut]])
    rows = np.tile(np.arange(len(corners)), 2)
    entries = (np.concatenate([1 - share, share]), (rows, np.concatenate([a, b])))
    matrix = sparse.csr_array(entries, shape=(len(corners), len(values)))
    matrix.eliminate_zeros()
    return matrix
