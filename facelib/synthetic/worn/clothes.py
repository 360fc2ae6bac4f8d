"""Neck opening, collar and shoulders: a torso below the head, and its clothes.

The torso is a stack of numbered rings from the neck over the shoulders down (see `torso`). Clothes
are cut from the same surface, some mm outside of it. A line around the neck, given as a ring number
for each angle, makes the difference between a T-shirt and a V-neck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from facelib.synthetic.worn.garments import Garments, sewn, strip
from facelib.synthetic.worn.torso import AROUND, EDGE, LAST, ring_angles, torso_rings

CUTS = ("crew", "v_neck", "scoop", "turtleneck", "shirt", "suit", "hoodie")
CUT_SHARES = (0.26, 0.12, 0.1, 0.08, 0.2, 0.14, 0.1)
# Positions of a layer's rows, from its upper edge to the last ring.
SHARES = np.array([0, 0.04, 0.12, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0])
UPWARD = 0.45  # y of the torso's outward direction, whose horizontal part is 1

INNER = ((0.55, 0.55, 0.55), (0.8, 0.8, 0.8))  # linear RGB of pale shirts
COLORED_SHARE, MOST_INNER, MOST_TIE = 0.4, 0.7, 0.6  # of shirts; linear RGB of squares of draws
SUITS = ((0.012, 0.013, 0.02), (0.01, 0.01, 0.01), (0.06, 0.06, 0.065), (0.09, 0.06, 0.04))
SUIT_LIGHT, TIE_SHARE = (0.7, 1.5), 0.7

# Distances of cloth from the torso, mm.
SKIN_EDGE_MM, SKIN_MM = -1.5, 1.0  # bare skin comes out of the neck, then covers its ragged edge
SHIRT_MM, COLLARED_MM, UNDER_SUIT_MM, SUIT_MM = 4.5, 4.0, 3.0, 7.0
HEM_SHADE = 0.85
OPEN_COLLAR, TIED_COLLAR = 0.1, 0.02  # rad, half of the gap between a collar's ends


class Dip(NamedTuple):
    """A line around the neck that dips in front, in ring numbers below the neck's edge.

    Attributes:
        start: its position at the back.
        deep: how much lower it is at the front, for a depth of 0 and of 1.
        half: rad, half width of the dip.
    """

    start: float
    deep: tuple[float, float]
    half: float


TURTLENECK = (-1.2, -0.5)  # for the shallowest, and more for the deepest
CREW, CREW_DEEP, CREW_DIP = -0.1, 0.6, 0.2
V_NECK = Dip(0.35, (1.0, 1.3), 0.75)
SCOOP, SCOOP_DEEP = Dip(0.6, (0.9, 0.0), 0.8), 0.5
COLLARED = Dip(-0.3, (0.6, 0.0), 0.3)
JACKET = Dip(0.75, (3.4, 0.0), 0.42)

# Rows of the band about an opening: ring numbers from it, and mm out.
HEM = ((-0.06, 2.0), (0.0, 6.3), (0.28, 6.1), (0.34, 4.5))


class CollarTable(NamedTuple):
    """A stand around the neck and the leaf folded over it; ring numbers and mm out."""

    top: float = -0.95
    top_dip: Dip = Dip(0.0, (0.35, 0.0), 0.5)
    stand: float = 0.9  # its height
    stand_mm: tuple[float, float] = (4.0, 4.5)
    end: float = 0.35  # of the leaf, at the back
    point: float = 0.95  # how much lower its points are
    point_aside: float = 0.25  # rad, from the gap to the point
    point_half: float = 0.3  # rad
    fold: float = 0.02  # the leaf begins inside, this much above the stand
    leaf_mm: tuple[float, float, float, float] = (4.2, 8.0, 10.5, 9.0)
    point_mm: float = 4.0  # further at the points
    stand_shade: float = 0.7
    leaf_shade: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 0.9)


class LapelTable(NamedTuple):
    """The lapel of a jacket; ring numbers and mm out."""

    width: float = 0.35
    wider: float = 0.6  # at the widest
    widest: float = 0.55  # rad
    spread: float = 0.12  # rad²
    inside: float = -0.03
    rim: float = 0.02
    out_mm: tuple[float, float, float, float] = (6.0, 11.0, 11.0, 6.5)
    shade: tuple[float, float, float, float] = (1.3, 1.25, 1.1, 0.5)


class TieTable(NamedTuple):
    """A knot between the collar's leaves and the blade below it, mm."""

    rows: int = 14
    start: float = -0.2  # ring number
    out_mm: float = 11.0
    half_rows: tuple[float, ...] = (0, 1, 2, 3, 13)  # half width at these rows
    half_mm: tuple[float, ...] = (8, 11, 10, 13, 30)
    bulge_mm: float = 3.0
    knot_rows: int = 3
    knot_shade: float = 0.8


