"""Pyramids on the page: blending by bands of frequency, and filling of gaps.

A pyramid halves a picture by means of 2 × 2 texels and enlarges it bilinearly. The page's left and
right borders meet at the back of the head, so columns wrap around; rows repeat at their ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

LEAST_SHARE = 1e-6


def reduced(page: np.ndarray) -> np.ndarray:
    """Halve a page (2h, 2w, …) float32: the mean of each 2 × 2 texels."""
    rows, columns, *channels = page.shape
    return _reduced(_flat(page)).reshape(rows // 2, columns // 2, *channels)


def enlarged(page: np.ndarray) -> np.ndarray:
    """Double a page (h, w, …) float32 bilinearly; texels keep their places on the head."""
    rows, columns, *channels = page.shape
    return _enlarged(_flat(page)).reshape(2 * rows, 2 * columns, *channels)


def _flat(page: np.ndarray) -> np.ndarray:
    """Return a page (h, w, …) as (h, w, C)."""
    return np.ascontiguousarray(page, np.float32).reshape(*page.shape[:2], -1)


@njit(cache=True, nogil=True)
def _reduced(page):
    rows, columns, channels = page.shape[0] // 2, page.shape[1] // 2, page.shape[2]
    quarter = np.float32(0.25)
    line = np.empty((2 * columns, channels), np.float32)
    out = np.empty((rows, columns, channels), np.float32)
    for row in range(rows):
        sums, upper, lower = line.ravel(), page[2 * row].ravel(), page[2 * row + 1].ravel()
        for k in range(len(sums)):
            sums[k] = upper[k] + lower[k]
        for col in range(columns):
            left, right, mean = line[2 * col], line[2 * col + 1], out[row, col]
            for k in range(len(mean)):
                mean[k] = (left[k] + right[k]) * quarter
    return out


@njit(cache=True, nogil=True)
def _enlarged(page):
    rows, columns, channels = page.shape
    near, far = np.float32(0.75), np.float32(0.25)
    line = np.empty((columns, channels), np.float32)
    out = np.empty((2 * rows, 2 * columns, channels), np.float32)
    for row in range(2 * rows):
        this, next_row = row // 2, row // 2 + (1 if row % 2 else -1)
        next_row = min(max(next_row, 0), rows - 1)
        sums, nearest, next_one = line.ravel(), page[this].ravel(), page[next_row].ravel()
        for k in range(len(sums)):
            sums[k] = near * nearest[k] + far * next_one[k]
        for col in range(columns):
            left = line[col - 1 if col > 0 else columns - 1]
            right = line[col + 1 if col + 1 < columns else 0]
            middle, first, second = line[col], out[row, 2 * col], out[row, 2 * col + 1]
            for k in range(len(middle)):
                first[k] = near * middle[k] + far * left[k]
                second[k] = near * middle[k] + far * right[k]
    return out


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
