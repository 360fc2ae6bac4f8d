"""What predicts the points of a photo, and weighs them: all that stays constant during a fit.

Arrays begin with an axis of B faces, whose photos have the same points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.photo_errors import ErrorModel, PhotoErrors, upright_root
from facelib.fitting.seen import SeenPoints, blended


@dataclass(frozen=True)
class PointModel:
    """One photo of each of B faces: where its points should be, and how wrong they may be.

    The P unknowns of a photo are its camera (7), the strengths of its M error patterns, and the C
    coefficients of the head in it. The points' errors are linear in all but the camera.

    Attributes:
        prior: the heads.
        places, visibility, slides: (B, N, 2) px, (B, N) and (B, N), as in `SeenPoints`.
        principal_px: (B, 2), NaN where it is unknown.
        mean_points: (B, N, 3) mm, the points on the mean head.
        basis: (B, N, 3, C) float32, mm per unit of a coefficient.
        whiten: (B, N, 2, 2) per px, the inverse of a root of the covariance of independent errors.
        offset, errors: (B, N, 2) and (B, N, 2, M + C), so that a point's error is offset + errors
            times the unknowns, in deviations of its independent error.
    """

    prior: HeadPrior
    places: np.ndarray
    visibility: np.ndarray
    slides: np.ndarray
    principal_px: np.ndarray
    mean_points: np.ndarray
    basis: np.ndarray
    whiten: np.ndarray
    offset: np.ndarray
    errors: np.ndarray

    @classmethod
    def of_photos(
        cls, photos: Sequence[SeenPoints], noise: ErrorModel, prior: HeadPrior
    ) -> PointModel:
        """Precompute the model from one photo of each face."""
        constants = [_constants(seen, noise.in_photo(seen, prior), prior) for seen in photos]
        return cls(prior, *map(np.stack, zip(*constants, strict=True)))

    @property
    def n_patterns(self) -> int:
        """M."""
        return self.errors.shape[-1] - self.basis.shape[-1]

    def of_faces(self, chosen: np.ndarray) -> PointModel:
        """Return the model of some of the faces, by number or mask."""
        return PointModel(self.prior, *(getattr(self, f.name)[chosen] for f in fields(self)[1:]))


def _constants(seen: SeenPoints, errors: PhotoErrors, prior: HeadPrior) -> tuple[np.ndarray, ...]:
    """Return the arrays of one photo, in the order of `PointModel`."""
    mean_points, own = blended(seen, prior.mean_head), np.sqrt(errors.own)
    root = upright_root(seen.places_image, seen.covariance_px2, mean_points) * own[:, None]
    principal_px = np.broadcast_to(np.array(seen.principal_px, float), 2)  # None becomes NaN
    offset = errors.offset - errors.slope @ prior.likeliest
    linear = np.concatenate([errors.patterns, errors.slope], axis=2) / own[..., None]
    return (
        *(seen.places_image, seen.visibility, seen.slides, principal_px),
        *(mean_points, blended(seen, prior.basis), np.linalg.inv(root), offset / own, linear),
    )
