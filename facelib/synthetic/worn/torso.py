"""The body below the head model's neck: rings from the neck over the shoulders down."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from facelib.face.headmodel import MorphableModel, load_head
from facelib.synthetic.worn.shirt import neck_edge

NOT_SKIN = ("mouth_cavity", "eye_sockets", "eyeballs", "teeth", "tongue")
AROUND = 56  # points of a ring


class Ring(NamedTuple):
    """A ring of the torso below the neck's edge, mm.

    Attributes:
        across: half axis from side to side.
        deep: half axis from front to back.
        side: distance below the edge at the sides,
        front: in front and
        back: at the back.
        rear: distance of its middle behind the neck's.
    """

    across: float
    deep: float
    side: float
    front: float
    back: float
    rear: float


TORSO = (
    Ring(88, 74, 12, 26, 8, 0),
    Ring(128, 92, 28, 50, 20, 2),
    Ring(170, 108, 47, 80, 40, 4),
    Ring(196, 118, 72, 112, 72, 5),
    Ring(208, 126, 112, 156, 118, 5),
    Ring(210, 132, 240, 260, 240, 5),
)
ROUNDNESS = 2.4  # exponent of the rings' superellipse: 2 is an ellipse, more is squarer
SLOPE_POWER = 1.3  # exponent of a ring's change of height from its sides to front and back
NECK_UP_MM = (40.0, 20.0, 0.0)  # rings on the neck, above its edge
NECK_UP_AT_BACK, NECK_UP_IN_FRONT = 1.0, 0.5  # shares of that
# Skin that neck rings are laid on: below this height, down to a little below the edge's middle, and
# no farther from the axis than this.
NECK_TOP_MM, NECK_BELOW_MM, NECK_RADIUS_MM = -70, 25, 95
ANGLE_MM = 60  # mm of height that count as much as a radian around the neck
NECK_NEIGHBOURS, NECK_SOFTENING_MM = 4, 2  # skin points around a ring's point, and their blend
SMOOTHING = 3  # neighbours on each side over which a ring is averaged
EDGE = len(NECK_UP_MM) - 1  # number of the ring at the neck's edge
LAST = EDGE + len(TORSO)


def outer_skin(model: MorphableModel) -> np.ndarray:
    """Return the outer triangles: (K, 3) int32."""
    inner = np.any([model.regions[name] for name in NOT_SKIN], axis=0)
    return model.triangles[~inner[model.triangles].any(axis=1)]


@lru_cache(maxsize=1)
def torso_rings() -> np.ndarray:
    """Return the bare torso below the mean head: (R, L, 3) rings, mm, from the neck down."""
    model = load_head()
    head = model.mean_head
    edge = head[neck_edge(head, model.triangles)]
    middle = edge.mean(axis=0)
    skin = head[np.unique(outer_skin(model))]
    skin = skin[(skin[:, 1] < NECK_TOP_MM) & (skin[:, 1] > middle[1] - NECK_BELOW_MM)]
    level = _around(edge, middle, ring_angles())[:, 1]
    neck = [_neck_ring(skin, middle, level, up_mm) for up_mm in NECK_UP_MM]
    return np.stack(neck + [_torso_ring(ring, middle) for ring in TORSO])


@lru_cache(maxsize=1)
def ring_angles() -> np.ndarray:
    """Return each ring point's angle around the upright axis, −π..π: 0 in front, toward +x."""
    angles = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    angles = np.where(angles > np.pi, angles - 2 * np.pi, angles)
    angles.setflags(write=False)  # all callers share it
    return angles


def _neck_ring(skin, middle, level, up_mm):
    """A ring on the skin: its distance from the axis at each angle and height."""
    angle = ring_angles()
    mean_up = (NECK_UP_AT_BACK + NECK_UP_IN_FRONT) / 2
    height = level + up_mm * (mean_up + (NECK_UP_AT_BACK - mean_up) * np.cos(angle + np.pi))
    flat = skin[:, [0, 2]] - middle[[0, 2]]
    far = np.linalg.norm(flat, axis=1)
    near = far < NECK_RADIUS_MM
    at = np.arctan2(flat[:, 0], flat[:, 1])
    tree = cKDTree(_cylinder(at, skin[:, 1])[near])
    distance, index = tree.query(_cylinder(angle, height), k=NECK_NEIGHBOURS)
    weight = 1 / (distance + NECK_SOFTENING_MM)
    radius = _smoothed((far[near][index] * weight).sum(axis=1) / weight.sum(axis=1))
    ring = np.column_stack([radius * np.sin(angle), height, radius * np.cos(angle)])
    return ring + [0, 0, middle[2]]


def _cylinder(angle, height):
    """Points (N, 3) on a cylinder, for distances in angle and height alone."""
    return np.column_stack([np.sin(angle) * ANGLE_MM, np.cos(angle) * ANGLE_MM, height])


def _torso_ring(ring, middle):
    x, z = np.sin(ring_angles()), np.cos(ring_angles())
    radius = np.abs(x / ring.across) ** ROUNDNESS + np.abs(z / ring.deep) ** ROUNDNESS
    radius = radius ** (-1 / ROUNDNESS)
    ends = np.where(z > 0, ring.front, ring.back)
    down = ring.side + (ends - ring.side) * np.abs(z) ** SLOPE_POWER
    return np.column_stack([radius * x, middle[1] - down, radius * z + middle[2] - ring.rear])


def _around(loop, middle, asked):
    """A closed line's points at the given angles, smoothed."""
    angle = np.arctan2(loop[:, 0] - middle[0], loop[:, 2] - middle[2])
    order = np.argsort(angle)
    cycle = np.concatenate([angle[order] - 2 * np.pi, angle[order], angle[order] + 2 * np.pi])
    points = np.concatenate([loop[order]] * 3)
    return np.column_stack([_smoothed(np.interp(asked, cycle, points[:, k])) for k in range(3)])


def _smoothed(values):
    shifts = range(-SMOOTHING, SMOOTHING + 1)
    return np.mean([np.roll(values, shift) for shift in shifts], axis=0)
