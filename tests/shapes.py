"""Closed-form shapes that the geometry tests share."""

import numpy as np


def icosphere(subdivisions: int = 3, radius: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (N, 3) on a sphere and triangles (M, 3), counter-clockwise from outside."""
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    return np.array(sphere.vertices), np.array(sphere.faces, dtype=np.int32)


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an n×n grid of vertices on [0, 1]² at z = 0 and its triangles, facing +z."""
    y, x = np.mgrid[0:n, 0:n] / (n - 1)
    vertices = np.column_stack([x.ravel(), y.ravel(), np.zeros(n * n)])
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    lower, upper = [a, a + 1, a + n + 1], [a, a + n + 1, a + n]
    return vertices, np.vstack([np.transpose(lower), np.transpose(upper)]).astype(np.int32)
