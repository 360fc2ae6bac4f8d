"""Distances from the mean head's skin, and the motion of the space around it with a person.

Hair, hats and clothes are made once about the mean head. `build_field` keeps them outside of it;
`Cage` carries them to a person: it spreads the movement of the skin to the space around.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import sparse
from scipy.spatial import cKDTree

# Corners of the box around head and shoulders, mm, head frame.
BOX = np.array([[-216.0, -276.0, -168.0], [216.0, 180.0, 168.0]])
FIELD_STEP_MM = 6.0
CAGE_STEP_MM = 24.0
NEIGHBOURS = 12  # number of skin points that move a node of the cage
NEAR_MM = 8.0  # within this, the height above the nearest point's plane is more accurate
# Nodes along a block's edge: the first holds the whole box, each narrows the next one's choice.
BLOCKS = (128, 32, 16, 8, 4, 2)
ROUNDING_MM = 1e-6
CAGE_MM = 8.0  # width of a skin point's influence at the skin


@dataclass(frozen=True)
class Grid:
    """Values at evenly spaced nodes.

    Attributes:
        values: (X, Y, Z, C) float32.
        origin: (3,) float32, mm: the first node.
        step_mm: distance between nodes.
    """

    values: np.ndarray
    origin: np.ndarray
    step_mm: float

    def at(self, points_head: np.ndarray) -> np.ndarray:
        """Interpolate at (N, 3) points, mm, clamped to the box: (N, C)."""
        points = np.ascontiguousarray(points_head, np.float32)
        out = np.empty((len(points), self.values.shape[3]), np.float32)
        _sample(self.values, self.origin, np.float32(1 / self.step_mm), points, out)
        return out


@dataclass(frozen=True)
class Cage:
    """A grid of nodes that moves with the skin.

    Attributes:
        weights: (X·Y·Z, N) float32 CSR: each node's movement as a mean of vertices' movements.
        shape: X, Y, Z.
    """

    weights: sparse.csr_array
    shape: tuple[int, int, int]

    def carry(self, movement: np.ndarray) -> Grid:
        """Spread the skin's movement to space.

        Args:
            movement: (N, 3) float, mm: person minus mean head.

        Returns:
            Grid of movements, mm.
        """
        nodes = self.weights @ np.asarray(movement, np.float32)
        return Grid(nodes.reshape(*self.shape, 3), BOX[0].astype(np.float32), CAGE_STEP_MM)


def build_field(points_head: np.ndarray, normals_head: np.ndarray) -> Grid:
    """Measure the signed distance to a surface at every node of the box; 4 channels.

    Args:
        points_head: (N, 3) float, mm: points all over the surface, a few mm apart.
        normals_head: (N, 3) float, unit, outward.

    Returns:
        Grid of distance, mm, positive outside, and its (unit) gradient.
    """
    nodes = _nodes(FIELD_STEP_MM)
    nearest = np.empty(nodes.shape[:3], np.int32)
    _find_nearest(np.ascontiguousarray(points_head, float), nodes, nearest)
    nearest = nearest.ravel()
    away = nodes.reshape(-1, 3) - points_head[nearest]
    distance = np.sqrt(away[:, 0] ** 2 + away[:, 1] ** 2 + away[:, 2] ** 2)
    height = np.einsum("nk,nk->n", away, normals_head[nearest])
    signed = np.where(distance > NEAR_MM, np.copysign(distance, height), height)
    signed = signed.reshape(nodes.shape[:3])
    gradient = np.stack(np.gradient(signed, FIELD_STEP_MM), axis=-1)
    gradient /= np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-6)
    values = np.concatenate([signed[..., None], gradient], axis=-1)
    return Grid(np.ascontiguousarray(values, np.float32), BOX[0].astype(np.float32), FIELD_STEP_MM)


def build_cage(points_head: np.ndarray, vertex_ids: np.ndarray, n_vertices: int) -> Cage:
    """Attach a cage to skin.

    Args:
        points_head: (K, 3) float, mm: skin of the mean head.
        vertex_ids: (K,) int: their places among the head's vertices.
        n_vertices: number of the head's vertices.
    """
    nodes = _nodes(CAGE_STEP_MM)
    distance, nearest = cKDTree(points_head).query(nodes.reshape(-1, 3), k=NEIGHBOURS)
    # Farther from the skin the weights get more equal: the motion approaches the neighbours' mean.
    width = CAGE_MM + distance[:, :1]
    weight = np.exp(-((distance / width) ** 2) * 2)
    weight /= weight.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(weight)), NEIGHBOURS)
    entries = (weight.ravel().astype(np.float32), (rows, vertex_ids[nearest].ravel()))
    matrix = sparse.coo_array(entries, shape=(len(weight), n_vertices)).tocsr()
    return Cage(matrix, nodes.shape[:3])


def _nodes(step_mm):
    axes = [np.arange(low, high + step_mm / 2, step_mm) for low, high in BOX.T]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


@njit(cache=True)
def _find_nearest(points, nodes, nearest):
    """Find the nearest of (N, 3) points to each of (X, Y, Z, 3) nodes: written to (X, Y, Z).

    Neighbouring nodes have few points to choose from. So the box of nodes is cut into blocks, each
    block into smaller ones, and each keeps only those points of its parent's that it may need.
    """
    kept = np.empty((len(BLOCKS) + 1, len(points)), np.int32)
    count = np.zeros(len(BLOCKS) + 1, np.int64)
    kept[0], count[0] = np.arange(len(points)), len(points)
    waiting = [(0, 0, 0, 0)]  # first node, level; the last block that was cut comes first
    while waiting:
        x, y, z, level = waiting.pop()
        size = BLOCKS[level]
        end_x = min(x + size, nearest.shape[0])
        end_y = min(y + size, nearest.shape[1])
        end_z = min(z + size, nearest.shape[2])
        low, high = nodes[x, y, z], nodes[end_x - 1, end_y - 1, end_z - 1]
        chosen = kept[level + 1]
        count[level + 1] = _narrow(points, kept[level], count[level], low, high, chosen)
        is_last = level + 1 == len(BLOCKS)
        step = 1 if is_last else BLOCKS[level + 1]
        for i in range(x, end_x, step):
            for j in range(y, end_y, step):
                for k in range(z, end_z, step):
                    if is_last:
                        u, v, w = nodes[i, j, k]
                        nearest[i, j, k] = _nearest_of(points, chosen, count[level + 1], u, v, w)
                    else:
                        waiting.append((i, j, k, level + 1))


@njit(cache=True)
def _nearest_of(points, ids, count, x, y, z):
    best, least = -1, np.inf
    for at in ids[:count]:
        square = _square(points[at], x, y, z)
        if square < least:
            best, least = at, square
    return best


@njit(cache=True, inline="always")
def _square(point, x, y, z):
    return (point[0] - x) ** 2 + (point[1] - y) ** 2 + (point[2] - z) ** 2


@njit(cache=True)
def _narrow(points, ids, count, low, high, kept):
    """Keep those points that may be the nearest to a place in a box; return how many.

    A point that is farther from the middle than the nearest one is nearer only beyond the plane
    halfway between the two, which must cut the ball around the box.
    """
    x, y, z = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2
    reach = np.sqrt(_square(low, x, y, z)) + ROUNDING_MM
    best = points[_nearest_of(points, ids, count, x, y, z)]
    least = _square(best, x, y, z)
    n_kept = 0
    for at in ids[:count]:
        apart = np.sqrt(_square(points[at], best[0], best[1], best[2]))
        if _square(points[at], x, y, z) - least <= 2 * reach * apart:
            kept[n_kept] = at
            n_kept += 1
    return n_kept


@njit(cache=True, inline="always")
def cell(values, origin, per_mm, x, y, z):
    """Find the grid cell of a point, and where in it the point lies: i, j, k, u, v, w."""
    one = np.float32(1)
    a = min(max((x - origin[0]) * per_mm, np.float32(0)), np.float32(values.shape[0]) - one)
    b = min(max((y - origin[1]) * per_mm, np.float32(0)), np.float32(values.shape[1]) - one)
    c = min(max((z - origin[2]) * per_mm, np.float32(0)), np.float32(values.shape[2]) - one)
    i = min(int(a), values.shape[0] - 2)
    j = min(int(b), values.shape[1] - 2)
    k = min(int(c), values.shape[2] - 2)
    return i, j, k, a - np.float32(i), b - np.float32(j), c - np.float32(k)


@njit(cache=True, inline="always")
def blend_cell(values, i, j, k, u, v, w, channel):
    """Interpolate one channel within a cell."""
    one = np.float32(1)
    near = (values[i, j, k, channel] * (one - u) + values[i + 1, j, k, channel] * u) * (one - v)
    near += (values[i, j + 1, k, channel] * (one - u) + values[i + 1, j + 1, k, channel] * u) * v
    k += 1
    far = (values[i, j, k, channel] * (one - u) + values[i + 1, j, k, channel] * u) * (one - v)
    far += (values[i, j + 1, k, channel] * (one - u) + values[i + 1, j + 1, k, channel] * u) * v
    return near * (one - w) + far * w


@njit(cache=True)
def _sample(values, origin, per_mm, points, out):
    for n in range(points.shape[0]):
        i, j, k, u, v, w = cell(values, origin, per_mm, points[n, 0], points[n, 1], points[n, 2])
        for channel in range(values.shape[3]):
            out[n, channel] = blend_cell(values, i, j, k, u, v, w, channel)
