"""Glasses: rims, bridge and temples as wires, and the lenses between them.

Glasses are rigid, so they do not move with the skin: they are placed on a person's nose and
ears. Rims are drawn as `ribbons`, lenses as `lenses`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from facelib.face.headmodel import load_head
from facelib.synthetic.worn.ribbons import Ribbons, even_lines, join
from facelib.synthetic.worn.sunglasses import LENS_MM, Tint, random_sun_tint
from facelib.synthetic.worn.torso import outer_skin


class LensShape(NamedTuple):
    """Outline of a lens.

    Attributes:
        power: exponent of the superellipse; 2 is an ellipse.
        ratio: height over width.
        droop: extension at the lower outer side, in half widths.
        lift: extension at the upper outer side.
    """

    power: float
    ratio: float
    droop: float = 0.0
    lift: float = 0.0


SHAPES = {
    "round": LensShape(2.0, 0.97),
    "oval": LensShape(2.2, 0.7),
    "rectangle": LensShape(4.5, 0.62),
    "square": LensShape(3.6, 0.8),
    "aviator": LensShape(2.6, 0.86, droop=0.16, lift=-0.05),
    "cat_eye": LensShape(2.8, 0.72, lift=0.2),
    "browline": LensShape(2.8, 0.76),
}
# Linear RGB of frames and their frequency.
FRAMES = {
    (0.008, 0.008, 0.01): 0.34,
    (0.03, 0.012, 0.006): 0.14,
    (0.10, 0.04, 0.015): 0.12,
    (0.35, 0.33, 0.3): 0.12,
    (0.45, 0.30, 0.10): 0.1,
    (0.02, 0.03, 0.10): 0.06,
    (0.15, 0.01, 0.015): 0.06,
    (0.6, 0.58, 0.55): 0.06,
}


class GlassesDraws(NamedTuple):
    """Distributions of `random_glasses`; ranges in mm and shares."""

    plastic_share: float = 0.6
    plastic_rim_mm: tuple[float, float] = (1.3, 2.8)
    wire_rim_mm: tuple[float, float] = (0.45, 0.8)
    rimless_share: float = 0.08
    clear: tuple[float, float] = (0.88, 0.98)  # share of transmitted light
    sun_share: float = 0.16
    lens_mm: tuple[float, float] = (45, 55)
    bridge_mm: tuple[float, float] = (15, 20)
    plastic_temple_mm: tuple[float, float] = (1.4, 3.2)
    wire_temple_mm: tuple[float, float] = (0.6, 1.2)
    frame_light: tuple[float, float] = (0.7, 1.3)
    mirror: tuple[float, float] = (0.01, 0.045)  # from coated to bare glass, two surfaces each


DRAWS = GlassesDraws()
OUTLINE = 28  # points of a rim
TEMPLE = 9  # points of a temple
BRIDGE = 9  # points of the bridge
FRAME_GLOSS = 0.5
BASE_MM = 130.0  # radius of a lens's sphere
WRAP_MM = 900.0  # the frame curves around the face: x²/WRAP_MM back
TILT = 0.12  # rad: the lower rim is nearer to the cheek
LENS_BULGE_MM = 1.5

# Position of glasses, mm.
BELOW_EYES_MM = 5.5  # their middle below the eyes'
OFF_BROWS_MM, OFF_EYES_MM = 2.0, 17.0  # in front of brows and lids, with room for the lashes
EYES_APART_MM, SCALE = 61.0, (0.85, 1.2)  # distance of the eyes at scale 1, and the range of scales
DROOP_ASIDE, DROOP_INSIDE, DROOP_UP = 0.5, 0.4, 0.2  # an aviator's: how its outline is drawn out

# The bridge leaves the inner rims at this share of their height above the middle, rises, and keeps
# off the nose.
BRIDGE_HEIGHT, BRIDGE_RISE_MM, OFF_NOSE_MM = 0.05, 2.0, 2.5

# A temple leaves the rim where x + TEMPLE_UP·y is largest, bows out, lies on the ear and bends down
# behind it; there are two points of its end after the ear.
TEMPLE_UP, TEMPLE_BOW_MM, ABOVE_EAR_MM = 0.7, 3.0, 2.0
TEMPLE_END_MM = ((0, -9, -9), (-2.0, -26, -15))  # from the ear; x is inwards if negative
# It stays off the skin of its side of the head (|x| > TEMPLE_SIDE_MM) that is as near as this in y
# and z.
TEMPLE_SIDE_MM, TEMPLE_NEAR_MM, OFF_SKIN_MM = 20, 7, 1.2
EAR_TOP_MM = 9  # height of the ear's part that may meet the head
TEMPLE_TAPER = (1.1, 0.9)  # of its half width, from front to back

BROWLINE_FROM, BROWLINE_RIM, BROWLINE_WIRE_MM = 0.2, 1.4, 0.5  # sine of the angle; factor; mm
BRIDGE_HALF_MM = (0.7, 1.8)  # thinnest and thickest bridge


@dataclass(frozen=True)
class Glasses:
    """A pair of glasses.

    Attributes:
        shape: a key of SHAPES.
        lens_mm: width of a lens.
        bridge_mm: gap between the lenses.
        rim_mm: half width of the rim; 0 is rimless.
        temple_mm: half width of the temples.
        color: (3,) linear RGB of the frame.
        tint: shares of the light that a lens transmits and reflects.
    """

    shape: str = "rectangle"
    lens_mm: float = 50.0
    bridge_mm: float = 18.0
    rim_mm: float = 1.2
    temple_mm: float = 1.6
    color: tuple[float, float, float] = (0.008, 0.008, 0.01)
    tint: Tint = Tint((0.94, 0.95, 0.94), (0.94, 0.95, 0.94), (0.03, 0.03, 0.03))

    def __post_init__(self) -> None:
        """Check the shape."""
        if self.shape not in SHAPES:
            raise ValueError(f"expected a shape of {tuple(SHAPES)}, got {self.shape!r}")


@dataclass(frozen=True)
class WornGlasses:
    """Glasses on a nose.

    Attributes:
        frame: rims, bridge and temples.
        lens_head: (2·(OUTLINE + 1), 3) float64, mm: both lenses' outline and middle.
        lens_normals_head: the same shape, unit.
        lens_tint: the same shape: share of the light that the lens transmits there.
        lens_triangles: (2·OUTLINE, 3) int32.
        glasses: which.
    """

    frame: Ribbons
    lens_head: np.ndarray
    lens_normals_head: np.ndarray
    lens_tint: np.ndarray
    lens_triangles: np.ndarray
    glasses: Glasses


def random_glasses(rng: np.random.Generator) -> Glasses:
    """Draw glasses: wire, plastic or rimless, sometimes sunglasses."""
    plastic = rng.random() < DRAWS.plastic_share
    rim = rng.uniform(*(DRAWS.plastic_rim_mm if plastic else DRAWS.wire_rim_mm))
    shape = str(rng.choice(list(SHAPES)))
    if rng.random() < DRAWS.rimless_share and shape != "browline":
        rim = 0.0
    color = np.array(list(FRAMES)[rng.choice(len(FRAMES), p=list(FRAMES.values()))])
    clear = (float(rng.uniform(*DRAWS.clear)),) * 3
    sun_rng = rng.spawn(1)[0] if rng.random() < DRAWS.sun_share else None
    temple_mm = DRAWS.plastic_temple_mm if plastic else DRAWS.wire_temple_mm
    glasses = Glasses(
        shape=shape,
        lens_mm=float(rng.uniform(*DRAWS.lens_mm)),
        bridge_mm=float(rng.uniform(*DRAWS.bridge_mm)),
        rim_mm=float(rim),
        temple_mm=float(rng.uniform(*temple_mm)),
        color=tuple(float(v) for v in np.clip(color * rng.uniform(*DRAWS.frame_light, 3), 0, 1)),
        tint=Tint(clear, clear, (float(rng.uniform(*DRAWS.mirror)),) * 3),
    )
    if sun_rng is None:
        return glasses
    lens_mm = float(sun_rng.uniform(*LENS_MM))
    return replace(glasses, lens_mm=lens_mm, tint=random_sun_tint(sun_rng))


def put_on(glasses: Glasses, vertices_head: np.ndarray, keypoints_head: np.ndarray) -> WornGlasses:
    """Place glasses on a person's nose and ears.

    Args:
        glasses: which.
        vertices_head: (N, 3) float, mm: the person.
        keypoints_head: (68, 3) float, mm, of those vertices.
    """
    eyes = np.stack([keypoints_head[36:42].mean(axis=0), keypoints_head[42:48].mean(axis=0)])
    middle_y = eyes[:, 1].mean() - BELOW_EYES_MM
    front = max(keypoints_head[17:27, 2].max() + OFF_BROWS_MM, eyes[:, 2].max() + OFF_EYES_MM)
    scale = np.clip(np.ptp(eyes[:, 0]) / EYES_APART_MM, *SCALE)
    outlines, lenses = [], []
    for side in (-1.0, 1.0):
        outline = _outline(glasses, scale)
        flat = np.column_stack([side * outline[:, 0], outline[:, 1], np.zeros(OUTLINE)])
        outlines.append(_bent(flat, middle_y, front))
        middle = np.array([[side * (glasses.bridge_mm + glasses.lens_mm) / 2 * scale, 0, 0]])
        middle = _bent(middle, middle_y, front) + [0, 0, LENS_BULGE_MM]
        lenses.append(np.concatenate([outlines[-1], middle]))
    bridge = _bridge(outlines, keypoints_head)
    temples = [_temple(outlines[k], vertices_head, side) for k, side in ((0, -1), (1, 1))]
    frame = _frame(glasses, outlines, bridge, temples)
    here = np.arange(OUTLINE)
    fan = np.column_stack([here, (here + 1) % OUTLINE, np.full(OUTLINE, OUTLINE)])
    triangles = np.concatenate([fan, fan + OUTLINE + 1]).astype(np.int32)
    lens = np.concatenate(lenses)
    high = (lens[:, 1:2] - lens[:, 1].min()) / np.ptp(lens[:, 1])
    above, below = np.array(glasses.tint.above), np.array(glasses.tint.below)
    tint = below + (above - below) * high
    return WornGlasses(frame, lens, _lens_normals(lens), tint, triangles, glasses)


def _outline(glasses, scale):
    """One lens's rim, (OUTLINE, 2) mm: x away from the nose, y up, about the eyes' height."""
    power, ratio, droop, lift = SHAPES[glasses.shape]
    angle = np.linspace(0, 2 * np.pi, OUTLINE, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (-1 / power)
    x, y = x * radius, y * radius
    low = droop * np.clip(-y, 0, 1)
    x = x + low * DROOP_ASIDE
    y = y + lift * np.clip(x, 0, 1) ** 2 - low * np.clip(DROOP_INSIDE - x, 0, 1) * DROOP_UP
    half = glasses.lens_mm / 2
    centre = (glasses.bridge_mm + glasses.lens_mm) / 2
    return scale * np.column_stack([centre + half * x, half * ratio * y])


def _bent(flat, middle_y, front):
    """Bend a flat frame around the face, tilt it and place it in front of the eyes."""
    x, y = flat[:, 0], flat[:, 1]
    return np.column_stack([x, middle_y + y, front - x**2 / WRAP_MM + TILT * y])


def _bridge(outlines, keypoints):
    """An arch from rim to rim over the nose."""
    ends = []
    for outline in outlines:
        upper = outline[:, 1] > outline[:, 1].mean() + BRIDGE_HEIGHT * np.ptp(outline[:, 1])
        inner = np.flatnonzero(upper)[np.argmin(np.abs(outline[upper, 0]))]
        ends.append(outline[inner])
    s = np.linspace(0, 1, BRIDGE)[:, None]
    arch = ends[0] + (ends[1] - ends[0]) * s
    middle = arch[BRIDGE // 2]
    nose = np.interp(middle[1], keypoints[[28, 27], 1], keypoints[[28, 27], 2])
    rise = np.array([0.0, BRIDGE_RISE_MM, max(nose + OFF_NOSE_MM - middle[2], 0.0)])
    return arch + rise * np.sin(np.pi * s)


def _temple(outline, vertices, side):
    """From the rim's outer corner over the ear and down behind it, outside of the head."""
    corner = outline[np.argmax(outline[:, 0] * side + TEMPLE_UP * outline[:, 1])]
    rest = vertices[_ear_rest()[0 if side < 0 else 1]] + [0, ABOVE_EAR_MM, 0]
    s = np.linspace(0, 1, TEMPLE - 2)[:, None]
    line = corner + (rest - corner) * s
    line[:, 0] += side * TEMPLE_BOW_MM * np.sqrt(np.sin(np.pi * s[:, 0]))
    line = np.concatenate([line, rest + np.array(TEMPLE_END_MM) * [side, 1, 1]])
    others = vertices[_head_sides()]
    others = others[others[:, 0] * side > TEMPLE_SIDE_MM]
    near = np.abs(others[None, :, 1:] - line[:, None, 1:]).max(axis=2) < TEMPLE_NEAR_MM
    widest = np.where(near, others[None, :, 0] * side, -np.inf).max(axis=1)
    outside = np.where(widest > 0, widest + OFF_SKIN_MM, 0)
    line[:, 0] = side * np.maximum(line[:, 0] * side, outside)
    return line


