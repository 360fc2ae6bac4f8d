"""Neck opening, collar and shoulders: a torso below the head, and what it wears.

The torso is a stack of rings from the neck over the shoulders down; clothes are cut from the same
surface, a little outside of it, along a line around the neck that tells a T-shirt from a V-neck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.synthetic.worn.garments import Garments, sewn, strip
from facelib.synthetic.worn.torso import AROUND, EDGE, LAST, ring_angles, torso_rings

CUTS = ("crew", "v_neck", "scoop", "turtleneck", "shirt", "suit", "hoodie")
CUT_SHARES = (0.26, 0.12, 0.1, 0.08, 0.2, 0.14, 0.1)
# Where the rows of a layer lie, from its upper edge to the last ring.
SHARES = np.array([0, 0.04, 0.12, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0])


@dataclass(frozen=True)
class Clothes:
    """What a person wears below the head.

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
    inner = rng.uniform([0.55, 0.55, 0.55], [0.8, 0.8, 0.8])
    if rng.random() < 0.4:
        inner = rng.random(3) ** 2 * 0.7
    if cut == "suit":
        color = rng.choice([[0.012, 0.013, 0.02], [0.01, 0.01, 0.01], [0.06, 0.06, 0.065],
                            [0.09, 0.06, 0.04]]) * rng.uniform(0.7, 1.5)  # fmt: skip
    tied = cut == "suit" and rng.random() < 0.7
    tie = tuple(float(v) for v in rng.random(3) ** 2 * 0.6) if tied else None
    return Clothes(
        cut,
        tuple(float(v) for v in color),
        tuple(float(v) for v in inner),
        tie,
        float(rng.random()),
    )


def sew(clothes: Clothes, skin: np.ndarray) -> Garments:
    """Cut and sew clothes about the mean head.

    Args:
        clothes: what to sew.
        skin: (3,) linear RGB of the skin that an open neck shows.

    Returns:
        Garments with the bare skin between neck and cloth, which is labelled "neck".
    """
    color, inner = np.asarray(clothes.color), np.asarray(clothes.inner)
    # It comes out of the neck at its upper edge and lies over the neck's own, which is ragged.
    out_mm = np.append(-1.5, np.full(len(SHARES) - 1, 1.0))[:, None]
    parts = [_layer(np.full(AROUND, EDGE - 0.5), out_mm, np.asarray(skin), "neck")]
    if clothes.cut in ("crew", "v_neck", "scoop", "turtleneck"):
        parts.append(_layer(_neckline(clothes), 4.5, color, "clothes"))
        parts.append(_band(_neckline(clothes), color * 0.85))
    elif clothes.cut == "shirt":
        parts += [_layer(_neckline(clothes), 4.0, color, "clothes"), *_collar(color, 0.1)]
    elif clothes.cut == "suit":
        gap = 0.02 if clothes.tie else 0.1
        parts += [_layer(_neckline(clothes), 3.0, inner, "clothes"), *_collar(inner, gap)]
        opening = EDGE + 0.75 + 3.4 * np.exp(-((ring_angles() / 0.42) ** 2))
        parts += [_layer(opening, 7.0, color, "clothes"), _lapel(opening, color)]
        if clothes.tie:
            parts.append(_tie(np.asarray(clothes.tie)))
    else:
        parts += [_layer(_neckline(clothes), 4.0, color, "clothes"), *_hood(color, inner)]
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
    """Which way cloth lies on the torso, for each point of a ring: (L, 3)."""
    turn = ring_angles()
    return np.column_stack([np.sin(turn), np.full(AROUND, 0.45), np.cos(turn)])


def _layer(top, out_mm, color, label):
    """Cloth from the line of ring numbers `top`, (L,), down to the last ring."""
    rings = top + (LAST - top) * SHARES[:, None]
    return strip(_at(rings, np.broadcast_to(out_mm, rings.shape)), color, label, closed=True)


def _neckline(clothes):
    """Ring number at which the cloth begins, (L,)."""
    turn, deep = np.abs(ring_angles()), clothes.depth
    if clothes.cut == "turtleneck":
        return np.full(AROUND, EDGE - 1.2 - 0.5 * deep)
    if clothes.cut == "v_neck":
        return EDGE + 0.35 + (1.0 + 1.3 * deep) * np.clip(1 - turn / 0.75, 0, 1)
    if clothes.cut == "scoop":
        return EDGE + 0.6 + 0.5 * deep + 0.9 * np.exp(-((turn / 0.8) ** 2))
    if clothes.cut in ("shirt", "suit"):
        return EDGE - 0.3 + 0.6 * np.exp(-((turn / 0.3) ** 2))
    return EDGE - 0.1 + 0.6 * deep + 0.2 * np.cos(ring_angles())


