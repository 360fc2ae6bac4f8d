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
LEAF_SIZE = 128  # skin points
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
    # Subdivided skin has many points in few planes, for which compact k-d tree boxes are slow. From
    # far away most leaves lie equally near, so a few large ones, read in order, are fastest.
    plain = {"compact_nodes": False, "balanced_tree": False, "leafsize": LEAF_SIZE}
    order = cKDTree(points_head, **plain).indices
    points_head, normals_head = points_head[order], normals_head[order]
    distance, nearest = cKDTree(points_head, **plain).query(nodes.reshape(-1, 3))
    away = nodes.reshape(-1, 3) - points_head[nearest]
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
