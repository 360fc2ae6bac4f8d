"""Hair that does not grow step by step: buns, tails and tight coils, around the mean head."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facelib.synthetic.worn.hair_style import KNOTS, HairStyle
from facelib.synthetic.worn.scalp import Scalp

Range = tuple[float, float]


class Ramp(NamedTuple):
    """A value that rises with the depth behind the hairline, up to 1.

    Attributes:
        at_hairline: the value there.
        rise_mm: depth over which it rises by 1.
    """

    at_hairline: float
    rise_mm: float

    def at(self, inside_mm: np.ndarray) -> np.ndarray:
        """Return the value, 0..1, at depths behind the hairline."""
        return np.clip(self.at_hairline + inside_mm / self.rise_mm, 0, 1)


class Tied(NamedTuple):
    """A tail from the knot, or a bun; rates are rad over a tail's length."""

    strands: int = 220
    points: int = 12
    depth: Range = (0.5, 1)  # layers that decide how much light a strand gets
    bun_centre_mm: tuple[float, float, float] = (0, 0, -12)  # from the knot
    bun_radius_mm: Range = (16, 29)
    bun_arc: float = np.pi * 0.9
    bun_facing: float = 2.0  # preference of its arcs for beginning at the front
    root_mm: float = 5  # deviation of the strands' starts at the knot
    spread_mm: tuple[float, float, float] = (14, 6, 10)  # deviation of how far they fan out
    spread_rate: float = 2.4  # rad, of the sine along the tail
    length: Range = (0.75, 1.1)
    arch_mm: float = 15.6  # a tail rises before it falls ...
    arch_rate: float = 8  # ... with the quarter of a sine of this rate
    sag_mm: float = 1.0
    back: float = -0.22  # swings away from the back
    back_rate: float = 1.6
    behind: float = -0.7  # its outside is mostly behind it


class Coils(NamedTuple):
    """Tight curls: short arcs throughout a thick volume."""

    depth_power: float = 0.75
    volume_ramp: Ramp = Ramp(0.12, 30)
    off_skin_mm: float = 2.5
    lumps: float = 0.12  # variation of the volume ...
    lump_per_mm: float = 0.12  # ... and the deviation of its waves' rates, rad/mm
    jitter_mm: float = 1.5
    arc: float = 4.4  # rad
    points: int = 6
    radius_mm: Range = (1.6, 4.2)
    inner_width: float = 2.2  # inner curls are drawn broad: they fill the volume


TIED, COILS = Tied(), Coils()


def bun(style: HairStyle, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roll up tied hair: arcs around a ball behind the knot. Returns the same as `tail`."""
    axes = rng.normal(size=(2, TIED.strands, 3))
    axes = axes + np.array([[[0, 0, TIED.bun_facing]], [[0, 0, 0]]])
    outward = _arcs(*axes, TIED.bun_arc, TIED.points, rng)
    radius = rng.uniform(*TIED.bun_radius_mm, (TIED.strands, 1, 1))
    points = np.array(KNOTS[style.knot]) + TIED.bun_centre_mm + outward * radius
    return points.astype(np.float32), outward, _depth(rng)


def tail(style: HairStyle, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make tied hair that rises from the knot, fans out and falls.

    Returns:
        Points (S, P, 3) float32, mm, about the mean head; outward (S, P, 3), unit; depth (S,), how
        far out in the volume each strand lies, 0..1.
    """
    start = rng.normal(0, TIED.root_mm, (TIED.strands, 3))
    spread = rng.normal(0, 1, (TIED.strands, 3)) * TIED.spread_mm
    s = np.linspace(0, 1, TIED.points)[:, None]
    length = style.back_mm * rng.uniform(*TIED.length, (TIED.strands, 1, 1))
    rise = TIED.arch_mm * np.sin(np.minimum(s * TIED.arch_rate, np.pi / 2)) - TIED.sag_mm * s
    rise = np.concatenate([0 * s, rise, 0 * s], axis=1)
    points = (
        np.array(KNOTS[style.knot])
        + start[:, None]
        + rise
        + spread[:, None] * np.sin(s * TIED.spread_rate)
    )
    fall = np.concatenate([0 * s, -s, TIED.back * np.sin(s * TIED.back_rate)], axis=1)
    outward = spread / np.linalg.norm(spread, axis=1, keepdims=True) + [0, 0, TIED.behind]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    outward = np.repeat(outward[:, None], TIED.points, axis=1)
    return (points + fall * length).astype(np.float32), outward, _depth(rng)


def coils(
    style: HairStyle,
    scalp: Scalp,
    rooted: np.ndarray,
    rng: np.random.Generator,
    cap_mm: float | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill the volume of tight curls with short arcs.

    Args:
        style: the style, whose strands are spread over the roots.
        scalp: of the mean head.
        rooted: numbers of the roots with hair.
        rng: draws.
        cap_mm: no hair is above this height under a hat; None for no hat.

    Returns:
        As `tail`, for as many strands as lie below the hat.
    """
    chosen = np.resize(rooted, style.strands)
    roots, normals = scalp.roots_head[chosen], scalp.normals_head[chosen]
    inside = scalp.inside_mm[chosen] - style.hairline_mm
    depth = rng.uniform(0, 1, style.strands) ** COILS.depth_power
    room = style.volume_mm * COILS.volume_ramp.at(inside)
    waves = np.sin(roots @ rng.normal(0, COILS.lump_per_mm, (3, 3)).T).sum(axis=1)
    off_skin = COILS.off_skin_mm + depth * room * (1 + COILS.lumps * waves)
    middle = roots + normals * off_skin[:, None]
    middle += rng.normal(0, COILS.jitter_mm, middle.shape)
    if cap_mm is not None:
        keep = middle[:, 1] < cap_mm
        middle, normals, depth = middle[keep], normals[keep], depth[keep]
    arcs = _arcs(*rng.normal(size=(2, len(middle), 3)), COILS.arc, COILS.points, rng)
    points = middle[:, None] + rng.uniform(*COILS.radius_mm, (len(middle), 1, 1)) * arcs
    outward = np.repeat(normals[:, None], COILS.points, axis=1)
    return points.astype(np.float32), outward, depth


def _depth(rng):
    return rng.uniform(*TIED.depth, TIED.strands)


def _arcs(start, other, angle, count, rng):
    """Arcs of `angle` rad on the unit sphere, each in the plane of two vectors: (N, count, 3)."""
    u = start / np.linalg.norm(start, axis=1, keepdims=True)
    v = np.cross(u, other)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    at = np.linspace(0, angle, count)[:, None] + rng.uniform(0, 6.28, (len(u), 1, 1))
    return np.cos(at) * u[:, None] + np.sin(at) * v[:, None]
