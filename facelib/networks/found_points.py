"""The answer of a network that finds points in photos, in pixels; it needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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


def covariance(root: np.ndarray) -> np.ndarray:
    """Return the covariances (…, 2, 2), (L Lᵀ)⁻¹, of (…, 3) roots: see `precision`."""
    a, b, c = np.moveaxis(root, -1, 0)
    # L⁻ᵀ = ((1 / a, −c / ab), (0, 1 / b)), and the covariance is L⁻ᵀ L⁻¹.
    x, y, xy = 1 / a, 1 / b, -c / (a * b)
    rows = np.stack([x * x + xy * xy, xy * y, xy * y, y * y], axis=-1)
    return rows.reshape(*rows.shape[:-1], 2, 2)
