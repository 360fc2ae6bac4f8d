"""Draw a thing that is between a face and the camera, and put it where people hold it.

A placement is given in the head frame for things at the image's right, the person's left; `side`
mirrors it. Hands that touch the face are moved along their palm's direction until they do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from facelib.face.headmodel import MIRRORED_KEYPOINTS, load_head
from facelib.geometry.mesh import vertex_normals
from facelib.synthetic.things import objects
from facelib.synthetic.things.hand import FINGERS, Grip, make_hand
from facelib.synthetic.things.solids import Solid, joined
from facelib.synthetic.worn.torso import outer_skin

Vector = tuple[float, float, float]

SHARE = 0.06  # of photos with a thing
# Kinds of things and how often each is drawn among them.
KINDS = {
    "mouth": 0.13,
    "chin": 0.13,
    "thinker": 0.12,
    "cheek": 0.1,
    "brow": 0.05,
    "gesture": 0.07,
    "microphone": 0.12,
    "microphones": 0.08,
    "handheld": 0.06,
    "cup": 0.07,
    "selfie": 0.03,
    "call": 0.04,
}
TILT_DEG, SHIFT_MM, FLEXION_DEG = 11.0, 9.0, 9.0  # standard deviations of all placements
MOST_STEP_MM, STEPS, TOUCH_MM = 30.0, 4, -2.5  # of a hand toward the face, and how deep it ends
SLEEVE_SHARE, SLEEVE_MM = 0.6, (15.0, 110.0)  # from the wrist to a sleeve's end
# From a handle's surface to the bones around it, and the radius from which the thumb is not bent.
AROUND_HANDLE_MM, THICK_MM = 16.0, 25.0
LEAST_STRAIGHT = 0.6  # cosine of the most bent wrist
ELBOW = np.array([95.0, -240.0, 30.0])  # from the wrist, mm, head frame
SPREAD_DEG = (-6.0, 0.0, 5.0, 11.0)  # of the fingers, index to little finger
STRAIGHT, CURLED, FIST = (6.0, 9.0, 6.0), (16.0, 24.0, 14.0), (66.0, 82.0, 42.0)
POINTING = (STRAIGHT, FIST, FIST, FIST)


class Hold(NamedTuple):
    """How a hand is held to a face, for a hand on the image's right.

    Attributes:
        fingers: direction of straight fingers, head frame.
        palm: direction into which the palm looks; only its part across `fingers` counts.
        grip: bends of each finger's joints, index to little finger, deg.
        thumb: a key of `hand.THUMBS`.
        touching: point of the hand, hand frame, mm ...
        keypoints: ... that is put to the mean of these keypoints on the image's right,
        offset: plus this, mm, head frame.
    """

    fingers: Vector
    palm: Vector
    grip: tuple[Vector, Vector, Vector, Vector]
    thumb: str
    touching: Vector
    keypoints: tuple[int, ...]
    offset: Vector = (0.0, 0.0, 0.0)


HOLDS = {
    "mouth": Hold(
        (-0.9, 0.4, 0.1), (0, 0, -1), (CURLED,) * 4, "out", (-5, 105, -14), (62, 66), (4, 0, 4)
    ),
    "chin": Hold(
        (-0.6, 0.8, 0.1), (0.1, 0, -1), (FIST,) * 4, "along", (-5, 98, 0), (8,), (6, -4, 2)
    ),
    "thinker": Hold(
        (-0.15, 0.95, 0), (-0.6, 0, -0.8), POINTING, "along", (-10, 86, -20), (10, 11)
    ),
    "cheek": Hold(
        (-0.1, 0.95, -0.2), (-0.9, 0.1, -0.4), (CURLED,) * 4, "along", (0, 85, -14), (12, 13)
    ),
    "brow": Hold(
        (-0.5, 0.85, 0), (0, 0, -1), (STRAIGHT,) * 4, "out", (-5, 105, -14), (22, 44)
    ),
    "gesture": Hold(
        (-0.3, 0.9, 0.2), (0.3, 0, 1), (CURLED,) * 4, "out", (0, 60, 0), (11, 54), (10, -35, 95)
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """A thing between a face and the camera.

    Attributes:
        kind: a key of KINDS.
        solid: mm, head frame.
    """

    kind: str
    solid: Solid


def random_thing(
    rng: np.random.Generator, vertices_head: np.ndarray, skin: np.ndarray, share: float = SHARE
) -> Thing | None:
    """Draw whether a photo has a thing, and which; a hand has the person's skin.

    Args:
        rng: draws.
        vertices_head: (N, 3) float, mm: the acting head.
        skin: (3,) linear RGB.
        share: of photos with a thing.
    """
    if rng.random() >= share:
        return None
    return make_thing(
        str(rng.choice(list(KINDS), p=list(KINDS.values()))), rng, vertices_head, skin
    )


def make_thing(
    kind: str, rng: np.random.Generator, vertices_head: np.ndarray, skin: np.ndarray
) -> Thing:
    """Put a thing of one kind to a face.

    Args:
        kind: a key of KINDS.
        rng: draws everything else.
        vertices_head: (N, 3) float, mm: the acting head.
        skin: (3,) linear RGB.
    """
    side = rng.choice([-1.0, 1.0])
    face = vertices_head * [side, 1, 1]  # mirrored, so that all is placed on the image's right
    keypoints = load_head().keypoints(vertices_head) * [side, 1, 1]
    if side < 0:
        keypoints = keypoints[MIRRORED_KEYPOINTS]
    if kind in HOLDS:
        solid = _hand_on_face(kind, rng, face, keypoints, skin)
    else:
        solid = _MAKERS[kind](rng, keypoints, skin)
    return Thing(kind, solid if side > 0 else solid.mirrored())


def _hand_on_face(kind, rng, face, keypoints, skin):
    """A hand on the image's right that touches the face, or is held before it."""
    hold = HOLDS[kind]
    axes = _jittered(_hand_axes(hold.fingers, hold.palm), rng)
    target = keypoints[list(hold.keypoints)].mean(axis=0) + hold.offset
    target = target + rng.normal(0, SHIFT_MM, 3) * [1, 1, 0]
    grip = _random_grip(rng, hold.grip, hold.thumb)
    solid = _arm_and_hand(rng, grip, axes, np.array(hold.touching), target, skin)
    if kind == "gesture":
        return solid
    return solid.placed(np.eye(3), _to_touch(solid.vertices, axes[2], face))


