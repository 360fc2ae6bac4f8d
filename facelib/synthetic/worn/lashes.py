"""Lashes: curved hairs along the lids, between the keypoints of the eyes."""

from __future__ import annotations

import numpy as np

from facelib.synthetic.looks.atlas import BROW_SHADE
from facelib.synthetic.worn.ribbons import Ribbons, even_lines

# iBUG keypoints of each lid from the nose to the temple.
UPPER_LIDS = ((39, 38, 37, 36), (42, 43, 44, 45))
LOWER_LIDS = ((39, 40, 41, 36), (42, 47, 46, 45))

# Directions are in lengths of a lash; a lid's keypoints are numbered from 0 at the nose to 3.
LASH_FROM_TO = (0.25, 3.0)
LASH_LENGTH, LASH_SPREAD = ((0, 1.5, 3), (0.7, 1, 1.1)), (0.75, 1.1)
LOWER_LASHES = 0.5  # their length and number over the upper ones'
LASH_POINTS, LASH_HALF_MM, LASH_GLOSS, LASH_SHADE = 4, (0.16, 0.06), 0.05, 0.5
LASH_NORMAL = (0.0, 0.3, 0.95)
OFF_LID_MM, LASH_OUT = 0.4, 0.8
FAN, FAN_MIDDLE = 0.9, 0.35  # sideways, per share of the lid from this share on
OPEN_LIDS = 0.3  # gap between an open eye's lids over its width
UPPER_RISE, UPPER_FALL, LOWER_RISE, DROP = 0.75, -0.45, -0.5, -0.2  # opened; closed; lower lid; all
UPPER_CURL, LOWER_CURL = 0.45, 0.1


def grow_lashes(
    keypoints_head: np.ndarray,
    upper_count: int,
    upper_mm: float,
    hair_color: tuple[float, float, float],
    rng: np.random.Generator,
) -> Ribbons:
    """Grow lashes on both eyes' lids.

    Args:
        keypoints_head: (68, 3) float, mm.
        upper_count: number of an upper lid's lashes; the lower lid's are fewer and shorter.
        upper_mm: length of the longest upper lashes; 0 for none.
        hair_color: (3,) linear RGB.
        rng: draws the variation from lash to lash.

    Returns:
        Ribbons on that face, head frame.
    """
    lines = [np.zeros((0, LASH_POINTS, 3))]
    for lids, share in ((UPPER_LIDS, 1.0), (LOWER_LIDS, LOWER_LASHES)):
        count, length_mm = int(upper_count * share), upper_mm * share
        if count and length_mm:
            lines += [_lid_lashes(keypoints_head, lid, count, length_mm, rng) for lid in lids]
    width = np.linspace(*LASH_HALF_MM, LASH_POINTS)
    color = np.asarray(hair_color) * (LASH_SHADE * BROW_SHADE)
    lines = np.concatenate(lines)
    return even_lines(lines, width, LASH_NORMAL, color, LASH_GLOSS, 1, "lashes")


def _lid_lashes(keypoints, lid, count, length_mm, rng):
    """Lashes of one lid: they fan out, and the upper ones sink as the eye closes."""
    upper = lid in UPPER_LIDS
    at = np.sort(rng.uniform(*LASH_FROM_TO, count))
    points, side = _cubic(at) @ keypoints[list(lid)], np.sign(keypoints[lid[0], 0])
    width = np.linalg.norm(keypoints[lid[3]] - keypoints[lid[0]])
    others = UPPER_LIDS + LOWER_LIDS
    twin = others[(others.index(lid) + 2) % 4]
    gap = abs(keypoints[list(lid[1:3]), 1].mean() - keypoints[list(twin[1:3]), 1].mean())
    opened = np.clip(gap / width / OPEN_LIDS, 0, 1)
    fan = (at / 3 - FAN_MIDDLE)[:, None] * np.array([side, 0.0, 0.0]) * FAN
    rise = UPPER_RISE * opened + UPPER_FALL if upper else LOWER_RISE
    s = np.linspace(0, 1, LASH_POINTS)[None, :, None]
    length = length_mm * np.interp(at, *LASH_LENGTH)
    length = (length * rng.uniform(*LASH_SPREAD, count))[:, None, None]
    curve = np.array([0, UPPER_CURL if upper else LOWER_CURL, 0])
    out = (fan + [0, rise + DROP, LASH_OUT])[:, None] * s + curve * s**2
    return points[:, None] + [0, 0, OFF_LID_MM] + out * length


def _cubic(at):
    """Weights of four points, numbered 0..3, in the cubic through them: (K, 4) at places (K,)."""
    weights = np.ones((len(at), 4))
    for own in range(4):
        for other in range(4):
            if other != own:
                weights[:, own] *= (at - other) / (own - other)
    return weights
