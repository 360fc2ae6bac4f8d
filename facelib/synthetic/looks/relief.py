"""Relief of the skin below the size of a triangle: pores and lines of age.

All lines are defined on the mean head, in mm, between its keypoints. A crease is a narrow valley
between two soft shoulders; facelib.synthetic.looks.complexion draws each person's depths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from facelib.synthetic.looks.atlas import SKIN_SHARE, WIDEST_TRIANGLE, Atlas

# Group of lines → half width of its valleys, mm.
CREASES = {
    "forehead": 1.2,
    "glabella": 1.5,
    "crows_feet": 0.95,
    "under_eye": 1.3,
    "nasolabial": 2.6,
    "marionette": 1.7,
    "lips": 0.55,
}
CREASE_VARIANTS = 3  # sets of lines that are carved into a page
STEPS = 40  # points along each line
DEEP = 120  # int8 value of a valley of depth 1
TEXELS_PER_PORE, PORE_BLUR_PX = 14, 0.75

# A valley's profile over the distance from its line in half widths: −exp(−d²), and a shoulder.
SHOULDER, SHOULDER_AT, SHOULDER_HALF = 0.45, 1.9, 0.9
PROFILE_END = 4.5
END_POWER = 0.6  # exponent of a line's fading toward its ends
# Distance from a line counts across the face, and hardly along its depth.
FLAT = np.array([1.0, 1.0, 0.25])
BEHIND_MM = -30  # no line is behind this z, head frame

# Lines across the forehead: heights above the brows, half length, points, and how they bend.
FOREHEAD_MM, FOREHEAD_HALF_MM, FOREHEAD_POINTS, FOREHEAD_Z_MM = (9.0, 17.0, 25.0, 33.0), 44, 9, 80.0
FOREHEAD_DROP_MM, FOREHEAD_JITTER_MM, FOREHEAD_LENGTH = 5, 0.9, (0.75, 1.0)
GLABELLA_X_MM = (5, 8)
GLABELLA = ((1, 22, 86), (0.9, 30, 86), (1.2, 41, 86))  # x times that, y and z, mm
# Crow's feet: angles above the horizontal, ends from the eye's outer corner.
CROWS_FEET_DEG, CROWS_FEET_JITTER = (38, 18, -2, -22, -40), 0.07  # rad
CROWS_FEET_START_MM, CROWS_FEET_END_MM, CROWS_FEET_STRENGTH = 5, (12, 21), 0.9
CROWS_FEET_START_Z_MM, CROWS_FEET_END_Z_MM, CROWS_FEET_SAG_MM = -4, -16, -1.5
# Lines under the eye, from the inner corner, from the middle UNDER_EYE_MM below both corners, and
# from that middle again or the outer corner.
UNDER_EYE_MM = 12.5
BAG_LINE = ((1, -5, 2), (-5, 0, 1), (8, 3, -1))
LID_LINE = ((4, -4.5, 2), (0, 4.2, 1), (-2, -5.5, 0))
LID_LINE_STRENGTH = 0.45
# Lines of the mouth, from the nose's wing and the mouth's corner; x is outwards, mm.
FOLD_FROM_WING, FOLD_FROM_MOUTH = ((3.5, 6, -8), (9, -7, -8)), ((8.5, 7, -1), (10, -6, -3))
MARIONETTE = ((3, -3, 0), (6, -13, -2), (7, -21, -6))
# Lines of the upper lip.
LIP_LINES, LIP_HALF_MM, LIP_JITTER_MM = 13, 17, 0.6
LIP_TOP_MM, LIP_BEND_PER_MM, LIP_LONG_MM, LIP_Z_MM = -41.5, 0.011, 5.5, 92
LIP_LEAN, LIP_STRENGTH = 0.95, (0.4, 1)


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


def _crease_lines(keypoints_head: np.ndarray, rng: np.random.Generator) -> dict[str, list]:
    """Draw the lines of a face, each an (n, 3) polyline in mm, head frame, and its strength.

    Args:
        keypoints_head: (68, 3) float, mm, iBUG order.
        rng: bends and shortens them slightly.

    Returns:
        For every group of `CREASES`, a list of (polyline, strength).
    """
    lines: dict[str, list] = {name: [] for name in CREASES}
    lines["forehead"] = _forehead_lines(keypoints_head[17:27, 1].max(), rng)
    for side in (-1, 1):
        # The points of the head's left, mirrored to this side.
        outer, inner, mouth, wing = (
            keypoints_head[i] * [side, 1, 1] * np.sign(keypoints_head[i, 0]) ** [1, 0, 0]
            for i in (45, 42, 54, 35)
        )
        x = side * rng.uniform(*GLABELLA_X_MM)
        lines["glabella"].append((np.array(GLABELLA) * [x, 1, 1], 1.0))
        lines["crows_feet"] += _crows_feet(outer, side, rng)
        lines["under_eye"] += _under_eye_lines(outer, inner, side)
        outward = [side, 1, 1]
        fold = [wing + np.array(FOLD_FROM_WING) * outward]
        fold.append(mouth + np.array(FOLD_FROM_MOUTH) * outward)
        lines["nasolabial"].append((np.concatenate(fold), 1.0))
        lines["marionette"].append((mouth + np.array(MARIONETTE) * outward, 1.0))
    middles = np.linspace(-LIP_HALF_MM, LIP_HALF_MM, LIP_LINES)
    for x in middles + rng.normal(0, LIP_JITTER_MM, LIP_LINES):
        y = LIP_TOP_MM - LIP_BEND_PER_MM * x * x
        line = np.array([[x * LIP_LEAN, y, LIP_Z_MM], [x, y - LIP_LONG_MM, LIP_Z_MM]])
        lines["lips"].append((line, rng.uniform(*LIP_STRENGTH)))
    return lines


def _forehead_lines(brow_top, rng):
    lines = []
    for height in FOREHEAD_MM:
        x = np.linspace(-FOREHEAD_HALF_MM, FOREHEAD_HALF_MM, FOREHEAD_POINTS)
        x = x * rng.uniform(*FOREHEAD_LENGTH)
        y = brow_top + height - FOREHEAD_DROP_MM * (x / FOREHEAD_HALF_MM) ** 2
        y = y + rng.normal(0, FOREHEAD_JITTER_MM, FOREHEAD_POINTS)
        lines.append((np.column_stack([x, y, np.full(FOREHEAD_POINTS, FOREHEAD_Z_MM)]), 1.0))
    return lines


def _crows_feet(outer, side, rng):
    """Lines that fan out from an eye's outer corner."""
    lines = []
    jitter = rng.normal(0, CROWS_FEET_JITTER, len(CROWS_FEET_DEG))
    for angle in np.radians(CROWS_FEET_DEG) + jitter:
        x, y = side * np.cos(angle), np.sin(angle)
        near, far = CROWS_FEET_START_MM, rng.uniform(*CROWS_FEET_END_MM)
        start = outer + [near * x, near * y, CROWS_FEET_START_Z_MM]
        end = outer + [far * x, far * y + CROWS_FEET_SAG_MM, CROWS_FEET_END_Z_MM]
        lines.append((np.array([start, (start + end) / 2, end]), CROWS_FEET_STRENGTH))
    return lines


