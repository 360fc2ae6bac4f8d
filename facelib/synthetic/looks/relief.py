"""What the skin's surface has below the size of a triangle: pores, and the lines that age draws.

All lines lie on the mean head, in mm, between its keypoints. A crease is a narrow valley between
two soft shoulders; how deep each person's are is drawn in facelib.synthetic.looks.complexion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from facelib.synthetic.looks.atlas import SKIN_SHARE, Atlas

# Group of lines → half width of its valleys, mm.
CREASES = {
    "forehead": 1.2, "glabella": 1.5, "crows_feet": 0.95, "under_eye": 1.3, "nasolabial": 2.6,
    "marionette": 1.7, "lips": 0.55,
}  # fmt: skip
STEPS = 40  # points along each line
DEEP = 120  # int8 value of a valley of depth 1
PORE_DEPTH_MM = 0.06


@dataclass(frozen=True)
class Crease:
    """One group of lines on a texture page.

    Attributes:
        top: first row.
        left: first column.
        profile: (h, w) int8: −DEEP at a valley's bottom, above 0 on its shoulders.
    """

    top: int
    left: int
    profile: np.ndarray


def crease_lines(keypoints_head: np.ndarray, rng: np.random.Generator) -> dict[str, list]:
    """Draw the lines of a face, each an (n, 3) polyline in mm, head frame, and its strength.

    Args:
        keypoints_head: (68, 3) float, mm, iBUG order.
        rng: bends and cuts them a little, as no face is drawn with a ruler.

    Returns:
        For every group of `CREASES`, a list of (polyline, strength).
    """
    k = keypoints_head
    lines: dict[str, list] = {name: [] for name in CREASES}
    brow_top = k[17:27, 1].max()
    for height in (9.0, 17.0, 25.0, 33.0):
        x = np.linspace(-44, 44, 9) * rng.uniform(0.75, 1.0)
        y = brow_top + height - 5 * (x / 44) ** 2 + rng.normal(0, 0.9, 9)
        lines["forehead"].append((np.column_stack([x, y, np.full(9, 80.0)]), 1.0))
    for side in (-1, 1):
        # `mirror` brings the points of the head's left to this side.
        mirror = np.array([side, 1.0, 1.0])
        outer, inner, mouth, wing = (k[i] * mirror * np.sign(k[i, 0]) ** [1, 0, 0]
                                     for i in (45, 42, 54, 35))  # fmt: skip
        x = side * rng.uniform(5, 8)
        lines["glabella"].append((_chain([x, 22, 86], [x * 0.9, 30, 86], [x * 1.2, 41, 86]), 1.0))
        for angle in np.radians([38, 18, -2, -22, -40]) + rng.normal(0, 0.07, 5):
            reach = rng.uniform(12, 21)
            start = outer + [side * 5 * np.cos(angle), 5 * np.sin(angle), -4]
            end = outer + [side * reach * np.cos(angle), reach * np.sin(angle) - 1.5, -16]
            lines["crows_feet"].append((_chain(start, (start + end) / 2, end), 0.9))
        low = (outer + inner) / 2 - [0, 12.5, 0]
        arc = _chain(inner + [side * 1, -5, 2], low + [-side * 5, 0, 1], low + [side * 8, 3, -1])
        lines["under_eye"].append((arc, 1.0))
        arc = _chain(inner + [side * 4, -4.5, 2], low + [0, 4.2, 1], outer + [-side * 2, -5.5, 0])
        lines["under_eye"].append((arc, 0.45))
        fold = _chain(
            wing + [side * 3.5, 6, -8], wing + [side * 9, -7, -8],
            mouth + [side * 8.5, 7, -1], mouth + [side * 10, -6, -3],
        )  # fmt: skip
        lines["nasolabial"].append((fold, 1.0))
        fold = _chain(mouth + [side * 3, -3, 0], mouth + [side * 6, -13, -2],
                      mouth + [side * 7, -21, -6])  # fmt: skip
        lines["marionette"].append((fold, 1.0))
    for x in np.linspace(-17, 17, 13) + rng.normal(0, 0.6, 13):
        y = -41.5 - 0.011 * x * x
        lines["lips"].append((_chain([x * 0.95, y, 92], [x, y - 5.5, 92]), rng.uniform(0.4, 1)))
    return lines


def build_creases(atlas: Atlas, keypoints_head: np.ndarray, variant: int = 0) -> dict[str, Crease]:
    """Carve the lines of a face into a page.

    Args:
        atlas: the page.
        keypoints_head: (68, 3) float, mm, of the same mean head.
        variant: another number bends and cuts the lines in another way.

    Returns:
        Crease of every group of `CREASES`.
    """
    rng = np.random.default_rng((29, variant))
    lines = crease_lines(keypoints_head, rng)
    return {name: _carve(atlas, lines[name], width) for name, width in CREASES.items()}


def pore_tile(size: int) -> np.ndarray:
    """A page of pits of random size and depth, (size, size) float32 in −1..0, seamless."""
    rng = np.random.default_rng(31)
    tile = np.zeros((size, size))
    count = size * size // 14
    rows, columns = rng.integers(0, size, (2, count))
    np.minimum.at(tile, (rows, columns), -(rng.random(count) ** 2))
    soft = gaussian_filter(tile, 0.75, mode="wrap")
    return (soft / -soft.min()).astype(np.float32)


def texel_slopes(
    vertices_head: np.ndarray, triangles: np.ndarray, uv: np.ndarray, size: int
) -> np.ndarray:
    """Gradients of a texel's column and row along the surface, at each vertex.

    Args:
        vertices_head: (N, 3) float, mm.
        triangles: (M, 3) int.
        uv: (N, 2) float, of a page of width `size` and height size / SKIN_SHARE.
        size: px.

    Returns:
        (N, 6) float32, 1/mm, head frame: ∇column, ∇row; a height h then has the surface gradient
        ∂h/∂column · ∇column + ∂h/∂row · ∇row.
    """
    texels = uv * [size, size / SKIN_SHARE]
    corners, flat = vertices_head[triangles], texels[triangles]
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(e1, e2)
    area2 = np.maximum((normal**2).sum(axis=1, keepdims=True), 1e-12)
    # Dual edges: e1·d1 = 1, e2·d1 = 0 and the other way round, both in the triangle's plane.
    d1, d2 = np.cross(e2, normal) / area2, np.cross(normal, e1) / area2
    f1, f2 = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    slopes = np.concatenate([d1 * f1[:, k : k + 1] + d2 * f2[:, k : k + 1] for k in (0, 1)], axis=1)
    honest = np.abs(f1).max(axis=1) + np.abs(f2).max(axis=1) < 0.2 * size
    weight = np.sqrt(area2[:, 0]) * honest
    total, sums = np.full(len(vertices_head), 1e-9), np.zeros((len(vertices_head), 6))
    for k in range(3):
        np.add.at(total, triangles[:, k], weight)
        np.add.at(sums, triangles[:, k], slopes * weight[:, None])
    return (sums / total[:, None]).astype(np.float32)


def _chain(*points):
    return np.array(points, float)


def _dense(polyline):
    """Points along a smooth curve through the polyline's."""
    from scipy.interpolate import PchipInterpolator

    steps = np.linspace(0, len(polyline) - 1, STEPS)
    return PchipInterpolator(np.arange(len(polyline)), polyline)(steps)


