"""What the fit assumes about the errors of the points in one photo.

In units of its deviations, and along the axes of its covariance, point i has the error

    e_i = offset_i + slope_i (x − x̄) + Σ_m patterns_im a_m + own part,

with x the head's coefficients, x̄ their mean in the prior and a standard normal numbers, which the
fit estimates along with the head. A network that is unsure answers with what is common. Its points
lie between the truth and the mean head, so slope is about −1 times what x does to the points, times
the part of it that the network misses.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.seen import SeenPoints

LEAST_OWN = 0.02  # independent part of an error's variance; 0 would give infinite weight


@dataclass(frozen=True)
class PhotoErrors:
    """The errors of N points in one photo, in standard deviations; see the equation above.

    Attributes:
        offset: (N, 2), the mean error.
        slope: (N, 2, C), its change per unit of each coefficient.
        patterns: (N, 2, M), of errors that points share.
        own: (N, 2), the variance of what is independent.
    """

    offset: np.ndarray
    slope: np.ndarray
    patterns: np.ndarray
    own: np.ndarray

    def of_points(self, chosen: np.ndarray) -> PhotoErrors:
        """Return the errors of some of the points, by number or mask."""
        return PhotoErrors(*(getattr(self, field.name)[chosen] for field in fields(self)))


class ErrorModel(Protocol):
    """What describes the errors of the points in any photo."""

    @property
    def agree_above(self) -> float:
        """Log odds, nats, above which two photos count as one person's, see `fit.agreement`."""

    @property
    def too_sure(self) -> float:
        """By how much heads are more wrong than a fit with this model expects."""

    def in_photo(self, seen: SeenPoints, prior: HeadPrior) -> PhotoErrors:
        """Describe the errors of the points seen in one photo."""


def upright_root(
    places_image: np.ndarray, covariance_px2: np.ndarray, mean_points_head: np.ndarray
) -> np.ndarray:
    """Return roots L of covariances, L Lᵀ, whose axes follow the roll of the face.

    The axes make errors of tilted faces comparable with those of upright ones: the roll is that of
    the similarity that best maps the mean head, seen from the front, to the points.

    Args:
        places_image: (N, 2) px.
        covariance_px2: (N, 2, 2).
        mean_points_head: (N, 3) mm.
    """
    upright, seen = mean_points_head[:, :2] @ [1, -1j], places_image @ [1, 1j]
    roll = np.angle(np.vdot(upright - upright.mean(), seen))
    cos, sin = np.cos(roll), np.sin(roll)
    to_image = np.array([[cos, -sin], [sin, cos]])
    return to_image @ np.linalg.cholesky(to_image.T @ covariance_px2 @ to_image)
