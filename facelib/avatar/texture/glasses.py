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
    found, seen = np.zeros(rated.shape, bool), rated > 0
    if not any(map(_shows_bridge, colors, seen)):
        return found
    near = box_mean(np.float32(maps["eyes"] > 0), AROUND_TEXELS) > 0
    rows, columns = (np.flatnonzero(near.any(axis=axis)) for axis in (1, 0))
    cut = tuple(slice(at[0] - MARGIN, at[-1] + MARGIN) for at in (rows, columns))
    near, bare = near[cut], maps["features"][cut] < FEATURE
    for color, shown, out in zip(colors, seen, found, strict=True):
        tones, place = log_tones(color[cut]) / UNIT, near & shown[cut]
        if not (place & bare).any():
            continue
        brighter = tones[..., 0] > np.median(tones[place & bare, 0])  # than brows are
        lines = place & (bare | brighter) & (_line_contrast(tones) > LINE)
        out[cut] = box_mean(np.float32(lines), WIDER_TEXELS) > 0
    return found


def _shows_bridge(color: np.ndarray, seen: np.ndarray) -> bool:
    if seen[BRIDGE_ROWS, BRIDGE_COLUMNS].mean() < BRIDGE_SEEN:
        return False
    reach = max(THIN_TEXELS)
    rows = slice(BRIDGE_ROWS.start - reach, BRIDGE_ROWS.stop + reach)
    tones = np.median(log_tones(color[rows, BRIDGE_COLUMNS]) / UNIT, axis=1, keepdims=True)
    return bool(_contrast(tones, (1, 0))[reach:-reach].max() > BRIDGE)


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
