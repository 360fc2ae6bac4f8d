"""The residuals of one photo, in standard deviations, and their derivatives by the unknowns.

A point was seen at z, with covariance L Lᵀ; head and camera predict y. Its residual

    r = L⁻¹ (z − y) − e

is two standard normal numbers if the model is right; e is the error that depends on the head or is
shared with other points (see `photo_errors`). Its cost is Geman and McClure's
ρ(r²) = r² c² / (c² + r²): about r² below c standard deviations, and never more than c², no matter
how wrong a point is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from facelib.fitting.cameras import N_CAMERA, project
from facelib.fitting.point_model import PointModel
from facelib.fitting.rim import slid


@dataclass(frozen=True)
class PhotoResiduals:
    """The residuals of one photo, for each of B faces.

    Attributes:
        residuals: (B, N, 2).
        jacobian: (B, 2N, P) float32, minus their derivatives by the photo's own unknowns.
        visibility: (B, N).
    """

    residuals: np.ndarray
    jacobian: np.ndarray
    visibility: np.ndarray

    def energy(self, cut: np.ndarray) -> np.ndarray:
        """½ Σ visibility · ρ(r²) with c = cut, one per face: (B,)."""
        squares, bound = np.square(self.residuals).sum(axis=2), np.square(cut)[:, None]
        return 0.5 * (self.visibility * squares * bound / (bound + squares)).sum(axis=1)

    def normal_equations(
        self, cut: np.ndarray, dtype: DTypeLike = np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the energy's gradient (B, P) and Gauss-Newton matrix (B, P, P).

        Each point has the weight dρ / dr² (iteratively reweighted least squares).

        Args:
            cut: c, one per face.
            dtype: of the products: single precision is twice as fast, but with precise points its
                rounding hides the prior, and the matrix may not be positive definite.
        """
        squares, bound = np.square(self.residuals).sum(axis=2), np.square(cut)[:, None]
        root = (np.sqrt(self.visibility) * bound / (bound + squares)).astype(dtype)[..., None]
        weighted = np.repeat(root, 2, axis=1) * self.jacobian
        residuals = (root * self.residuals).reshape(len(squares), 1, -1).astype(dtype)
        return -(residuals @ weighted)[:, 0], weighted.swapaxes(1, 2) @ weighted


def residuals_of(photo: PointModel, unknowns: np.ndarray) -> PhotoResiduals:
    """Return residuals and derivatives at (B, P) unknowns of the photo."""
    camera, linear = unknowns[:, :N_CAMERA], unknowns[:, N_CAMERA:]
    coefficients = linear[:, photo.n_patterns :]
    if photo.slides.any():
        photo = slid(photo, camera, coefficients)
    points = photo.mean_points + _times(photo.basis, coefficients)
    places, by_camera, by_point = project(camera, points, photo.principal_px)
    jacobian = np.empty((*photo.offset.shape, unknowns.shape[1]), np.float32)
    jacobian[..., :N_CAMERA] = photo.whiten @ by_camera
    jacobian[..., N_CAMERA:] = photo.errors
    by_head = (photo.whiten @ by_point).astype(np.float32) @ photo.basis
    jacobian[..., N_CAMERA + photo.n_patterns :] += by_head
    off = (photo.whiten @ (photo.places - places)[..., None])[..., 0]
    off -= photo.offset + _times(photo.errors, linear)
    return PhotoResiduals(off, jacobian.reshape(len(off), -1, unknowns.shape[1]), photo.visibility)


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Multiply (B, …, k) matrices by the (B, k) vector of each face: (B, …)."""
    flat = matrices.reshape(len(matrices), -1, matrices.shape[-1])
    return (flat @ vectors[..., None]).reshape(matrices.shape[:-1])
