"""Pyramids on the page: blending by bands of frequency, and filling of gaps.

A pyramid halves a picture by means of 2 × 2 texels and enlarges it bilinearly. The page's left and
right borders meet at the back of the head, so columns wrap around; rows repeat at their ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from facelib.files.kernels import kernel

LEAST_SHARE = 1e-6


def reduced(page: np.ndarray) -> np.ndarray:
    """Halve a page (2h, 2w, …) float32: the mean of each 2 × 2 texels."""
    rows, columns, *channels = page.shape
    out = np.empty((rows // 2, columns // 2, *channels), np.float32)
    _reduce(_flat(page), _flat(out), math.prod(channels), np.empty(out[0].size * 2, np.float32))
    return out


def enlarged(page: np.ndarray) -> np.ndarray:
    """Double a page (h, w, …) float32 bilinearly; texels keep their places on the head."""
    rows, columns, *channels = page.shape
    out = np.empty((2 * rows, 2 * columns, *channels), np.float32)
    _enlarge(_flat(page), _flat(out), math.prod(channels), np.empty(page[0].size, np.float32))
    return out


def _flat(page: np.ndarray) -> np.ndarray:
    """Return a page (h, w, …) as (h, w · C)."""
    return np.ascontiguousarray(page, np.float32).reshape(len(page), -1)


@kernel()
def _reduce(page, out, channels, line):
    """Halve a page (2h, 2w · C); `line` is room for one of its rows."""
    quarter = np.float32(0.25)
    for row in range(out.shape[0]):
        upper, lower = page[2 * row], page[2 * row + 1]
        for k in range(len(line)):
            line[k] = upper[k] + lower[k]
        for start in range(0, out.shape[1], channels):
            left, right = line[2 * start :], line[2 * start + channels :]
            mean = out[row, start:]
            for k in range(channels):
                mean[k] = (left[k] + right[k]) * quarter


@kernel()
def _enlarge(page, out, channels, line):
    """Double a page (h, w · C); `line` is room for one of its rows."""
    rows, width = page.shape
    near, far = np.float32(0.75), np.float32(0.25)
    for row in range(out.shape[0]):
        this, next_row = row // 2, row // 2 + (1 if row % 2 else -1)
        nearest, next_one = page[this], page[min(max(next_row, 0), rows - 1)]
        for k in range(width):
            line[k] = near * nearest[k] + far * next_one[k]
        for start in range(0, width, channels):
            left = line[start - channels if start > 0 else width - channels :]
            right = line[start + channels if start + channels < width else 0 :]
            middle, first, second = (
                line[start:],
                out[row, 2 * start :],
                out[row, 2 * start + channels :],
            )
            for k in range(channels):
                first[k] = near * middle[k] + far * left[k]
                second[k] = near * middle[k] + far * right[k]


def filled(page: np.ndarray, share: np.ndarray, far: np.ndarray | None = None) -> np.ndarray:
    """Continue a page smoothly into its gaps: push-pull (Gortler and others 1996).

    Going up, each level averages what its texels know; going down, each texel takes what it lacks
    from the level above.

    Args:
        page: (h, w, C) float32; h and w are the same power of 2.
        share: (h, w) float32 in 0..1: how far each texel is known.
        far: (C,) the colour far from all that is known; by default the mean of all that is.

    Returns:
        (h, w, C) float32: the page where share is 1, continued elsewhere.
    """
    share = share[..., None]
    known = page * share
    if len(page) <= (1 if far is None else 4):
        if far is None:
            return known / np.maximum(share, LEAST_SHARE)
        return known + (1 - share) * np.asarray(far, np.float32)
    weights = reduced(share)
    above = reduced(known) / np.maximum(weights, LEAST_SHARE)
    above = filled(above, np.minimum(4 * weights[..., 0], 1), far)
    return known + enlarged(above) * (1 - share)


def pyramid(page: np.ndarray, n_levels: int) -> list[np.ndarray]:
    """Split a page into bands of frequency: a Laplacian pyramid.

    Args:
        page: (h, w, C) float32, sides divisible by 2^n_levels.
        n_levels: number of bands of detail.

    Returns:
        The detail of each level, the finest first, and the page that remains.
    """
    bands = []
    for _ in range(n_levels):
        low = reduced(page)
        bands.append(page - enlarged(low))
        page = low
    return [*bands, page]


def blended_by_bands(pyramids: Sequence[Sequence[np.ndarray]], shares: np.ndarray) -> np.ndarray:
    """Blend pages band by band (Burt and Adelson 1983).

    Fine detail changes from one page to the next over a few texels, as `shares` does; coarser
    colours change over as many texels of a coarser level. So no seam shows, and no detail is there
    twice.

    Args:
        pyramids: of K pages (h, w, C), complete: continue them with `filled` first.
        shares: (K, h, w) float32, summing to 1.

    Returns:
        (h, w, C) float32.
    """
    shares_of_levels = [shares]
    for _ in pyramids[0][1:]:
        shares_of_levels.append(np.stack([reduced(each) for each in shares_of_levels[-1]]))
    *finer, coarsest = zip(zip(*pyramids, strict=True), shares_of_levels, strict=True)
    blended = _mixed(*coarsest)
    for bands, weights in reversed(finer):
        blended = enlarged(blended) + _mixed(bands, weights)
    return blended


def _mixed(bands: Sequence[np.ndarray], shares: np.ndarray) -> np.ndarray:
    return sum(
        band * share[..., None] for band, share in zip(bands, shares, strict=True) if share.any()
    )