def _hand_axes(fingers, palm):
    """Axes of a hand in the head frame, as rows: its x, along its fingers, out of its back."""
    along = np.array(fingers, float) / np.linalg.norm(fingers)
    back = -np.array(palm, float)
    back -= (back @ along) * along
    back /= np.linalg.norm(back)
    return np.array([np.cross(along, back), along, back])


def _jittered(axes, rng):
    tilt = Rotation.from_rotvec(np.radians(rng.normal(0, TILT_DEG, 3)))
    return axes @ tilt.as_matrix().T


def _random_grip(rng, flexion_deg, thumb):
    """Vary a grip: all fingers together, and each on its own."""
    together, apart = rng.normal(0, FLEXION_DEG), rng.normal(0, FLEXION_DEG / 2, (4, 1))
    flexion = np.array(flexion_deg) * (1 + 0.01 * (together + apart)) + 0.3 * (together + apart)
    spread = np.array(SPREAD_DEG) * rng.uniform(0, 1.3)
    return Grip(flexion, spread, thumb)


def _arm_and_hand(rng, grip, axes, touching, target, skin):
    """A left hand with these axes whose point `touching`, of the right one's frame, is at `target`.

    A person's left hand is on the image's right; `make_hand` makes a right one.
    """
    flip = np.array([-1.0, 1.0, 1.0])
    sleeve = objects.random_color(rng) if rng.random() < SLEEVE_SHARE else None
    elbow = axes @ ELBOW * flip
    arm = np.array([elbow[0], min(elbow[1], -LEAST_STRAIGHT * np.linalg.norm(elbow)), elbow[2]])
    arm /= np.linalg.norm(arm)
    hand = make_hand(replace(grip, arm=arm), skin)
    forearm = objects.make_forearm(arm, skin, sleeve, rng.uniform(*SLEEVE_MM))
    left = joined([hand, forearm]).mirrored()
    return left.placed(axes, target - (touching * flip) @ axes)


def _to_touch(points, outward, face):
    """The shift along `outward`, (3,) mm, after which the points just touch the face."""
    used = _skin_vertices()
    normals = vertex_normals(face, load_head().triangles)[used]
    normals *= np.sign((normals * face[used]).sum())  # a mirrored face is inside out
    tree, moved, shift = cKDTree(face[used]), points[::5], 0.0
    for _ in range(STEPS):
        distance, nearest = tree.query(moved + shift * outward)
        gap = ((moved + shift * outward - face[used][nearest]) * normals[nearest]).sum(axis=1)
        # Far from the face the nearest vertex's plane is no measure; there the distance is.
        gap = np.where(distance < MOST_STEP_MM, gap, distance)
        shift += np.clip(TOUCH_MM - gap.min(), -MOST_STEP_MM, MOST_STEP_MM)
    return shift * outward


@lru_cache(maxsize=1)
def _skin_vertices():
    return np.unique(outer_skin(load_head()))


def _upright(up, toward):
    """Axes of an object in the head frame, as rows: y along `up`, z about along `toward`."""
    up = np.array(up, float) / np.linalg.norm(up)
    depth = np.array(toward, float) - (np.array(toward) @ up) * up
    depth /= np.linalg.norm(depth)
    return np.array([np.cross(up, depth), up, depth])


