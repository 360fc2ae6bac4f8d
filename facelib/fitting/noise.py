"""Correlated errors: a network with an error at one point has a similar one around it.

The error of point i is σᵢ times a sum of two parts, an own one of variance 1 − share, and one of
variance share that changes smoothly over the face: two points h mm apart share exp(−h² / 2 reach²)
of it. The smooth part is a few patterns times standard normal numbers (Karhunen-Loève), which the
fit estimates along with the head. Without it, 600 points would count as 600 independent ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.photo_errors import LEAST_OWN, PhotoErrors
from facelib.fitting.seen import SeenPoints, blended

SHARES, REACHES_MM = np.linspace(0, 1, 51), np.geomspace(5, 80, 25)
KEPT = 0.02  # patterns with a smaller part of the smooth variance count as independent errors
PAIRS = 20_000  # of points, enough to estimate the correlation


@dataclass(frozen=True)
class SharedNoise:
    """The correlation of neighbours' errors: share of the variance, 0..1, and reach, mm."""

    share: float = 0.0
    reach_mm: float = 20.0
    too_sure = 1.0
    agree_above = 0.0  # even odds, which is where the threshold belongs if the model is right

    def in_photo(self, seen: SeenPoints, prior: HeadPrior) -> PhotoErrors:
        """Describe the errors of the points in one photo: the same patterns along x and y."""
        smooth = self.patterns(blended(seen, prior.mean_head))
        (n_points, count), n_coefficients = smooth.shape, len(prior.likeliest)
        patterns = np.zeros((n_points, 2, 2 * count))
        patterns[:, 0, :count] = patterns[:, 1, count:] = smooth
        return PhotoErrors(
            np.zeros((n_points, 2)),
            np.zeros((n_points, 2, n_coefficients)),
            patterns,
            np.maximum(1 - np.square(patterns).sum(axis=2), LEAST_OWN),
        )

    def patterns(self, points_head: np.ndarray) -> np.ndarray:
        """Return (N, M) patterns over (N, 3) points, mm: the smooth part is patterns · normal."""
        if self.share == 0:
            return np.zeros((len(points_head), 0))
        points = np.ascontiguousarray(points_head, np.float64)
        return np.sqrt(self.share) * _patterns(points.tobytes(), self.reach_mm)

    @classmethod
    def measured(cls, errors: np.ndarray, points_head: np.ndarray) -> SharedNoise:
        """Find share and reach by least squares from the products of errors at pairs of points.

        Args:
            errors: (S, N, 2), found minus true positions in S photos, over their deviations.
            points_head: (N, 3) mm.
        """
        first, second = np.random.default_rng(0).integers(len(points_head), size=(2, PAIRS))
        first, second = first[first != second], second[first != second]
        products = (errors[:, first] * errors[:, second]).mean(axis=(0, 2))
        squares = np.square(points_head[first] - points_head[second]).sum(axis=1)
        products = products / np.square(errors).mean()
        misfits = [
            [np.square(products - share * kernel).sum() for share in SHARES]
            for kernel in (np.exp(-squares / (2 * reach**2)) for reach in REACHES_MM)
        ]
        reach, share = np.unravel_index(np.argmin(misfits), (len(REACHES_MM), len(SHARES)))
        return cls(float(SHARES[share]), float(REACHES_MM[reach]))


@lru_cache(maxsize=16)  # a network finds the same points in every photo
def _patterns(points_head: bytes, reach_mm: float) -> np.ndarray:
    points = np.frombuffer(points_head).reshape(-1, 3)
    squares = np.square(points[:, None] - points).sum(axis=2)
    sizes, directions = np.linalg.eigh(np.exp(-squares / (2 * reach_mm**2)))
    kept = sizes > KEPT * sizes.sum()
    return np.sqrt(sizes[kept]) * directions[:, kept]
