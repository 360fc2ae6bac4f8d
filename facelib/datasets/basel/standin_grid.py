"""The mesh of the stand-in Basel model: a grid about a vertical axis, like a scanner's."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from facelib.face.headmodel import MIRRORED_KEYPOINTS, MorphableModel
from facelib.geometry.mesh import edges
from facelib.render.rasterize import rasterize

REACH = np.radians(104.0)  # the grid ends at the ears
HEIGHT_MM = (-112.0, 88.0)
CENTRE_DENSITY = 0.5  # slope of the grid's angle at its centre: columns are denser on the nose
MOUTH_STRETCH = 3.0  # triangles that an open jaw stretches this much close the mouth


def _grid_lines(columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles (columns,) rad about the head's axis, and heights (rows,) mm from the top down."""
    t = np.linspace(-1, 1, columns)
    angles = REACH * (CENTRE_DENSITY * t + (1 - CENTRE_DENSITY) * t**3)
    return angles, np.linspace(HEIGHT_MM[1], HEIGHT_MM[0], rows)


def grid_uv(columns: int, rows: int) -> np.ndarray:
    """Texture coordinates of the grid, v down: (n, 2) float64."""
    u, v = np.meshgrid(np.linspace(0.02, 0.98, columns), np.linspace(0.02, 0.98, rows))
    return np.column_stack([u.ravel(), v.ravel()])


def mirrored_grid(columns: int, rows: int) -> np.ndarray:
    """Each grid vertex's twin across the plane x = 0: (n,) int."""
    return np.arange(columns * rows).reshape(rows, columns)[:, ::-1].ravel()


def face_grid(head: MorphableModel, columns: int, rows: int) -> tuple[csr_array, np.ndarray]:
    """Return (n, N) csr from the head's vertices to a grid's, and the 68 keypoints' vertices.

    The head is rasterised over angle and height, and the outermost surface wins. The grid's left
    half is the mirror image of its right half. The vertex nearest to a keypoint is moved onto it.
    """
    angles, heights = _grid_lines(columns, rows)
    middle = columns // 2
    x, y, z = head.mean_head.T
    angle = np.arctan2(x, z)
    # Rasterised finely in the grid's own spacing: column k of the grid is pixel k.
    corners = np.column_stack(
        [
            np.interp(angle, angles, np.arange(columns), left=-9, right=columns + 9),
            np.interp(-y, -heights, np.arange(rows), left=-9, right=rows + 9),
            np.hypot(x, z),
        ]
    )
    wraps = np.ptp(angle[head.triangles], axis=1) > np.pi / 2
    outside = (np.abs(corners[head.triangles, 0] - middle) > middle + 8).all(axis=1)
    usable = head.triangles[~wraps & ~outside]
    fragments = rasterize(corners, usable, rows, columns)
    if not fragments.covered[:, middle:].all():
        raise ValueError("expected a head that covers the whole grid, got holes")
    members = usable[fragments.triangle].astype(np.int64)
    weights = np.asarray(fragments.barycentric, np.float64)
    weights /= weights.sum(axis=2, keepdims=True)
    members, weights = _symmetric(members, weights, head.mirror, middle)
    keypoints = _snap_keypoints(members, weights, head, columns)
    places = np.repeat(np.arange(rows * columns), 6)
    shape = (rows * columns, len(x))
    return csr_array((weights.ravel(), (places, members.ravel())), shape=shape), keypoints


def _symmetric(
    members: np.ndarray, weights: np.ndarray, mirror: np.ndarray, middle: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mirror the right half of a grid onto its left, and its middle onto itself.

    Args:
        members: (rows, columns, 3) int, head vertices about each grid vertex.
        weights: (rows, columns, 3) float64.
        mirror: (N,) int, each head vertex's mirror twin.
        middle: the middle column.

    Returns:
        members and weights (rows · columns, 6): half from each vertex itself, half from its twin.
    """
    members, weights = members.copy(), weights.copy()
    members[:, :middle] = mirror[members[:, :middle:-1]]
    weights[:, :middle] = weights[:, :middle:-1]
    members = np.concatenate([members, mirror[members[:, ::-1]]], axis=2)
    weights = np.concatenate([weights, weights[:, ::-1]], axis=2) / 2
    return members.reshape(-1, 6), weights.reshape(-1, 6)


def _snap_keypoints(
    members: np.ndarray, weights: np.ndarray, head: MorphableModel, columns: int
) -> np.ndarray:
    """Move the nearest grid vertices onto the 68 keypoints, symmetrically.

    Args:
        members: (n, 6) int, head vertices; changed in place.
        weights: (n, 6) float64, their weights; changed in place.
        head: whose keypoints.
        columns: of the grid.

    Returns:
        (68,) int32, the grid vertices that are keypoints now.
    """
    marks = head.keypoints(head.mean_head)
    points = np.einsum("nk,nkd->nd", weights, head.mean_head[members])
    column = np.arange(len(points)) % columns
    central = MIRRORED_KEYPOINTS == np.arange(68)
    right = ~central & (marks[:, 0] > 0)
    index = np.empty(68, np.int32)
    for chosen, allowed in ((central, column == columns // 2), (right, column > columns // 2)):
        allowed = np.flatnonzero(allowed)
        distance = np.linalg.norm(marks[chosen, None] - points[None, allowed], axis=2)
        index[chosen] = allowed[linear_sum_assignment(distance**2)[1]]
    left = ~central & ~right
    index[left] = mirrored_grid(columns, len(points) // columns)[index[MIRRORED_KEYPOINTS[left]]]
    source = np.where(left, MIRRORED_KEYPOINTS, np.arange(68))
    near, share = head.keypoint_triangles[source], head.keypoint_weights[source] / 2.0
    twins = head.mirror[near]
    near, twins = np.where(left[:, None], twins, near), np.where(left[:, None], near, twins)
    # Off the middle column, both halves of the weights refer to the vertex itself.
    twins = np.where(central[:, None], twins, near)
    members[index], weights[index] = np.hstack([near, twins]), np.hstack([share, share])
    return index


def grid_triangles(
    head: MorphableModel, to_grid: csr_array, columns: int, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut each cell into two triangles, symmetrically; return the face's and the mouth's.

    Those that an opening jaw stretches lie across the lips and close the mouth.
    """
    index = np.arange(columns * rows, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    falling = np.stack([a, b, c, a, c, d], axis=-1)
    rising = np.stack([a, b, d, b, c, d], axis=-1)
    is_left = (np.arange(columns - 1) < columns // 2)[None, :, None]
    triangles = np.where(is_left, falling, rising).reshape(-1, 3)
    closed = to_grid @ head.mean_head
    opened = to_grid @ head.vertices(expression=head.expression(jawOpen=1.0))
    pairs = edges(triangles)
    before, after = (
        np.linalg.norm(v[pairs[:, 0]] - v[pairs[:, 1]], axis=1) for v in (closed, opened)
    )
    torn = {tuple(pair) for pair in pairs[after > MOUTH_STRETCH * before].tolist()}
    across = np.array(
        [
            any(tuple(sorted((t[i], t[(i + 1) % 3]))) in torn for i in range(3))
            for t in triangles.tolist()
        ]
    )
    return triangles[~across], triangles[across]
