"""Hands: bones with flesh around them, as the level set of a smooth distance.

The distance to the hand is that to cones around its bones; cones of a finger, and each finger and
the palm, are blended smoothly (polynomial smooth minimum, Quilez 2013). Marching cubes then finds
the skin. Lengths are those of an adult's right hand.

The frame of a hand, mm: the wrist is at the origin, straight fingers point along y, the back of the
hand looks along z, and the thumb is toward −x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from skimage.measure import marching_cubes

from facelib.synthetic.things.solids import Finish, Solid

STEP_MM = 4.0  # of the grid in which the skin is found
MARGIN_MM = 5.0  # between the outermost skin and the grid's end
PALM_BLEND_MM, FINGER_BLEND_MM, ROOT_BLEND_MM = 11.0, 3.0, 7.0  # reach of the smooth minima
HAND = Finish(0.7, 0.45, 1.0)
NAIL_GLOSS, NAIL_ROUGHNESS, NAIL_MM = 1.4, 0.25, 6.5
NAIL_COLOR, NAIL_MIX = np.array([0.75, 0.5, 0.45]), 0.5
TIP_RED, TIP_RED_MM = (
    np.array([1.12, 0.9, 0.9]),
    22.0,
)  # colour of fingertips, and how far it reaches
SHADE_MM = (5.0, 11.0, 20.0)  # distances at which the sky above the skin is probed
LEAST_OPEN = 0.35


Vector = tuple[float, float, float]


class Finger(NamedTuple):
    """A straight finger's bones, mm.

    Attributes:
        base: start of its bone in the palm.
        knuckle: where it leaves the palm.
        lengths: of its three bones.
        radii: of the flesh at the knuckle, both joints and the tip.
    """

    base: Vector
    knuckle: Vector
    lengths: Vector
    radii: tuple[float, float, float, float]


FINGERS = (
    Finger((-15, 16, 0), (-25, 88, 1), (42, 25, 20), (10.0, 8.8, 7.8, 6.6)),
    Finger((-5, 16, 2), (-4, 92, 3), (46, 29, 21), (10.0, 9.0, 8.0, 6.8)),
    Finger((6, 16, 1), (16, 87, 1), (42, 27, 21), (9.6, 8.4, 7.5, 6.4)),
    Finger((15, 16, -2), (34, 78, -3), (33, 20, 18), (8.8, 7.4, 6.6, 5.8)),
)
PALM_RADII = (14.0, 12.5)  # at the base and the knuckle of a finger's bone in the palm
# Cones of heel, ball of the thumb and wrist: both ends and their radii.
PALM = (
    ((-20, 22, -6), (-28, 52, -9), 17.0, 13.0),
    ((16, 24, -6), (26, 58, -8), 15.0, 12.0),
    ((-9, 18, 0), (-9, 0, 0), 17.5, 17.0),
    ((9, 18, 0), (9, 0, 0), 17.0, 17.0),
)
ARM_MM, ARM_RADII = 60.0, (17.0, 18.5)  # of the forearm's beginning, on both sides of its middle
# The thumb's root, joints and tip, spread, along the hand, and across the palm.
THUMBS = {
    "out": ((-24, 26, -8), (-46, 52, -12), (-62, 78, -14), (-74, 100, -13)),
    "along": ((-24, 26, -8), (-40, 58, -16), (-44, 88, -20), (-44, 112, -22)),
    "across": ((-24, 26, -10), (-38, 54, -30), (-26, 76, -48), (-4, 84, -58)),
}
THUMB_BACKS = {"out": (-0.35, 0, 0.93), "along": (-0.6, 0, 0.8), "across": (-0.75, 0, 0.66)}
THUMB_RADII = (15.0, 11.5, 10.0, 8.2)


@dataclass(frozen=True)
class Grip:
    """What a hand does.

    Attributes:
        flexion_deg: (4, 3), index to little finger: how far knuckle, middle and last joint bend.
        spread_deg: (4,) of the fingers away from the middle one.
        thumb: a key of THUMBS.
        arm: (3,) unit: from the wrist to the elbow.
    """

    flexion_deg: np.ndarray
    spread_deg: np.ndarray
    thumb: str
    arm: np.ndarray | Vector = (0.0, -1.0, 0.0)


class Bones(NamedTuple):
    """Cones of flesh around the bones of one hand.

    Attributes:
        ends: (C, 2, 3) float64, mm.
        radii: (C, 2) float64, mm.
        part: (C,) int64: 0 for the palm, 1..5 for thumb and fingers.
        backs: (C, 3) float64, unit: from the bone to the back of its finger.
    """

    ends: np.ndarray
    radii: np.ndarray
    part: np.ndarray
    backs: np.ndarray


def make_hand(grip: Grip, skin: np.ndarray) -> Solid:
    """Make a right hand in its own frame.

    Args:
        grip: what its fingers do, and where its arm is.
        skin: (3,) linear RGB.
    """
    bones = hand_bones(grip)
    reach = bones.radii[..., None] + MARGIN_MM
    low, high = (bones.ends - reach).min((0, 1)), (bones.ends + reach).max((0, 1))
    counts = np.ceil((high - low) / STEP_MM).astype(int) + 1
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1)
    volume = distance_mm(low + STEP_MM * grid.reshape(-1, 3), *bones[:3]).reshape(counts)
    vertices, triangles, normals, _ = marching_cubes(
        volume, 0.0, spacing=(STEP_MM,) * 3, gradient_direction="ascent"
    )
    vertices = vertices.astype(np.float64) + low
    solid = Solid.of(vertices, triangles, normals, skin, HAND, "hand")
    colors, finish = np.array(solid.colors), solid.finish
    finish[:, Finish._fields.index("openness")] = _openness(vertices, normals, bones)
    for tip in np.flatnonzero(np.append(bones.part[1:] != bones.part[:-1], True))[1:]:
        end, back = bones.ends[tip, 1], bones.backs[tip]
        far = np.linalg.norm(vertices - end, axis=1)
        red = np.clip(1 - far / TIP_RED_MM, 0, 1)[:, None]
        colors *= 1 + red * (TIP_RED - 1)
        nail = np.linalg.norm(vertices - end - back * bones.radii[tip, 1], axis=1) < NAIL_MM
        nail &= normals @ back > 0.5
        colors[nail] += NAIL_MIX * (NAIL_COLOR * skin.max() / NAIL_COLOR.max() - colors[nail])
        finish[nail, :2] = NAIL_GLOSS, NAIL_ROUGHNESS
    return Solid(vertices, solid.triangles, solid.normals, colors, finish, solid.labels)


def hand_bones(grip: Grip) -> Bones:
    """Bend the fingers of a right hand; the last cone of each part ends in a fingertip."""
    ends = [cone[:2] for cone in PALM] + [(finger.base, finger.knuckle) for finger in FINGERS]
    radii = [cone[2:] for cone in PALM] + [PALM_RADII] * len(FINGERS)
    for wrist in (PALM[-2][1], PALM[-1][1]):
        ends.append((wrist, wrist + ARM_MM * np.asarray(grip.arm)))
        radii.append(ARM_RADII)
    part, backs = [0] * len(ends), [(0.0, 0.0, 1.0)] * len(ends)
    thumb = THUMBS[grip.thumb], THUMB_RADII, [THUMB_BACKS[grip.thumb]] * 3
    fingers = [
        _bent(finger, *angles)
        for finger, *angles in zip(
            FINGERS, np.radians(grip.flexion_deg), np.radians(grip.spread_deg), strict=True
        )
    ]
    for number, (chain, sizes, sides) in enumerate([thumb, *fingers], start=1):
        ends += zip(chain[:-1], chain[1:], strict=True)
        radii += zip(sizes[:-1], sizes[1:], strict=True)
        part += [number] * 3
        backs += list(sides)
    ends, radii, backs = (np.array(values, float) for values in (list(ends), radii, backs))
    return Bones(ends, radii, np.array(part), backs)


def _bent(finger, flexion, spread):
    """The joints of a bent finger, their radii, and the directions to its back."""
    bent = np.cumsum(flexion)[:, None]
    aside, up = np.array([np.sin(spread), np.cos(spread), 0.0]), np.array([0.0, 0.0, 1.0])
    steps = (np.cos(bent) * aside - np.sin(bent) * up) * np.array(finger.lengths)[:, None]
    joints = finger.knuckle + np.vstack([np.zeros(3), np.cumsum(steps, axis=0)])
    return joints, finger.radii, np.sin(bent) * aside + np.cos(bent) * up


def _openness(vertices, normals, bones):
    """Share of the sky above each vertex, from the distances at some heights above it."""
    shares = [
        np.clip(distance_mm(vertices + height * normals, *bones[:3]) / height, 0, 1)
        for height in SHADE_MM
    ]
    return LEAST_OPEN + (1 - LEAST_OPEN) * np.mean(shares, axis=0)


@njit(cache=True, error_model="numpy")
def distance_mm(points, ends, radii, part):
    """Return the distance of (N, 3) points to the skin, negative inside: (N,) float64, mm.

    Args:
        points: mm.
        ends: (C, 2, 3), as `Bones`.
        radii: (C, 2).
        part: (C,), rising.
    """
    out = np.empty(len(points))
    fingers = np.empty(part[-1] + 1)
    for i in range(len(points)):
        fingers[:] = 1e9
        for c in range(len(part)):
            along, to, squared = 0.0, 0.0, 0.0
            for k in range(3):
                bone = ends[c, 1, k] - ends[c, 0, k]
                along += (points[i, k] - ends[c, 0, k]) * bone
                squared += bone * bone
            share = min(max(along / squared, 0.0), 1.0)
            for k in range(3):
                middle = ends[c, 0, k] + share * (ends[c, 1, k] - ends[c, 0, k])
                to += (points[i, k] - middle) ** 2
            far = np.sqrt(to) - radii[c, 0] - share * (radii[c, 1] - radii[c, 0])
            reach = PALM_BLEND_MM if part[c] == 0 else FINGER_BLEND_MM
            fingers[part[c]] = _blended(fingers[part[c]], far, reach)
        nearest = fingers[0]
        for n in range(1, len(fingers)):
            nearest = min(nearest, _blended(fingers[0], fingers[n], ROOT_BLEND_MM))
        out[i] = nearest
    return out


@njit(cache=True, inline="always")
def _blended(one, other, reach):
    """The smooth minimum of two distances that differ by less than `reach`."""
    close = max(reach - abs(one - other), 0.0)
    return min(one, other) - close * close / (4.0 * reach)