def _under_eye_lines(outer, inner, side):
    """The lower line of an eye's bag and, fainter, the one below the lid."""
    low = (outer + inner) / 2 - [0, UNDER_EYE_MM, 0]
    bag = np.array([inner, low, low]) + np.array(BAG_LINE) * [side, 1, 1]
    lid = np.array([inner, low, outer]) + np.array(LID_LINE) * [side, 1, 1]
    return [(bag, 1.0), (lid, LID_LINE_STRENGTH)]


def build_creases(atlas: Atlas, keypoints_head: np.ndarray, variant: int = 0) -> dict[str, Crease]:
    """Carve the lines of a face into a page.

    Args:
        atlas: the page.
        keypoints_head: (68, 3) float, mm, of the same mean head.
        variant: number of the random variation of the lines.

    Returns:
        Crease of every group of `CREASES`.
    """
    rng = np.random.default_rng((29, variant))
    lines = _crease_lines(keypoints_head, rng)
    position = atlas.position_mm
    front = np.flatnonzero(position[..., 2] > BEHIND_MM)
    places = position.reshape(-1, 3)[front] * FLAT
    return {
        name: _carve(places, front, len(position), lines[name], width)
        for name, width in CREASES.items()
    }


def pore_tile(size: int) -> np.ndarray:
    """A page of pits of random size and depth, (size, size) float32 in −1..0, seamless."""
    rng = np.random.default_rng(31)
    tile = np.zeros((size, size))
    count = size * size // TEXELS_PER_PORE
    rows, columns = rng.integers(0, size, (2, count))
    np.minimum.at(tile, (rows, columns), -(rng.random(count) ** 2))
    soft = gaussian_filter(tile, PORE_BLUR_PX, mode="wrap")
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
    unwrapped = np.abs(f1).max(axis=1) + np.abs(f2).max(axis=1) < WIDEST_TRIANGLE * size
    weight = np.sqrt(area2[:, 0]) * unwrapped
    total, sums = np.full(len(vertices_head), 1e-9), np.zeros((len(vertices_head), 6))
    for k in range(3):
        np.add.at(total, triangles[:, k], weight)
        np.add.at(sums, triangles[:, k], slopes * weight[:, None])
    return (sums / total[:, None]).astype(np.float32)


