"""A plain round-necked shirt that hides the end of the head model's neck."""

from __future__ import annotations

import numpy as np

from facelib.geometry.mesh import boundary_loops

# Rings of the shirt: offset of the neck's edge outward (x, z) and down, mm.
RINGS = (
    (1.03, 1.03, -3.0),
    (1.06, 1.08, 1.0),
    (1.5, 1.3, 26.0),
    (2.4, 1.6, 62.0),
    (2.7, 1.8, 260.0),
)
SMOOTHING = 7  # neighbours along the edge to average, because the model's edge is jagged


def neck_edge(vertices_head: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the vertex ids of the neck's lower edge, in order.

    Args:
        vertices_head: (N, 3) float, mm.
        triangles: (M, 3) int.

    Raises:
        ValueError: if the head is closed.
    """
    loops = boundary_loops(triangles)
    if not loops:
        raise ValueError("expected a head with an open neck, got a closed surface")
    return np.asarray(min(loops, key=lambda loop: vertices_head[loop, 1].mean()))


def shirt_vertices(vertices_head: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Make the shirt's rings from the neck's edge: (R·L, 3) float64, mm, ring by ring."""
    loop = vertices_head[edge]
    shifts = range(-(SMOOTHING // 2), SMOOTHING // 2 + 1)
    smooth = np.mean([np.roll(loop, shift, axis=0) for shift in shifts], axis=0)
    middle = smooth.mean(axis=0)
    rings = [
        middle + (smooth - middle) * (wide, 1.0, deep) - (0.0, down, 0.0)
        for wide, deep, down in RINGS
    ]
    return np.concatenate(rings)


def shirt_triangles(count: int, first: int) -> np.ndarray:
    """Join rings of `count` vertices, numbered from `first`: (4·count·(R−1), 3) int32.

    Cloth has two sides: every triangle occurs once in each winding.
    """
    here = np.arange(count)
    following = (here + 1) % count
    bands = []
    for ring in range(len(RINGS) - 1):
        upper, lower = first + ring * count, first + (ring + 1) * count
        bands.append(np.stack([upper + here, lower + here, lower + following], axis=1))
        bands.append(np.stack([upper + here, lower + following, upper + following], axis=1))
    outside = np.concatenate(bands).astype(np.int32)
    return np.concatenate([outside, outside[:, ::-1]])