def _carve(atlas, lines, width):
    """Depth profile of a group of lines where they touch the page."""
    position = atlas.position_mm
    # Lines are drawn about the surface: distance counts across the face, hardly into it.
    flat = np.array([1.0, 1.0, 0.25])
    points = [_dense(polyline) for polyline, _ in lines]
    tree = cKDTree(np.concatenate(points) * flat)
    ends = np.concatenate([np.sin(np.linspace(0, np.pi, STEPS)) ** 0.6 * s for _, s in lines])
    reach = 4.5 * width
    low, high = np.min(tree.data, 0) - reach, np.max(tree.data, 0) + reach
    near = ((position * flat > low) & (position * flat < high)).all(axis=-1)
    near &= position[..., 2] > -30
    profile = np.zeros(near.shape, np.float32)
    distance, index = tree.query(position[near] * flat, distance_upper_bound=reach)
    found = np.isfinite(distance)
    d = np.where(found, distance, 0) / width
    shape = -np.exp(-(d**2)) + 0.45 * np.exp(-(((d - 1.9) / 0.9) ** 2))
    fade = np.clip(4.5 - d, 0, 1)
    profile[near] = np.where(found, shape * fade * ends[np.minimum(index, len(ends) - 1)], 0)
    profile = np.clip(np.rint(profile * DEEP), -127, 127).astype(np.int8)
    rows, columns = np.flatnonzero(profile.any(axis=1)), np.flatnonzero(profile.any(axis=0))
    top, left = rows[0], columns[0]
    cut = profile[top : rows[-1] + 1, left : columns[-1] + 1]
    return Crease(int(top), int(left), np.ascontiguousarray(cut))
