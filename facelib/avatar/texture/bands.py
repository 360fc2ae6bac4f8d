"""Pyramids on the page: blending by bands of frequency, and filling of gaps.

A pyramid halves a picture by means of 2 × 2 texels and enlarges it bilinearly. The page's left and
right borders meet at the back of the head, so columns wrap around; rows repeat at their ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_SHARE = 1e-6


def reduced(page: np.ndarray) -> np.ndarray:
    """Halve a page (2h, 2w, …): the mean of each 2 × 2 texels."""
    rows = page[0::2] + page[1::2]
    return (rows[:, 0::2] + rows[:, 1::2]) * np.float32(0.25)


def enlarged(page: np.ndarray) -> np.ndarray:
    """Double a page (h, w, …) float32 bilinearly; texels keep their places on the head."""
    rows, columns = page.shape[:2]
    near, far = np.float32(0.75), np.float32(0.25)
    tall = np.empty((2 * rows, *page.shape[1:]), np.float32)
    main = page * near
    tall[0::2], tall[1::2] = main, main
    page = page * far
    tall[2::2] += page[:-1]
    tall[0] += page[0]
    tall[1:-1:2] += page[1:]
    tall[-1] += page[-1]
    wide = np.empty((2 * rows, 2 * columns, *page.shape[2:]), np.float32)
    main = tall * near
    tall *= far
    wide[:, 0::2], wide[:, 1::2] = main, main
    wide[:, 2::2] += tall[:, :-1]
    wide[:, 0] += tall[:, -1]
    wide[:, 1:-1:2] += tall[:, 1:]
    wide[:, -1] += tall[:, 0]
    return wide


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


def blended_by_bands(
    pages: Sequence[np.ndarray], shares: np.ndarray, n_levels: int = 6
) -> np.ndarray:
    """Blend pages band by band (Burt and Adelson 1983).

    Fine detail changes from one page to the next over a few texels, as `shares` does; coarser
    colours change over as many texels of a coarser level. So no seam shows, and no detail is there
    twice.

    Args:
        pages: K of (h, w, C) float32, complete: continue them with `filled` first.
        shares: (K, h, w) float32, summing to 1.
        n_levels: number of bands, sides divisible by 2^n_levels.

    Returns:
        (h, w, C) float32.
    """
    if n_levels == 0:
        return sum(page * share[..., None] for page, share in zip(pages, shares, strict=True))
    coarse = [reduced(page) for page in pages]
    coarse_shares = np.stack([reduced(share) for share in shares])
    blended = enlarged(blended_by_bands(coarse, coarse_shares, n_levels - 1))
    for page, low, share in zip(pages, coarse, shares, strict=True):
        if share.max() > 0:
            detail = page - enlarged(low)
            detail *= share[..., None]
            blended += detail
    return blended
