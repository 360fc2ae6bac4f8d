"""Caps, beanies, brimmed hats and headscarves: shells around the mean head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facelib.synthetic.worn.distance_field import Grid
from facelib.synthetic.worn.garments import Garments, sewn, strip

HAT_KINDS = ("cap", "beanie", "brim", "scarf")
KIND_SHARES = (0.38, 0.27, 0.15, 0.2)
AROUND, RINGS, SCARF_RINGS, BRIM_RINGS = 40, 10, 14, 5  # points of a ring, and rings
CENTRE = np.array([0.0, 30.0, -8.0])  # mm, head frame: hats are shells around this point
FACE_CENTRE = np.array([0.0, -4.0, -4.0])  # the same for headscarves
CAP_MM = 12.0  # hair above this height is pressed flat under a hat
MOST_COLOR = 0.6  # linear RGB, of squares of even draws
PLAIN_SHARE, DARKER = 0.6, (0.6, 1)  # hats whose second colour is the first, and by what factor
LOW_MM, BRIM_MM = (-4, 10), (48, 78)


class Shell(NamedTuple):
    """A hat's dome, mm.

    Attributes:
        back_y_mm: height of the rim at the back, head frame.
        front_y_mm: at the front; brows end at 33, hair begins at about 85.
        tall_mm: height of its top above the head.
    """

    back_y_mm: float
    front_y_mm: float
    tall_mm: float


SHELLS = {
    "cap": Shell(14.0, 58.0, 8.0),
    "beanie": Shell(0.0, 52.0, 16.0),
    "brim": Shell(14.0, 58.0, 26.0),
}
CLEAR_MM = 9.0  # between head and hat
TOP_SHARE = 0.03  # of the distance from the top to the rim: the hole is too small to see
RIM_FAR_MM = 92.0  # about as far from CENTRE is the head where the rim lies
RIBS, KNIT_RIBS, RIB_DEPTH = 6, 20, 0.06  # seams that darken and lighten the cloth
FOLD_CLEAR_MM, FOLD_RINGS, FOLD_DOWN_MM = 12.5, 4, 1  # a beanie's
BAND_OUT_MM, BAND_RINGS = 1.5, 3  # the ribbon of a hat with a brim
BRIM_DROOP_MM = 14
VISOR_HALF = 1.05  # rad, from the middle to its ends
VISOR_POWER = 3  # of its outline
VISOR_FLARE, VISOR_DROP, VISOR_ARCH_MM = 0.12, -0.22, 9  # aside and down per mm out; its ends
REACH_MM, SCARF_REACH_MM = (30.0, 170.0), (30.0, 185.0)  # search ranges for surfaces
REACH_HALVINGS = 9


class ScarfTable(NamedTuple):
    """A headscarf; its opening is a cone around the view axis, angles in degrees."""

    opening: float = 57
    upright: float = 3  # wider to forehead and chin
    chin: float = 4  # and to the chin more
    per_low_mm: float = 0.25  # narrower at the forehead, per mm that it is pulled down
    last: float = 0.02  # rad, from straight back where it closes
    clear_mm: float = 8.0
    edge_in_mm: float = 5.0  # the edge lies on the skin
    folds: float = 9  # around
    fold_slant: float = 6
    fold_depth: float = 0.15
    fold_start: float = 4  # how fast folds begin behind the edge


SCARF = ScarfTable()


@dataclass(frozen=True)
class Hat:
    """A hat.

    Attributes:
        kind: one of `HAT_KINDS`.
        color: (3,) linear RGB.
        second: (3,) linear RGB of visor, fold or ribbon.
        low_mm: how far it is pulled down from the usual position.
        brim_mm: width of visor or brim.
    """

    kind: str = "cap"
    color: tuple[float, float, float] = (0.05, 0.06, 0.2)
    second: tuple[float, float, float] = (0.03, 0.03, 0.1)
    low_mm: float = 0.0
    brim_mm: float = 62.0

    def __post_init__(self) -> None:
        """Check the kind."""
        if self.kind not in HAT_KINDS:
            raise ValueError(f"expected a kind of {HAT_KINDS}, got {self.kind!r}")


def random_hat(rng: np.random.Generator, feminine: float = 0.5) -> Hat:
    """Draw a hat; headscarves are for women."""
    shares = np.array(KIND_SHARES) * [1, 1, 1, feminine]
    color = rng.random(3) ** 2 * MOST_COLOR
    if rng.random() < PLAIN_SHARE:
        second = color * rng.uniform(*DARKER)
    else:
        second = rng.random(3) ** 2 * MOST_COLOR
    return Hat(
        str(rng.choice(HAT_KINDS, p=shares / shares.sum())),
        tuple(float(v) for v in color),
        tuple(float(v) for v in second),
        float(rng.uniform(*LOW_MM)),
        float(rng.uniform(*BRIM_MM)),
    )


def make_hat(hat: Hat, field: Grid) -> Garments:
    """Make a hat around the mean head.

    Args:
        hat: which.
        field: distance to the head, mm.
    """
    if hat.kind == "scarf":
        return _scarf(hat, field)
    azimuth = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    front = 0.5 + 0.5 * np.cos(azimuth)
    shell = SHELLS[hat.kind]
    rim_y = shell.back_y_mm + (shell.front_y_mm - shell.back_y_mm) * front - hat.low_mm
    color, second = np.asarray(hat.color), np.asarray(hat.second)
    dome = _dome(field, azimuth, rim_y, CLEAR_MM, shell.tall_mm)
    ribs = KNIT_RIBS if hat.kind == "beanie" else RIBS
    stitched = 1 + RIB_DEPTH * np.cos(azimuth * ribs)[None, :, None]
    parts = [strip(dome, color * stitched, "hat", closed=True, two_sided=True)]
    if hat.kind == "beanie":
        fold = _dome(field, azimuth, rim_y - FOLD_DOWN_MM, FOLD_CLEAR_MM, SHELLS["cap"].tall_mm)
        parts.append(strip(fold[-FOLD_RINGS:], second * stitched, "hat", True, True))
    if hat.kind == "cap":
        parts.append(_visor(dome[-1], azimuth, hat, second))
    if hat.kind == "brim":
        parts.append(_brim(dome[-1], azimuth, hat, color))
        parts.append(strip(_pushed(dome[-BAND_RINGS:], BAND_OUT_MM), second, "hat", True))
    return sewn(parts)


def _dome(field, azimuth, rim_y, clear_mm, tall_mm):
    """(RINGS, AROUND, 3) from the top down to the rim, `clear_mm` outside of the head."""
    share = np.linspace(TOP_SHARE, 1, RINGS)[:, None]
    lowest = np.arctan2(rim_y - CENTRE[1], RIM_FAR_MM)
    elevation = np.pi / 2 + (lowest - np.pi / 2) * share
    flat = np.cos(elevation)
    direction = [flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)]
    direction = np.stack(direction, axis=-1)
    reach = _reach(field, CENTRE, direction, clear_mm, REACH_MM)
    points = CENTRE + direction * reach[..., None]
    points[..., 1] += tall_mm * np.sin(elevation).clip(0) ** 2
    return points


def _reach(field, centre, direction, clear_mm, range_mm):
    """Distance from the centre to `clear_mm` outside of the surface, by bisection."""
    low, high = (np.full(direction.shape[:-1], end) for end in range_mm)
    for _ in range(REACH_HALVINGS):
        middle = (low + high) / 2
        points = centre + direction * middle[..., None]
        inside = field.at(points.reshape(-1, 3))[:, 0].reshape(middle.shape) < clear_mm
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return (low + high) / 2


def _pushed(rows, out_mm):
    outward = (rows - CENTRE) * [1, 0, 1]
    return rows + outward / np.linalg.norm(outward, axis=-1, keepdims=True) * out_mm


def _visor(rim, azimuth, hat, color):
    """A curved peak over the brow."""
    aside = np.where(azimuth > np.pi, azimuth - 2 * np.pi, azimuth)
    order = np.argsort(aside)
    kept = order[np.abs(aside[order]) < VISOR_HALF]
    x = np.clip(aside[kept] / VISOR_HALF, -1, 1)
    rows = []
    for share in np.linspace(0, 1, BRIM_RINGS):
        out = hat.brim_mm * share * np.sqrt(1 - np.abs(x) ** VISOR_POWER)
        drop = VISOR_DROP * out - VISOR_ARCH_MM * share * x**2
        rows.append(rim[kept] + np.column_stack([VISOR_FLARE * out * x, drop, out]))
    return strip(np.stack(rows), color, "hat", closed=False, two_sided=True)


def _brim(rim, azimuth, hat, color):
    """A brim all around, drooping toward its edge."""
    outward = np.stack([np.sin(azimuth), np.zeros(AROUND), np.cos(azimuth)], axis=-1)
    rows = [
        rim + outward * hat.brim_mm * share - [0, BRIM_DROOP_MM * share**2, 0]
        for share in np.linspace(0, 1, BRIM_RINGS)
    ]
    return strip(np.stack(rows), color, "hat", closed=True, two_sided=True)


def _scarf(hat, field):
    """Cloth around the face: over hair, ears and throat, down onto the shoulders."""
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)  # about the view axis, from the top
    up = np.cos(angle)
    share = np.linspace(0, 1, SCARF_RINGS)[:, None]
    opening = SCARF.opening + SCARF.upright * np.abs(up) + SCARF.chin * np.clip(-up, 0, 1)
    opening = np.radians(opening) + np.radians(SCARF.per_low_mm * hat.low_mm) * -np.clip(up, 0, 1)
    polar = opening + (np.pi - SCARF.last - opening) * share
    direction = np.stack([np.sin(polar) * -np.sin(angle), np.sin(polar) * up, np.cos(polar)], -1)
    reach = _reach(field, FACE_CENTRE, direction, SCARF.clear_mm, SCARF_REACH_MM)
    reach[0] -= SCARF.edge_in_mm
    points = FACE_CENTRE + direction * reach[..., None]
    waves = np.sin(SCARF.folds * angle + SCARF.fold_slant * share)
    folds = 1 + SCARF.fold_depth * waves * np.minimum(share * SCARF.fold_start, 1)
    color = np.asarray(hat.color) * folds[..., None]
    return strip(points, color, "hat", closed=True, two_sided=True)