def _fist(rng, middle, up, radius_mm, skin):
    """A hand around a handle that is upright along `up`, with the thumb above."""
    axes = _hand_axes((-0.85, 0.2, -0.35), (0.0, 0.0, -1.0))
    along = axes[1] - (axes[1] @ up) * up
    along /= np.linalg.norm(along)
    axes = np.array([up, along, np.cross(up, along)])
    # Bones are chords of a circle around the handle that goes through the middle knuckle.
    reach = radius_mm + AROUND_HANDLE_MM
    lengths = np.array([finger.lengths for finger in FINGERS])
    half = np.degrees(np.arcsin(np.minimum(lengths / 2 / reach, 0.9)))
    flexion = half + np.column_stack([np.zeros(4), half[:, :-1]])
    thumb = "across" if radius_mm < THICK_MM else "out"
    grip = Grip(np.minimum(flexion, FIST), np.zeros(4), thumb)
    inside = np.array(FINGERS[1].knuckle) - [0, 4, reach]
    return _arm_and_hand(rng, grip, axes, inside, middle, skin)


def _microphone(rng, keypoints, skin):
    """A microphone on a stand below the mouth."""
    return _microphone_at(rng, keypoints, rng.uniform([-40, -65, 25], [40, 5, 85]), held=False)[0]


def _microphones(rng, keypoints, skin):
    """Some microphones of the press."""
    places = rng.uniform([-90, -110, 50], [90, -15, 140], (int(rng.integers(2, 5)), 3))
    return joined([_microphone_at(rng, keypoints, place, held=False)[0] for place in places])


def _handheld(rng, keypoints, skin):
    """A microphone in the person's own hand."""
    place = rng.uniform([-12, -38, 28], [12, 5, 65])
    solid, head, up = _microphone_at(rng, keypoints, place, held=True)
    return joined([solid, _fist(rng, head - rng.uniform(75, 105) * up, up, 13.0, skin)])


def _microphone_at(rng, keypoints, place, held):
    """A microphone whose head is at this place relative to the mouth, with its place and axis."""
    up = np.array([rng.normal(0, 0.22), 1.0, -rng.uniform(0.2, 0.8)])
    up /= np.linalg.norm(up)
    head = keypoints[[62, 66]].mean(axis=0) + place
    solid = objects.make_microphone(rng, held)
    return solid.placed(_upright(up, (0, 0, 1)), head), head, up


def _cup(rng, keypoints, skin):
    """A cup at the lower lip, or lowered a little, in the person's hand."""
    solid, radius = objects.make_cup(rng)
    lean = rng.uniform(0.1, 0.8)
    axes = _upright((rng.normal(0, 0.1), 1.0, -lean), (0, 0, 1))
    rim = solid.vertices[:, 1].max() * axes[1] - radius * axes[2]
    lip = keypoints[57] + [0.0, 2.0, 4.0] + rng.uniform([-6, -40, 0], [6, 0, 35]) * rng.random()
    middle = lip - rim
    return joined([solid.placed(axes, middle), _fist(rng, middle, axes[1], radius, skin)])


def _selfie(rng, keypoints, skin):
    """A phone before the face, as in a mirror, and the fingers on its back."""
    axes = _jittered(_upright((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), rng)
    middle = keypoints[30] + rng.uniform([-10, -95, 55], [60, 10, 130])
    phone = objects.make_phone(rng).placed(axes, middle)
    at = middle + rng.uniform(-35, -5) * axes[1]
    return joined([phone, _hand_on_phone(rng, axes, (-0.9, 0.35, 0.0), at, skin)])


def _call(rng, keypoints, skin):
    """A phone at the ear."""
    axes = _jittered(_upright((0.0, 0.85, -0.5), (1.0, 0.0, 0.2)), rng)
    middle = keypoints[15] + rng.uniform([12, -6, -22], [20, 12, 0])
    phone = objects.make_phone(rng).placed(axes, middle)
    return joined([phone, _hand_on_phone(rng, axes, (-0.75, 0.65, 0.0), middle, skin)])


def _hand_on_phone(rng, axes, fingers, at, skin):
    """A hand on the back of a phone with these axes; `fingers` is in the phone's frame."""
    flat = Rotation.from_rotvec([0, 0, np.radians(rng.normal(0, TILT_DEG))]).as_matrix()
    hand = _hand_axes(flat @ fingers, (0.0, 0.0, -1.0)) @ axes
    grip = Grip(
        np.tile((4.0, 10.0, 8.0), (4, 1)), np.array(SPREAD_DEG) * rng.uniform(0, 1.3), "out"
    )
    return _arm_and_hand(rng, grip, hand, np.array([0, 95, -25]), at, skin)


_MAKERS = {
    "microphone": _microphone,
    "microphones": _microphones,
    "handheld": _handheld,
    "cup": _cup,
    "selfie": _selfie,
    "call": _call,
}
