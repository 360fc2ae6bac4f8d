"""Frames of glasses in the photos, so that no skin is painted with them.

The bridge gives glasses away: a line across the nose, between the eyes, where no wrinkle draws one
of such contrast. If a photo shows it, thin long lines around the eyes are frames; otherwise they
are wrinkles, which belong to the person.
"""

from __future__ import annotations

import numpy as np

from facelib.avatar.texture.tones import log_tones
from facelib.imaging.effects import box_mean

UNIT = np.float32([0.16, 0.06, 0.08])  # logs of brightness, red and blue that look equally strong
BRIDGE_ROWS, BRIDGE_COLUMNS = slice(183, 204), slice(251, 261)  # of a page of 512 texels
BRIDGE_SEEN = 0.5  # share of those texels that a photo must show
BRIDGE, LINE = 1.5, 1.0  # least contrast, in units
THIN_TEXELS = (4, 7)  # so far from its middle, on both sides, a line has ended
ALONG_TEXELS = range(-8, 9, 2)  # a line looks alike so far along it
N_DIRECTIONS = 8
AROUND_TEXELS, MARGIN = 8, 16  # reach of frames beyond lenses, and of lines
FEATURE = 0.5  # share of brows and lids from which lines are theirs
WIDER_TEXELS = 1  # by which the blur of frames reaches farther than their contrast


def frames(colors: np.ndarray, rated: np.ndarray, maps: dict[str, np.ndarray]) -> np.ndarray:
    """Find the frames of glasses in photos.

    Args:
        colors: (K, 512, 512, 3) float32, 0..255: the photos in evened light.
        rated: (K, 512, 512) float32, their quality; 0 where they show nothing.
        maps: of `paint.page_maps`.

    Returns:
        (K, 512, 512) bool; all False without glasses.
    """
    found = np.zeros(rated.shape, bool)
    tones, seen = log_tones(colors) / UNIT, rated > 0
    if not any(map(_shows_bridge, tones, seen)):
        return found
    near = box_mean(np.float32(maps["eyes"] > 0), AROUND_TEXELS) > 0
    at = np.flatnonzero(near.any(axis=1))
    rows = slice(at[0] - MARGIN, at[-1] + MARGIN)
    near, bare = near[rows], maps["features"][rows] < FEATURE
    for tone, shown, out in zip(tones[:, rows], seen[:, rows], found[:, rows], strict=True):
        skin = np.median(tone[near & bare & shown], axis=0) if (near & bare & shown).any() else 0
        lines = near & shown & (bare | (tone[..., 0] > skin[0])) & (_line_contrast(tone) > LINE)
        out[:] = box_mean(np.float32(lines), WIDER_TEXELS) > 0
    return found


def _shows_bridge(tones: np.ndarray, seen: np.ndarray) -> bool:
    if seen[BRIDGE_ROWS, BRIDGE_COLUMNS].mean() < BRIDGE_SEEN:
        return False
    profile = np.median(tones[:, BRIDGE_COLUMNS], axis=1, keepdims=True)
    return bool(_contrast(profile, (1, 0))[BRIDGE_ROWS].max() > BRIDGE)


def _line_contrast(tones: np.ndarray) -> np.ndarray:
    """(h, w) float32: how far the best line through a texel differs from both its sides."""
    best = np.zeros(tones.shape[:2], np.float32)
    for angle in np.pi * np.arange(N_DIRECTIONS) / N_DIRECTIONS:
        down, across = np.sin(angle), np.cos(angle)
        along = sum(_moved(tones, step * down, step * across) for step in ALONG_TEXELS)
        np.maximum(best, _contrast(along / len(ALONG_TEXELS), (across, -down)), out=best)
    return best


def _contrast(tones: np.ndarray, direction: tuple[float, float]) -> np.ndarray:
    """How far (h, w, 3) tones differ, alike, from those on both sides; direction: down, across."""
    best = np.zeros(tones.shape[:2], np.float32)
    for reach in THIN_TEXELS:
        one, other = (
            tones - _moved(tones, side * direction[0], side * direction[1])
            for side in (reach, -reach)
        )
        np.maximum(best, np.einsum("...k,...k->...", one, other), out=best)
    return np.sqrt(best)


def _moved(page: np.ndarray, down: float, across: float) -> np.ndarray:
    return np.roll(page, (round(down), round(across)), axis=(0, 1))
