"""The brushes that paint a texture page: compiled loops over its texels, and the colour of skin.

Every brush paints in place on `page`, (H, W, 3) float32 linear RGB; masks, distances and grain are
(h, w) float32 and cover the page's first h rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Skin's colour model: a pale base behind two dyes (after the two pigments of Tsumura 1999), the
# range of photographs, by eye. `complexion` has the fine painter's own dyes.
PLAIN_PALE = np.array([0.88, 0.68, 0.56], np.float32)
PLAIN_MELANIN = np.array([2.1, 2.8, 3.2], np.float32)
PLAIN_BLOOD = np.array([0.12, 0.62, 0.55], np.float32)
BROW_REACH_MM = 9  # largest half thickness of a brow
BROW_EDGE_MM = 1.6  # over which a brow's edge fades
BROW_AT_EDGE = 0.3  # its opacity at half its thickness
BROW_RAGGED = np.float32(0.7)  # of the person's raggedness, mm
HAIR_RAGGED_MM = np.float32(1.5)
HAIR_EDGE_PER_MM = np.float32(0.2)  # how fast the hairline fades
STRAND_CONTRAST = np.float32(0.14)  # between strands of painted hair


def plain_skin_color(melanin: np.ndarray, blood: np.ndarray) -> np.ndarray:
    """Colour of skin behind two dyes: PLAIN_PALE · exp(−PLAIN_MELANIN·m − PLAIN_BLOOD·b).

    Args:
        melanin: (...) float32, about 0..1.
        blood: (...) float32, about 0..1.

    Returns:
        (..., 3) float32, linear RGB.
    """
    return PLAIN_PALE * np.exp(-PLAIN_MELANIN * melanin[..., None] - PLAIN_BLOOD * blood[..., None])


@njit(cache=True)
def blend(page, mask, color):
    """Blend a colour over the page: page ← page + (colour − page)·mask·opacity."""
    for row in range(mask.shape[0]):
        for col in range(mask.shape[1]):
            share = mask[row, col] * color[3]
            if share > 0:
                for k in range(3):
                    page[row, col, k] += (color[k] - page[row, col, k]) * share


@njit(cache=True)
def paint_brow(page, brow_mm, taper, grain, brow, color):
    """Hairs around the brow's line; brow = opacity, half thickness mm, raggedness mm."""
    ragged, soft = BROW_RAGGED * brow[2], np.float32(1 / BROW_EDGE_MM)
    start = np.float32(BROW_AT_EDGE)
    for row in range(brow_mm.shape[0]):
        for col in range(brow_mm.shape[1]):
            if brow_mm[row, col] > BROW_REACH_MM:
                continue
            edge = brow[1] * taper[row, col] - brow_mm[row, col] + ragged * grain[row, col]
            share = brow[0] * min(max(edge * soft + start, np.float32(0)), np.float32(1))
            for k in range(3):
                page[row, col, k] += (color[k] - page[row, col, k]) * share


@njit(cache=True)
def paint_beard(page, mask, grain, beard, color):
    """A shadow partly made of single hairs; beard = opacity, share of hairs."""
    for row in range(mask.shape[0]):
        for col in range(mask.shape[1]):
            hairs = min(max(grain[row, col] + np.float32(0.5), np.float32(0)), np.float32(1))
            share = mask[row, col] * beard[0] * (1 - beard[1] + beard[1] * hairs)
            if share > 0:
                for k in range(3):
                    page[row, col, k] += (color[k] - page[row, col, k]) * np.float32(share)


@njit(cache=True)
def paint_cap(page, hairline_mm, grain, cap, color):
    """Hair with a noisy edge; cap = opacity, recession of the hairline, mm."""
    for row in range(hairline_mm.shape[0]):
        for col in range(hairline_mm.shape[1]):
            inside = hairline_mm[row, col] - cap[1] + HAIR_RAGGED_MM * grain[row, col]
            share = min(
                max(inside * HAIR_EDGE_PER_MM + np.float32(0.5), np.float32(0)), np.float32(1)
            )
            if share > 0:
                strand = np.float32(1) + STRAND_CONTRAST * grain[row, col]
                for k in range(3):
                    page[row, col, k] += (color[k] * strand - page[row, col, k]) * share * cap[0]


@njit(cache=True)
def dye_page(smooth, lips, freckles, grain, sharp, out):
    """Enlarge the smooth skin, given at half size, and add the sharp dyes.

    sharp = melanin of the lips, their blood, melanin of freckles and of the grain. exp(−x) is
    computed as 1 / (1 + x + x²/2), 5 times as fast and accurate enough for small x.
    """
    height, width = lips.shape
    half_h, half_w = smooth.shape[:2]
    one, half = np.float32(1), np.float32(0.5)
    near, far = np.float32(0.25), np.float32(0.75)
    for row in range(height):
        top = max((row - 1) // 2, 0)
        bottom = min(top + 1, half_h - 1)
        fy = near if row % 2 else (far if row else np.float32(0))
        for col in range(width):
            left = max((col - 1) // 2, 0)
            right = min(left + 1, half_w - 1)
            fx = near if col % 2 else (far if col else np.float32(0))
            m = lips[row, col] * sharp[0] + freckles[row, col] * sharp[2]
            m += grain[row, col] * sharp[3] * half
            h = lips[row, col] * sharp[1]
            for k in range(3):
                x = PLAIN_MELANIN[k] * m + PLAIN_BLOOD[k] * h
                upper = smooth[top, left, k] + (smooth[top, right, k] - smooth[top, left, k]) * fx
                lower = smooth[bottom, left, k]
                lower += (smooth[bottom, right, k] - lower) * fx
                out[row, col, k] = (upper + (lower - upper) * fy) / (one + x + half * x * x)
