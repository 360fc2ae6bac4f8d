"""The answer of a network that finds points in photos, in pixels; it needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facelib.face.dense_points import load_dense_points


@dataclass(frozen=True)
class FoundPoints:
    """The points of `face.dense_points` in B photos.

    Attributes:
        places: (B, P, 2) float64 px, x right, y down from the centre of the photo's first pixel.
        covariances: (B, P, 2, 2) float64 px², of the error of each place.
        visibility: (B, P) float64 in 0..1, the probability that the photo shows the point.
    """

    places: np.ndarray
    covariances: np.ndarray
    visibility: np.ndarray

    @classmethod
    def from_outputs(
        cls, places: np.ndarray, root: np.ndarray, visibility: np.ndarray
    ) -> FoundPoints:
        """Convert a network's float32 outputs, where the root (B, P, 3) is in 1 / px."""
        # Inverted in double precision: points on an outline have nearly singular covariances.
        found = places.astype(np.float64), covariance(root.astype(np.float64))
        return cls(*found, visibility.astype(np.float64))

    def mirrored(self, width: int) -> FoundPoints:
        """Return the points in the mirror images of the photos, which are `width` px wide."""
        twin = load_dense_points().mirror
        return FoundPoints(
            self.places[:, twin] * [-1, 1] + [width - 1, 0],
            self.covariances[:, twin] * [[1, -1], [-1, 1]],
            self.visibility[:, twin],
        )


def find_in_both_mirrors(
    find: Callable[[np.ndarray], FoundPoints], photos: np.ndarray
) -> FoundPoints:
    """Average what a network finds in photos and in their mirror images.

    No photo is known to be the mirrored one, so an answer should not depend on it. The mean is also
    more precise, because some errors differ. They are not independent: the covariance stays.

    Args:
        find: finds the points in photos.
        photos: (B, S, S, 3) float32, 0..1.
    """
    found, other = find(photos), find(photos[:, :, ::-1]).mirrored(photos.shape[2])
    return FoundPoints(
        (found.places + other.places) / 2,
        (found.covariances + other.covariances) / 2,
        (found.visibility + other.visibility) / 2,
    )


def covariance(root: np.ndarray) -> np.ndarray:
    """Return the covariances (…, 2, 2), (L Lᵀ)⁻¹, of (…, 3) roots: see `precision`."""
    a, b, c = np.moveaxis(root, -1, 0)
    # L⁻ᵀ = ((1 / a, −c / ab), (0, 1 / b)), and the covariance is L⁻ᵀ L⁻¹.
    x, y, xy = 1 / a, 1 / b, -c / (a * b)
    rows = np.stack([x * x + xy * xy, xy * y, xy * y, y * y], axis=-1)
    return rows.reshape(*rows.shape[:-1], 2, 2)
