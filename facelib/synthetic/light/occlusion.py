"""Ambient occlusion: the share of the surrounding light that reaches each vertex of a body."""

from __future__ import annotations

import numpy as np

from facelib.render.rasterize import rasterize
from facelib.synthetic.light.spherical_harmonics import fibonacci_sphere

GRID = 256  # px of each view's depth image
FRAME = 1.8  # half its width over the farthest vertex's coordinate: a rotated corner fits in
MARGIN_MM = 4.0  # more than the depth changes within a pixel on a head-sized body


def ambient_occlusion(
    vertices: np.ndarray, triangles: np.ndarray, n_directions: int = 96
) -> np.ndarray:
    """Measure the share of the half space above each vertex that the body does not hide.

    Args:
        vertices: (N, 3) float, mm; a body of a head's size about the origin.
        triangles: (M, 3) int, counter-clockwise from outside.
        n_directions: number of parallel views.

    Returns:
        (N,) float64 in 0..1, weighted with the cosine: 1 for the whole sky, 0 for none.
    """
    normals = _normals(vertices, triangles)
    seen, possible = np.zeros(len(vertices)), np.full(len(vertices), 1e-9)
    half = np.abs(vertices).max() * FRAME
    for direction in fibonacci_sphere(n_directions):
        frame = looking_from(direction)
        local = vertices @ frame.T
        screen = np.column_stack(
            [(local[:, 0] + half) * (GRID // 2) / half, (half - local[:, 1]) * (GRID // 2) / half]
        )
        depth = rasterize(np.column_stack([screen, local[:, 2]]), triangles, GRID, GRID).depth
        column, row = np.clip(np.rint(screen), 0, GRID - 1).astype(int).T
        cosine = np.maximum(normals @ direction, 0)
        seen += cosine * (local[:, 2] > depth[row, column] - MARGIN_MM)
        possible += cosine
    return seen / possible


def looking_from(direction: np.ndarray) -> np.ndarray:
    """Return the rotation whose third row is `direction`: that axis then points at the viewer."""
    helper = np.eye(3)[np.argmin(np.abs(direction))]
    right = _cross(helper, direction)
    right /= np.linalg.norm(right)
    return np.array([right, _cross(direction, right), direction])


def _cross(a, b):
    """Cross product of two single vectors, without the overhead of `np.cross`."""
    (ax, ay, az), (bx, by, bz) = a, b
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def _normals(vertices, triangles):
    corners = vertices[triangles]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, triangles[:, k], facing)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
