"""Microphones, phones, cups and sleeves, each upright about the origin of its own frame, mm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facelib.synthetic.things.solids import Finish, Solid, joined, lofted, turned

Range = tuple[float, float]

FOAM, MESH, PLASTIC, GLASS, CHINA, CLOTH = (
    Finish(0.1, 0.9),
    Finish(0.8, 0.4),
    Finish(0.9, 0.35),
    Finish(1.6, 0.12),
    Finish(1.3, 0.2),
    Finish(0.15, 0.8),
)
DARK, GREY = 0.015, 0.12  # linear light that plastic and metal reflect
GREY_FOAM_SHARE = 0.7
BOX = 7.0  # exponent of the outline of phones and cubes
PHONE_MM, PHONE_EDGE_MM = (74.0, 150.0, 8.5), 1.5  # width, height and thickness
# A forearm's length, where its tube begins inside the hand's own skin, the half axes of its section
# at the wrist, a sleeve's distance from it, and points of a ring.
ARM_MM, ARM_FROM_MM, WRIST_MM, SLEEVE_MM, ARM_AROUND = 250.0, 40.0, (24.0, 15.0), 7.0, 24


class ObjectDraws(NamedTuple):
    """Distributions of objects, mm and linear light."""

    ball_mm: Range = (22.0, 30.0)  # radius of a microphone's head
    stretch: Range = (1.0, 1.5)  # its height over its width
    stand_mm: Range = (6.0, 10.0)  # radius of the stand
    cube_share: float = 0.3  # of microphones with a station's cube
    cup_mm: Range = (34.0, 44.0)  # upper radius
    cup_height_mm: Range = (80.0, 125.0)
    paper_share: float = 0.5  # of cups without a handle
    dark_phone_share: float = 0.7


DRAWS = ObjectDraws()
STAND_MM, HANDLE_MM = 420.0, 175.0  # lengths below the head


def random_color(rng: np.random.Generator) -> np.ndarray:
    """Draw the colour of painted things: (3,) linear RGB, often dark."""
    return np.clip(rng.random() ** 2 * (0.25 + rng.random(3)), 0.01, 0.85)


def make_microphone(rng: np.random.Generator, held: bool) -> Solid:
    """Make a microphone with its head at the origin and its handle, or a stand, below."""
    ball, stretch = rng.uniform(*DRAWS.ball_mm), rng.uniform(*DRAWS.stretch)
    foam = rng.random() < GREY_FOAM_SHARE
    color = np.full(3, rng.uniform(DARK, GREY)) if foam else random_color(rng)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 14)
    head = np.column_stack([np.maximum(np.cos(angle), 0.02), stretch * np.sin(angle)]) * ball
    parts = [turned(head, color, FOAM if foam else MESH)]
    neck = -0.75 * stretch * ball
    stick, low = (13.0, -HANDLE_MM) if held else (rng.uniform(*DRAWS.stand_mm), -STAND_MM)
    rod = [(0.8 * stick, low), (stick, low + 2), (stick * 1.15, neck - 20), (0.75 * ball, neck)]
    parts.append(turned(rod, np.full(3, rng.uniform(DARK, GREY)), PLASTIC))
    if rng.random() < DRAWS.cube_share:
        side, under = 1.15 * ball, neck - 12
        cube = [(0.1, under - 2 * side), (side, under - 2 * side), (side, under), (0.1, under)]
        parts.append(turned(cube, random_color(rng), PLASTIC, power=BOX))
    return joined(parts)


def make_phone(rng: np.random.Generator) -> Solid:
    """Make a phone about the origin, with its back toward z and its upper end toward y."""
    wide, high, thick = (length / 2 for length in PHONE_MM)
    dark = rng.random() < DRAWS.dark_phone_share
    color = np.full(3, rng.uniform(DARK, 0.05)) if dark else random_color(rng)
    inset = 1 - PHONE_EDGE_MM / wide
    rounds = [(inset, -thick), (1.0, -thick + 1), (1.0, thick - 1), (inset, thick)]
    plate = turned([(wide * r, z) for r, z in rounds], color, GLASS, power=BOX)
    # The axis of `turned` becomes z, and its z, the longer side, y.
    standing = plate.placed(np.array([[-1.0, 0, 0], [0, 0, 1], [0, high / wide, 0]]), np.zeros(3))
    camera = turned([(0.1, 0), (9, 0), (9, 2.5), (0.1, 2.5)], DARK, GLASS, power=BOX)
    axes = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    lens = camera.placed(axes, np.array([wide - 16, high - 18, thick]))
    return joined([standing, lens])


def make_cup(rng: np.random.Generator) -> tuple[Solid, float]:
    """Make a cup with its middle at the origin, and return it with its mean radius, mm."""
    top, height = rng.uniform(*DRAWS.cup_mm), rng.uniform(*DRAWS.cup_height_mm)
    paper = rng.random() < DRAWS.paper_share
    bottom = top * (0.72 if paper else 0.9)
    color = np.full(3, rng.uniform(0.5, 0.8)) if rng.random() < 0.5 else random_color(rng)
    half = height / 2
    wall = [(0.1, -half), (bottom, -half), (top, half), (top - 3, half), (0.9 * bottom, half - 12)]
    return turned([*wall, (0.1, half - 11)], color, CHINA), (top + bottom) / 2


def make_forearm(
    direction: np.ndarray, skin: np.ndarray, sleeve: np.ndarray | None, sleeve_mm: float = 60.0
) -> Solid:
    """Make the forearm of a hand, in the hand's frame.

    Args:
        direction: (3,) unit: from the wrist to the elbow.
        skin: (3,) linear RGB.
        sleeve: (3,) linear RGB of a sleeve; None for a bare arm.
        sleeve_mm: from the wrist to the sleeve's end.
    """
    bare = _tube(direction, ARM_FROM_MM, 0.0, skin, Finish(0.7, 0.45, 1.0), "hand")
    if sleeve is None:
        return bare
    return joined([bare, _tube(direction, sleeve_mm, SLEEVE_MM, sleeve, CLOTH, "thing")])


def _tube(direction, start_mm, thicker_mm, color, finish, label):
    """An oval tube that widens toward the elbow."""
    far = np.linspace(start_mm, ARM_MM, 6)[::-1, None]
    share = far / ARM_MM
    across = np.array([1.0, 0.0, 0.0]) - direction[0] * direction
    across /= np.linalg.norm(across)
    angle = np.linspace(0, 2 * np.pi, ARM_AROUND, endpoint=False)
    wide = (WRIST_MM[0] + 17 * share + thicker_mm)[..., None]
    deep = (WRIST_MM[1] + 24 * share + thicker_mm)[..., None]
    rings = wide * np.cos(angle)[:, None] * across
    rings = rings - deep * np.sin(angle)[:, None] * np.cross(direction, across)
    return lofted(rings + far[..., None] * direction, color, finish, label)
