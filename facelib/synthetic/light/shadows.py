"""Soft shadows: a depth map from the light's view, with more blur for a wider light.

An exponential shadow map (Annen and others 2008): exp(−c·z) instead of z is blurred and sampled.
One sample gives a soft test of occlusion, without the stripes of comparing depths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from facelib.imaging.effects import box_mean
from facelib.render.rasterize import rasterize
from facelib.synthetic.light.occlusion import looking_from

SIZE = 128  # texels of the map
REACH_MM = 150.0  # from the middle of the map to its rim, and its range of depth
SHARPNESS = 0.25  # 1/mm: a gap of four millimetres between body and shadow lets 1/e through
LEAST_TEXELS = 2  # of the blur's half width: with less, texels are visible


@dataclass(frozen=True)
class ShadowMap:
    """The shadow map of a light at infinity.

    Attributes:
        nearness: (SIZE, SIZE) float32, blurred exp(−SHARPNESS·z): small near the light.
        frame: (3, 3), eye frame → the light's; the third axis points at the light.
        middle_eye: (3,), mm: the point in the map's middle.
    """

    nearness: np.ndarray
    frame: np.ndarray
    middle_eye: np.ndarray

    def coordinates(self, points_eye: np.ndarray) -> np.ndarray:
        """Return column, row (texels) and height z (mm) of (N, 3) points, mm, eye frame."""
        local = (points_eye - self.middle_eye) @ self.frame.T
        scale = SIZE / (2 * REACH_MM)
        return np.column_stack(
            [local[:, 0] * scale + SIZE / 2, SIZE / 2 - local[:, 1] * scale, local[:, 2]]
        )


@dataclass(frozen=True)
class Lines:
    """Thin things that cast shadows: strands of hair, the wire of glasses.

    Attributes:
        points_head: (N, 3) float32, mm, head frame.
        first: (S + 1,) int32: line s has the points first[s] .. first[s + 1] − 1.
        texels: (S,) int32: width of a line on the map.
    """

    points_head: np.ndarray
    first: np.ndarray
    texels: np.ndarray


def shadow_map(
    vertices_eye: np.ndarray,
    triangles: np.ndarray,
    direction_eye: np.ndarray,
    middle_eye: np.ndarray,
    softness_mm: float,
    lines: Lines | None = None,
    points_eye: np.ndarray | None = None,
) -> ShadowMap:
    """Draw a head's shadow map.

    Args:
        vertices_eye: (N, 3) float, mm, eye frame.
        triangles: (M, 3) int.
        direction_eye: (3,) float, unit vector toward the light.
        middle_eye: (3,) float, mm: the head's origin.
        softness_mm: half width of the shadows' soft edges.
        lines: thin things that cast shadows, too; None for nothing.
        points_eye: (N, 3) float, mm, eye frame: the points of `lines`.

    Returns:
        ShadowMap.
    """
    frame = looking_from(np.asarray(direction_eye, np.float64))
    empty = ShadowMap(np.zeros((SIZE, SIZE), np.float32), frame, np.asarray(middle_eye))
    seen = rasterize(empty.coordinates(vertices_eye), triangles, SIZE, SIZE, cull_back=True)
    if lines is not None:
        on_map = empty.coordinates(points_eye).astype(np.float32)
        _draw_lines(on_map, lines.first, lines.texels, seen.depth)
    texels = max(int(round(softness_mm * SIZE / (2 * REACH_MM))), LEAST_TEXELS)
    return replace(empty, nearness=box_mean(_nearness(seen.depth), texels))


@njit(cache=True, error_model="numpy")
def _draw_lines(points, first, texels, depth):
    """Raise the depth (SIZE, SIZE) to that of lines with these map coordinates (N, 3)."""
    size = depth.shape[0]
    for line in range(len(first) - 1):
        for i in range(first[line], first[line + 1] - 1):
            x, y, z = points[i, 0], points[i, 1], points[i, 2]
            dx, dy, dz = points[i + 1, 0] - x, points[i + 1, 1] - y, points[i + 1, 2] - z
            steps = max(int(np.ceil(max(abs(dx), abs(dy)))), 1)
            for step in range(steps):
                share = np.float32(step) / np.float32(steps)
                left, top = int(np.floor(x + dx * share)), int(np.floor(y + dy * share))
                height = z + dz * share
                for row in range(max(top, 0), min(top + texels[line], size)):
                    for col in range(max(left, 0), min(left + texels[line], size)):
                        depth[row, col] = max(depth[row, col], height)


def _nearness(depth):
    """exp(−SHARPNESS·z) of a depth map, (H, W) float32."""
    return np.exp(np.float32(-SHARPNESS) * np.clip(depth, -REACH_MM, REACH_MM))


@njit(cache=True, inline="always", error_model="numpy")
def visibility(nearness, column, row, z):
    """The share of the light at a point with these map coordinates, 0..1; 1 off the map."""
    one, size = np.float32(1), nearness.shape[0]
    if not (column >= 0 and row >= 0 and column < size - 1 and row < size - 1):
        return one
    left, top = int(column), int(row)
    fx, fy = column - np.float32(left), row - np.float32(top)
    upper = nearness[top, left] + (nearness[top, left + 1] - nearness[top, left]) * fx
    lower = nearness[top + 1, left] + (nearness[top + 1, left + 1] - nearness[top + 1, left]) * fx
    mean = upper + (lower - upper) * fy
    return min(np.exp(np.float32(SHARPNESS) * z) * mean, one)
