"""Caps, beanies, brimmed hats and headscarves: shells about the mean head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.synthetic.worn.distance_field import Grid
from facelib.synthetic.worn.garments import Garments, sewn, strip

KINDS = ("cap", "beanie", "brim", "scarf")
KIND_SHARES = (0.38, 0.27, 0.15, 0.2)
AROUND, RINGS = 40, 10
CENTRE = np.array([0.0, 30.0, -8.0])  # mm, head frame: hats are shells about this point
FACE_CENTRE = np.array([0.0, -4.0, -4.0])  # the same for headscarves
# Height of the rim at the back and at the front, mm: brows end at 33, hair begins at about 85.
RIM_Y = {"cap": (14.0, 58.0), "beanie": (0.0, 52.0), "brim": (14.0, 58.0)}
CAP_MM = 12.0  # hair above this height is pressed flat under a hat


@dataclass(frozen=True)
class Hat:
    """What a person wears on the head.

    Attributes:
        kind: one of `KINDS`.
        color: (3,) linear RGB.
        second: (3,) linear RGB of visor, fold or ribbon.
        low_mm: how far it is pulled down from where hats usually sit.
        brim_mm: width of visor or brim.
    """

    kind: str = "cap"
    color: tuple[float, float, float] = (0.05, 0.06, 0.2)
    second: tuple[float, float, float] = (0.03, 0.03, 0.1)
    low_mm: float = 0.0
    brim_mm: float = 62.0

    def __post_init__(self) -> None:
        """Check the kind."""
        if self.kind not in KINDS:
            raise ValueError(f"expected a kind of {KINDS}, got {self.kind!r}")


def random_hat(rng: np.random.Generator, feminine: float = 0.5) -> Hat:
    """Draw a hat; headscarves go to women."""
    shares = np.array(KIND_SHARES) * [1, 1, 1, feminine]
    color = rng.random(3) ** 2 * 0.6
    second = color * rng.uniform(0.6, 1) if rng.random() < 0.6 else rng.random(3) ** 2 * 0.6
    return Hat(
        str(rng.choice(KINDS, p=shares / shares.sum())),
        tuple(float(v) for v in color),
        tuple(float(v) for v in second),
        float(rng.uniform(-4, 10)),
        float(rng.uniform(48, 78)),
    )


def make_hat(hat: Hat, field: Grid) -> Garments:
    """Make a hat about the mean head.

    Args:
        hat: which.
        field: distance to the head, mm.
    """
    if hat.kind == "scarf":
        return _scarf(hat, field)
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    front = 0.5 + 0.5 * np.cos(turn)
    back_y, front_y = RIM_Y[hat.kind]
    rim_y = back_y + (front_y - back_y) * front - hat.low_mm
    color, second = np.asarray(hat.color), np.asarray(hat.second)
    dome = _dome(field, turn, rim_y, 9.0, _tall(hat.kind))
    stitched = 1 + 0.06 * np.cos(turn * (20 if hat.kind == "beanie" else 6))[None, :, None]
    parts = [strip(dome, color * stitched, "hat", closed=True, two_sided=True)]
    if hat.kind == "beanie":
        fold = _dome(field, turn, rim_y - 1, 12.5, _tall("cap"))[-4:]
        parts.append(strip(fold, second * stitched, "hat", True, True))
    if hat.kind == "cap":
        parts.append(_visor(dome[-1], turn, hat, second))
    if hat.kind == "brim":
        parts.append(_brim(dome[-1], turn, hat, color))
        parts.append(strip(_pushed(dome[-3:], 1.5), second, "hat", True))
    return sewn(parts)


def _tall(kind):
    """How much higher than the head a hat stands at its top, mm."""
    return {"cap": 8.0, "beanie": 16.0, "brim": 26.0}[kind]


def _dome(field, turn, rim_y, clear_mm, tall_mm):
    """(RINGS, AROUND, 3) from the top down to the rim, `clear_mm` outside of the head."""
    share = np.linspace(0.03, 1, RINGS)[:, None]
    # The rim's elevation seen from the centre, where the head is about 95 mm away.
    lowest = np.arctan2(rim_y - CENTRE[1], 92.0)
    elevation = np.pi / 2 + (lowest - np.pi / 2) * share
    direction = np.stack([np.cos(elevation) * np.sin(turn), np.sin(elevation),
                          np.cos(elevation) * np.cos(turn)], axis=-1)  # fmt: skip
    points = CENTRE + direction * _reach(field, CENTRE, direction, clear_mm)[..., None]
    points[..., 1] += tall_mm * np.sin(elevation).clip(0) ** 2
    return points


def _reach(field, centre, direction, clear_mm, most=170.0):
    """How far to go from the centre until `clear_mm` outside of the surface, by bisection."""
    low, high = np.full(direction.shape[:-1], 30.0), np.full(direction.shape[:-1], most)
    for _ in range(9):
        middle = (low + high) / 2
        points = centre + direction * middle[..., None]
        inside = field.at(points.reshape(-1, 3))[:, 0].reshape(middle.shape) < clear_mm
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return (low + high) / 2


def _pushed(rows, out_mm):
    outward = (rows - CENTRE) * [1, 0, 1]
    return rows + outward / np.linalg.norm(outward, axis=-1, keepdims=True) * out_mm


def _visor(rim, turn, hat, color):
    """A curved peak over the brow."""
    wide = np.where(turn > np.pi, turn - 2 * np.pi, turn)
    order = np.argsort(wide)
    kept = order[np.abs(wide[order]) < 1.05]
    x = np.clip(wide[kept] / 1.05, -1, 1)
    rows = []
    for share in np.linspace(0, 1, 5):
        out = hat.brim_mm * share * np.sqrt(1 - np.abs(x) ** 3)
        rows.append(rim[kept] + np.column_stack([0.12 * out * x, -0.22 * out - 9 * share * x**2,
                                                 out]))  # fmt: skip
    return strip(np.stack(rows), color, "hat", closed=False, two_sided=True)


def _brim(rim, turn, hat, color):
    outward = np.stack([np.sin(turn), np.zeros(AROUND), np.cos(turn)], axis=-1)
    rows = [rim + outward * hat.brim_mm * share - [0, 14 * share**2, 0]
            for share in np.linspace(0, 1, 5)]  # fmt: skip
    return strip(np.stack(rows), color, "hat", closed=True, two_sided=True)


def _scarf(hat, field):
    """Cloth around the face: over hair, ears and throat, down onto the shoulders."""
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)  # about the view axis, from the top
    share = np.linspace(0, 1, 14)[:, None]
    # The opening's angle from straight ahead: wider to forehead and chin than to the sides.
    opening = np.radians(57 + 3 * np.abs(np.cos(turn)) + 4 * np.clip(-np.cos(turn), 0, 1))
    opening = opening + np.radians(0.25 * hat.low_mm) * -np.clip(np.cos(turn), 0, 1)
    polar = opening + (np.pi - 0.02 - opening) * share
    direction = np.stack([np.sin(polar) * -np.sin(turn), np.sin(polar) * np.cos(turn),
                          np.cos(polar)], axis=-1)  # fmt: skip
    reach = _reach(field, FACE_CENTRE, direction, 8.0, 185.0)
    reach[0] -= 5.0  # the edge lies on the skin
    points = FACE_CENTRE + direction * reach[..., None]
    folds = 1 + 0.15 * np.sin(9 * turn + 6 * share) * np.minimum(share * 4, 1)
    color = np.asarray(hat.color) * folds[..., None]
    return strip(points, color, "hat", closed=True, two_sided=True)