@lru_cache(maxsize=1)
def _ear_rest():
    """Vertices where each ear's upper edge meets the head, the support of the temples."""
    model = load_head()
    found = []
    for side in (-1, 1):
        ear = np.flatnonzero(model.regions["ears"] & (model.mean_head[:, 0] * side > 0))
        points = model.mean_head[ear]
        high = points[:, 1] > points[:, 1].max() - EAR_TOP_MM
        found.append(int(ear[high][np.argmin(points[high, 0] * side)]))
    return tuple(found)


@lru_cache(maxsize=1)
def _head_sides():
    """Skin of the head without the ears."""
    used = np.unique(outer_skin(load_head()))
    return used[~load_head().regions["ears"][used]]


def _frame(glasses, outlines, bridge, temples):
    color = np.asarray(glasses.color)
    forward, parts = np.array([0, 0, 1.0]), []
    if glasses.rim_mm > 0:
        rims = np.stack([np.concatenate([rim, rim[:2]]) for rim in outlines])
        width = np.full(rims.shape[1], glasses.rim_mm)
        if glasses.shape == "browline":
            height = np.sin(np.linspace(0, 2 * np.pi, OUTLINE, endpoint=False))
            wire_mm = min(glasses.rim_mm, BROWLINE_WIRE_MM)
            width = np.where(height > BROWLINE_FROM, glasses.rim_mm * BROWLINE_RIM, wire_mm)
            width = np.concatenate([width, width[:2]])
        parts.append(even_lines(rims, width, forward, color, FRAME_GLOSS, 0, "glasses"))
    thick = np.clip(glasses.rim_mm, *BRIDGE_HALF_MM)
    parts.append(even_lines(bridge[None], thick, forward, color, FRAME_GLOSS, 0, "glasses"))
    for line, side in zip(temples, (-1.0, 1.0), strict=True):
        normal = np.array([side, 0.0, 0.0])
        width = glasses.temple_mm * np.linspace(*TEMPLE_TAPER, len(line))
        parts.append(even_lines(line[None], width, normal, color, FRAME_GLOSS, 0, "glasses"))
    return join(parts)


def _lens_normals(lens):
    """Normals of the lenses, as parts of two spheres."""
    normals = []
    for part in (lens[: OUTLINE + 1], lens[OUTLINE + 1 :]):
        offset = part[:, :2] - part[-1, :2]
        normal = np.column_stack([offset / BASE_MM, np.ones(len(part))])
        normal[:, 1] -= TILT
        normals.append(normal / np.linalg.norm(normal, axis=1, keepdims=True))
    return np.concatenate(normals)