class HoodTable(NamedTuple):
    """A thick roll around the neck, open in front; ring numbers from `start`, and mm out.

    Each row has what it is in front and what is added at the back.
    """

    start: float = -0.45
    gap: float = 0.22  # rad, half of the opening
    rings: tuple[tuple[float, float], ...] = ((0.35, 0), (0, -0.35), (0.2, 0), (0.9, 0), (1.5, 0))
    out_mm: tuple[tuple[float, float], ...] = ((3, 0), (7, 10), (12, 22), (11, 24), (4, 0))
    lining_shade: tuple[float, float] = (0.6, 0.8)  # of the first two rows
    edge_shade: float = 0.8  # of the last


COLLAR, LAPEL, TIE, HOOD = CollarTable(), LapelTable(), TieTable(), HoodTable()


@dataclass(frozen=True)
class Clothes:
    """A person's clothes below the head.

    Attributes:
        cut: one of `CUTS`.
        color: (3,) linear RGB of the outermost cloth.
        inner: (3,) linear RGB of the shirt under a suit, and of a hoodie's lining.
        tie: (3,) linear RGB of a suit's tie; None for an open collar.
        depth: how deep the neck opening is, 0..1.
    """

    cut: str = "crew"
    color: tuple[float, float, float] = (0.2, 0.2, 0.25)
    inner: tuple[float, float, float] = (0.7, 0.7, 0.7)
    tie: tuple[float, float, float] | None = None
    depth: float = 0.5

    def __post_init__(self) -> None:
        """Check the cut."""
        if self.cut not in CUTS:
            raise ValueError(f"expected a cut of {CUTS}, got {self.cut!r}")


def random_clothes(rng: np.random.Generator, color: np.ndarray) -> Clothes:
    """Draw clothes in a person's colour, (3,) linear RGB; suits are dark."""
    cut = str(rng.choice(CUTS, p=CUT_SHARES))
    inner = rng.uniform(*INNER)
    if rng.random() < COLORED_SHARE:
        inner = rng.random(3) ** 2 * MOST_INNER
    if cut == "suit":
        color = rng.choice(SUITS) * rng.uniform(*SUIT_LIGHT)
    tied = cut == "suit" and rng.random() < TIE_SHARE
    tie = tuple(float(v) for v in rng.random(3) ** 2 * MOST_TIE) if tied else None
    return Clothes(
        cut,
        tuple(float(v) for v in color),
        tuple(float(v) for v in inner),
        tie,
        float(rng.random()),
    )


def sew(clothes: Clothes, skin: np.ndarray) -> Garments:
    """Make clothes around the mean head.

    Args:
        clothes: the clothes to make.
        skin: (3,) linear RGB of the skin in an open neck.

    Returns:
        Garments with the bare skin between neck and cloth, which is labelled "neck".
    """
    color, inner = np.asarray(clothes.color), np.asarray(clothes.inner)
    out_mm = np.append(SKIN_EDGE_MM, np.full(len(SHARES) - 1, SKIN_MM))[:, None]
    parts = [_layer(np.full(AROUND, EDGE - 0.5), out_mm, np.asarray(skin), "neck")]
    if clothes.cut in ("crew", "v_neck", "scoop", "turtleneck"):
        parts.append(_layer(_neckline(clothes), SHIRT_MM, color, "clothes"))
        parts.append(_band(_neckline(clothes), color * HEM_SHADE))
    elif clothes.cut == "shirt":
        parts.append(_layer(_neckline(clothes), COLLARED_MM, color, "clothes"))
        parts += _collar(color, OPEN_COLLAR)
    elif clothes.cut == "suit":
        parts.append(_layer(_neckline(clothes), UNDER_SUIT_MM, inner, "clothes"))
        parts += _collar(inner, TIED_COLLAR if clothes.tie else OPEN_COLLAR)
        opening = EDGE + JACKET.start + _dip(JACKET)
        parts += [_layer(opening, SUIT_MM, color, "clothes"), _lapel(opening, color)]
        if clothes.tie:
            parts.append(_tie(np.asarray(clothes.tie)))
    else:
        parts.append(_layer(_neckline(clothes), COLLARED_MM, color, "clothes"))
        parts.append(_hood(color, inner))
    return sewn(parts)


def _at(ring, out_mm):
    """Points of the torso at ring numbers (L,), or (R, L), moved out by out_mm."""
    ring = np.clip(ring, 0, LAST)
    below = np.minimum(ring.astype(int), LAST - 1)
    share = (ring - below)[..., None]
    column = np.broadcast_to(np.arange(AROUND), ring.shape)
    rings = torso_rings()
    points = rings[below, column] * (1 - share) + rings[below + 1, column] * share
    return points + _outward() * np.asarray(out_mm)[..., None]


@lru_cache(maxsize=1)
def _outward():
    """The torso's outward direction at each point of a ring: (L, 3)."""
    angle = ring_angles()
    return np.column_stack([np.sin(angle), np.full(AROUND, UPWARD), np.cos(angle)])


