"""The body below the head model's neck: rings from the neck over the shoulders down."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from facelib.face.headmodel import MorphableModel, load_head
from facelib.synthetic.worn.shirt import neck_edge

NOT_SKIN = ("mouth_cavity", "eye_sockets", "eyeballs", "teeth", "tongue")
AROUND = 56  # points of a ring
# Rings below the neck's edge: half axes across and deep, mm; how far down at the side, in front and
# at the back; how far back.
TORSO = ((88, 74, 12, 26, 8, 0), (128, 92, 28, 50, 20, 2), (170, 108, 47, 80, 40, 4),
         (196, 118, 72, 112, 72, 5), (208, 126, 112, 156, 118, 5),
         (210, 132, 240, 260, 240, 5))  # fmt: skip
NECK_UP_MM = (40.0, 20.0, 0.0)  # rings on the neck, above its edge
EDGE = len(NECK_UP_MM) - 1  # number of the ring at the neck's edge
LAST = EDGE + len(TORSO)


def outer_skin(model: MorphableModel) -> np.ndarray:
    """Return the triangles that the air touches: (K, 3) int32."""
    inner = np.any([model.regions[name] for name in NOT_SKIN], axis=0)
    return model.triangles[~inner[model.triangles].any(axis=1)]


@lru_cache(maxsize=1)
def torso_rings() -> np.ndarray:
    """Return the bare torso about the mean head: (R, L, 3) rings, mm, from the neck down."""
    model = load_head()
    head = model.mean_head
    edge = head[neck_edge(head, model.triangles)]
    middle = edge.mean(axis=0)
    turn = ring_angles()
    # Neck rings lie on the skin: its distance from the axis at this angle and height.
    skin = head[np.unique(outer_skin(model))]
    skin = skin[(skin[:, 1] < -70) & (skin[:, 1] > middle[1] - 25)]
    level = _around(edge, middle, turn)[:, 1]
    rings = []
    for up in NECK_UP_MM:
        height = level + up * (0.75 + 0.25 * np.cos(turn + np.pi))
        flat = skin[:, [0, 2]] - middle[[0, 2]]
        far = np.linalg.norm(flat, axis=1)
        away = np.arctan2(flat[:, 0], flat[:, 1])
        neck = far < 95
        keys = np.column_stack([np.sin(away) * 60, np.cos(away) * 60, skin[:, 1]])[neck]
        asked = np.column_stack([np.sin(turn) * 60, np.cos(turn) * 60, height])
        distance, index = cKDTree(keys).query(asked, k=4)
        weight = 1 / (distance + 2)
        radius = (far[neck][index] * weight).sum(axis=1) / weight.sum(axis=1)
        radius = _smoothed(radius)
        rings.append(np.column_stack([radius * np.sin(turn), height, radius * np.cos(turn)])
                     + [0, 0, middle[2]])  # fmt: skip
    for across, deep, side, front, back, rear in TORSO:
        power = 2.4
        x, z = np.sin(turn), np.cos(turn)
        radius = (np.abs(x / across) ** power + np.abs(z / deep) ** power) ** (-1 / power)
        ends = np.where(z > 0, front, back)
        down = side + (ends - side) * np.abs(z) ** 1.3
        rings.append(np.column_stack([radius * x, middle[1] - down, radius * z + middle[2] - rear]))
    return np.stack(rings)


@lru_cache(maxsize=1)
def ring_angles() -> np.ndarray:
    """Angle about the upright axis of each point of a ring: 0 in front, toward +x; −π..π."""
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    angles = np.where(turn > np.pi, turn - 2 * np.pi, turn)
    angles.setflags(write=False)  # one array for all who ask
    return angles


def _around(loop, middle, turn):
    """A closed line's points at given angles, smoothed."""
    angle = np.arctan2(loop[:, 0] - middle[0], loop[:, 2] - middle[2])
    order = np.argsort(angle)
    cycle = np.concatenate([angle[order] - 2 * np.pi, angle[order], angle[order] + 2 * np.pi])
    points = np.concatenate([loop[order]] * 3)
    return np.column_stack([_smoothed(np.interp(turn, cycle, points[:, k])) for k in range(3)])


def _smoothed(values):
    kernel = range(-3, 4)
    return np.mean([np.roll(values, shift) for shift in kernel], axis=0)