def _band(top, color):
    """The hem about the opening: a thicker edge."""
    rows = [_at(top + down, np.full(AROUND, out))
            for down, out in ((-0.06, 2.0), (0.0, 6.3), (0.28, 6.1), (0.34, 4.5))]  # fmt: skip
    return strip(np.stack(rows), color, "clothes", closed=True)


def _collar(color, gap):
    """A stand about the neck and the leaf that is folded over it, open in front by `gap` rad."""
    turn = ring_angles()
    order = np.argsort(np.where(turn < 0, turn + 2 * np.pi, turn))
    kept = order[np.abs(turn[order]) >= gap]
    near = np.exp(-(((np.abs(turn) - gap - 0.25) / 0.3) ** 2))
    high = EDGE - 0.95 + 0.35 * np.exp(-((turn / 0.5) ** 2))
    end = EDGE + 0.35 + 0.95 * near
    stand = np.stack([_at(high, np.full(AROUND, 4.0)), _at(high + 0.9, np.full(AROUND, 4.5))])
    middle = (high + end) / 2
    places = ((high - 0.02, 4.2), (high, 8.0), (middle, 10.5), (end, 9.0 + 4.0 * near))
    leaf = np.stack([_at(ring, np.broadcast_to(out, AROUND)) for ring, out in places])
    shade = np.array([1.0, 1.0, 1.0, 0.9])[:, None, None]
    return [
        strip(stand[:, kept], np.asarray(color) * 0.7, "clothes", False, True),
        strip(leaf[:, kept], np.asarray(color) * shade, "clothes", False, True),
    ]


def _lapel(opening, color):
    """The turned-over edge of a jacket."""
    width = 0.35 + 0.6 * np.exp(-((np.abs(ring_angles()) - 0.55) ** 2) / 0.12)
    rows = np.stack([_at(opening - 0.03, np.full(AROUND, 6.0)), _at(opening, np.full(AROUND, 11)),
                     _at(opening + width, np.full(AROUND, 11.0)),
                     _at(opening + width + 0.02, np.full(AROUND, 6.5))])  # fmt: skip
    return strip(rows, color * np.array([1.3, 1.25, 1.1, 0.5])[:, None, None], "clothes", True)


def _tie(color):
    """A knot between the collar's leaves and the blade below it."""
    middle = _at(np.linspace(EDGE - 0.2, LAST, 14)[:, None] + np.zeros((1, AROUND)), np.zeros(1))
    middle = middle[:, 0] + [0, 0, 11.0]
    half = np.interp(np.arange(14), [0, 1, 2, 3, 13], [8, 11, 10, 13, 30])
    columns = [middle + np.outer(half, [side, 0, 0]) + [0, 0, 3.0 - 3.0 * abs(side)]
               for side in (-1.0, 0.0, 1.0)]  # fmt: skip
    rows = np.stack(columns, axis=1)
    tone = np.where(np.arange(14) < 3, 0.8, 1.0)[:, None, None]
    return strip(rows, color * tone, "clothes", closed=False)


def _hood(color, inner):
    """A hood that lies on shoulders and back: a thick roll about the neck, open in front."""
    turn = ring_angles()
    order = np.argsort(np.where(turn < 0, turn + 2 * np.pi, turn))
    kept = order[np.abs(turn[order]) >= 0.22]
    back = 0.5 - 0.5 * np.cos(turn)
    start = np.full(AROUND, EDGE - 0.45)
    rows = [_at(start + 0.35, np.full(AROUND, 3.0)), _at(start - 0.35 * back, 7 + 10 * back),
            _at(start + 0.2, 12 + 22 * back), _at(start + 0.9, 11 + 24 * back),
            _at(start + 1.5, np.full(AROUND, 4.0))]  # fmt: skip
    shade = np.stack([inner * 0.6, inner * 0.8, color, color, color * 0.8])[:, None]
    return [strip(np.stack(rows)[:, kept], shade, "clothes", False, True)]