def _layer(top, out_mm, color, label):
    """Cloth from the line of ring numbers `top`, (L,), down to the last ring."""
    rings = top + (LAST - top) * SHARES[:, None]
    return strip(_at(rings, np.broadcast_to(out_mm, rings.shape)), color, label, closed=True)


def _neckline(clothes):
    """Ring number at which the cloth begins, (L,)."""
    deep = clothes.depth
    if clothes.cut == "turtleneck":
        return np.full(AROUND, EDGE + TURTLENECK[0] + TURTLENECK[1] * deep)
    if clothes.cut == "v_neck":
        wedge = np.clip(1 - np.abs(ring_angles()) / V_NECK.half, 0, 1)
        return EDGE + V_NECK.start + (V_NECK.deep[0] + V_NECK.deep[1] * deep) * wedge
    if clothes.cut == "scoop":
        return EDGE + SCOOP.start + SCOOP_DEEP * deep + _dip(SCOOP)
    if clothes.cut in ("shirt", "suit"):
        return EDGE + COLLARED.start + _dip(COLLARED)
    return EDGE + CREW + CREW_DEEP * deep + CREW_DIP * np.cos(ring_angles())


def _dip(dip):
    """A round dip, ring numbers at each angle: (L,)."""
    return dip.deep[0] * np.exp(-((ring_angles() / dip.half) ** 2))


def _from_gap(gap):
    """Points of a ring from one side of a gap in front around to its other side."""
    angle = ring_angles()
    order = np.argsort(np.where(angle < 0, angle + 2 * np.pi, angle))
    return order[np.abs(angle[order]) >= gap]


def _band(top, color):
    """The hem about the opening: a thicker edge."""
    rows = [_at(top + down, np.full(AROUND, out_mm)) for down, out_mm in HEM]
    return strip(np.stack(rows), color, "clothes", closed=True)


def _collar(color, gap):
    """A collar whose ends are `gap` rad from the front: its stand and its leaf."""
    kept, angle = _from_gap(gap), np.abs(ring_angles())
    point = np.exp(-(((angle - gap - COLLAR.point_aside) / COLLAR.point_half) ** 2))
    high = EDGE + COLLAR.top + _dip(COLLAR.top_dip)
    end = EDGE + COLLAR.end + COLLAR.point * point
    stand = [
        _at(ring, np.full(AROUND, out_mm))
        for ring, out_mm in zip((high, high + COLLAR.stand), COLLAR.stand_mm, strict=True)
    ]
    rings = np.stack([high - COLLAR.fold, high, (high + end) / 2, end])
    out_mm = np.repeat(np.array(COLLAR.leaf_mm)[:, None], AROUND, axis=1)
    out_mm[-1] += COLLAR.point_mm * point
    shade = np.array(COLLAR.leaf_shade)[:, None, None]
    return [
        strip(np.stack(stand)[:, kept], color * COLLAR.stand_shade, "clothes", False, True),
        strip(_at(rings, out_mm)[:, kept], color * shade, "clothes", False, True),
    ]


def _lapel(opening, color):
    aside = np.abs(ring_angles()) - LAPEL.widest
    end = opening + (LAPEL.width + LAPEL.wider * np.exp(-(aside**2) / LAPEL.spread))
    rings = (opening + LAPEL.inside, opening, end, end + LAPEL.rim)
    rows = [
        _at(ring, np.full(AROUND, out_mm)) for ring, out_mm in zip(rings, LAPEL.out_mm, strict=True)
    ]
    return strip(np.stack(rows), color * np.array(LAPEL.shade)[:, None, None], "clothes", True)


def _tie(color):
    row = np.arange(TIE.rows)
    rings = np.linspace(EDGE + TIE.start, LAST, TIE.rows)[:, None] + np.zeros((1, AROUND))
    middle = _at(rings, np.zeros(1))[:, 0] + [0, 0, TIE.out_mm]
    half = np.interp(row, TIE.half_rows, TIE.half_mm)
    columns = [
        middle + np.outer(half, [side, 0, 0]) + [0, 0, TIE.bulge_mm - TIE.bulge_mm * abs(side)]
        for side in (-1.0, 0.0, 1.0)
    ]
    tone = np.where(row < TIE.knot_rows, TIE.knot_shade, 1.0)[:, None, None]
    return strip(np.stack(columns, axis=1), color * tone, "clothes", closed=False)


def _hood(color, inner):
    """A hood on shoulders and back."""
    back = 0.5 - 0.5 * np.cos(ring_angles())
    rings, out_mm = (
        np.stack([front + more * back for front, more in table])
        for table in (HOOD.rings, HOOD.out_mm)
    )
    rows = _at(EDGE + HOOD.start + rings, out_mm)
    lining = [inner * shade for shade in HOOD.lining_shade]
    shade = np.stack([*lining, color, color, color * HOOD.edge_shade])[:, None]
    return strip(rows[:, _from_gap(HOOD.gap)], shade, "clothes", False, True)
