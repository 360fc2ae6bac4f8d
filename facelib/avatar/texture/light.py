"""Light evened: between the photos, and between both sides of a face.

Light on skin is smooth: nine numbers describe it (`synthetic.light.spherical_harmonics`). So the
log of a photo's brightness is taken as that of the skin plus Σ a_k Y_k(n), with n the normal. The
a_k make the photos equal where both show a texel, and both halves of a face equal, since skin is
nearly symmetric and light is not. What both leave open, the light that all photos share, stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facelib.avatar.texture.bands import enlarged, reduced
from facelib.synthetic.light.spherical_harmonics import basis

DARKEST = 4.0  # of 255
RIDGE = 12.0  # how far light counts as even, in texels of a page of 64
# The same for the brightness and colour of a photo, and of the one that keeps them.
LOOSE, FIXED = 0.1, 1e4
SYMMETRY = 0.5  # weight of a pair of mirrored texels against one that two photos show
OUTLIER = 0.15  # of a log, beyond which a difference is the skin's own, not the light's
N_ROUNDS = 4
MOST = 1.2  # largest log of a gain
LEAST_SEEN = 0.02


def evening_gains(
    pages: Sequence[np.ndarray],
    quality: np.ndarray,
    normals: Sequence[np.ndarray],
    reference: int = 0,
) -> list[np.ndarray]:
    """Find a factor per texel and channel for each photo that evens its light.

    Args:
        pages: K of (512, 512, 3) float32, 1..255.
        quality: (K, 512, 512) float32: how far a texel counts; 0 where it is not seen.
        normals: K of (512, 512, 3) float32, unit or 0, head frame, with the photo's expression.
        reference: the photo that keeps its brightness and colour.

    Returns:
        K of (512, 512, 3) float32; multiply them with the pages.
    """
    weights = np.stack([_small(each) for each in quality])
    small = [
        _small(page * rate[..., None]) / np.maximum(weight, 1e-6)[..., None]
        for page, rate, weight in zip(pages, quality, weights, strict=True)
    ]
    logs = [np.log(np.maximum(page, DARKEST)) for page in small]
    harmonics = [basis(_unit(_small(each))) for each in normals]
    rows, values, shares = _equations(logs, weights, harmonics)
    # Within a photo, light differs in brightness more than in colour: nine numbers for the
    # brightness, and one a channel for the colour of all of it.
    grey = values.mean(axis=1)
    loose = np.tile([LOOSE] + [RIDGE] * 8, len(pages))
    loose[9 * reference] = FIXED
    numbers = _solve(rows, grey, shares, loose).reshape(-1, 9, 1).repeat(3, axis=2)
    for channel in range(3):
        own = values[:, channel] - grey
        numbers[:, 0, channel] += _solve(rows[:, ::9], own, shares, loose[::9])
    return [_gains(each, own) for each, own in zip(normals, numbers, strict=True)]


def _gains(normals: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    logs = basis(_unit(reduced(reduced(normals)))) @ numbers
    return enlarged(enlarged(np.exp(np.clip(logs, -MOST, MOST)).astype(np.float32)))


def _small(page: np.ndarray) -> np.ndarray:
    """Shrink a page of 512 texels to one of 64."""
    return reduced(reduced(reduced(page)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)


def _equations(
    logs: Sequence[np.ndarray], weights: np.ndarray, harmonics: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pair texels that should be equal: rows (n, 9 K), differences of logs (n, 3), weights (n,)."""
    count = len(logs)
    rows, values, shares = [], [], []

    def pair(a, b, log_b, harmonics_b, weight):
        at = weight > LEAST_SEEN
        row = np.zeros((at.sum(), count, 9))
        row[:, a] += harmonics[a][at]
        row[:, b] -= harmonics_b[at]
        rows.append(row.reshape(-1, 9 * count))
        values.append((log_b - logs[a])[at])
        shares.append(weight[at])

    for a in range(count):
        flip = np.s_[:, ::-1]
        halves = np.sqrt(weights[a] * weights[a][flip]) * SYMMETRY
        halves[:, halves.shape[1] // 2 :] = 0  # each pair once
        pair(a, a, logs[a][flip], harmonics[a][flip], halves)
        for b in range(a + 1, count):
            pair(a, b, logs[b], harmonics[b], np.sqrt(weights[a] * weights[b]))
    return np.concatenate(rows), np.concatenate(values), np.concatenate(shares)


def _solve(
    rows: np.ndarray, values: np.ndarray, shares: np.ndarray, ridge: np.ndarray
) -> np.ndarray:
    """Robust least squares, rows @ found = values, that pulls found[k] to 0 by ridge[k]."""
    ridge = np.diag(ridge)
    found = np.zeros(len(ridge))
    for _ in range(N_ROUNDS):
        robust = shares / (1 + ((rows @ found - values) / OUTLIER) ** 2)
        square = rows.T @ (rows * robust[:, None])
        found = np.linalg.solve(square + ridge, rows.T @ (robust * values))
    return found