def _dense(polyline):
    """Points along a smooth curve through the polyline's."""
    steps = np.linspace(0, len(polyline) - 1, STEPS)
    return PchipInterpolator(np.arange(len(polyline)), polyline)(steps)


def _carve(places, front, size, lines, width):
    """Depth profile of a group of lines, cropped to its part of the page.

    Args:
        places: (n, 3) float64, mm, weighted by `FLAT`, of the texels that may have lines.
        front: (n,) int, where these texels are on the page.
        size: of the page, px.
        lines: polylines and their strengths.
        width: mm.
    """
    points = [_dense(polyline) for polyline, _ in lines]
    tree = cKDTree(np.concatenate(points) * FLAT)
    fade = np.sin(np.linspace(0, np.pi, STEPS)) ** END_POWER
    ends = np.concatenate([fade * strength for _, strength in lines])
    reach = PROFILE_END * width
    low, high = np.min(tree.data, 0) - reach, np.max(tree.data, 0) + reach
    near = np.arange(len(front))
    for axis in range(3):  # the first leaves little for the others
        along = places[near, axis]
        near = near[(along > low[axis]) & (along < high[axis])]
    distance, index = tree.query(places[near], distance_upper_bound=reach)
    found = np.isfinite(distance)
    d = np.where(found, distance, 0) / width
    shoulder = np.exp(-(((d - SHOULDER_AT) / SHOULDER_HALF) ** 2))
    shape = -np.exp(-(d**2)) + SHOULDER * shoulder
    fade = np.clip(PROFILE_END - d, 0, 1)
    profile = np.where(found, shape * fade * ends[np.minimum(index, len(ends) - 1)], 0)
    page = np.zeros((size, size), np.int8)
    page.flat[front[near]] = np.clip(np.rint(np.float32(profile) * DEEP), -127, 127)
    rows, columns = np.flatnonzero(page.any(axis=1)), np.flatnonzero(page.any(axis=0))
    top, left = rows[0], columns[0]
    cut = page[top : rows[-1] + 1, left : columns[-1] + 1]
    return Crease(int(top), int(left), np.ascontiguousarray(cut))
