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

from facelib.fitting.cameras import N_CAMERA, project
from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.photo_errors import PhotoErrors, upright_root
from facelib.fitting.rim import rim_points
from facelib.fitting.seen import SeenPoints, blended


@dataclass(frozen=True)
class PhotoResiduals:
    """One photo's residuals (N, 2), and minus their derivatives (2N, P) by its own unknowns."""

    residuals: np.ndarray
    jacobian: np.ndarray


class PhotoTerm:
    """One photo's part of the energy."""

    def __init__(
        self, seen: SeenPoints, errors: PhotoErrors, slots: np.ndarray, prior: HeadPrior
    ) -> None:
        """Precompute what stays constant during a fit.

        Args:
            seen: N points.
            errors: how the points' errors depend on the head and on each other.
            slots: (7 + M + C,) indices of the photo's unknowns: its camera, the strengths of its
                M error patterns, and the head's coefficients in it.
            prior: the heads.
        """
        self.seen, self.slots, self.prior = seen, slots, prior
        self.mean_head, self.basis = blended(seen, prior.mean_head), blended(seen, prior.basis)
        own = np.sqrt(errors.own)
        root = upright_root(seen.places_image, seen.covariance_px2, self.mean_head)
        self.root = root * own[:, None]  # L
        self.whiten = np.linalg.inv(self.root)
        self.offset, self.slope = errors.offset / own, errors.slope / own[..., None]
        self.patterns = errors.patterns / own[..., None]

    def look(self, unknowns: np.ndarray) -> PhotoResiduals:
        """Return residuals and derivatives at (n,) unknowns of the whole fit."""
        first = N_CAMERA + self.patterns.shape[2]
        camera, shared, coefficients = np.split(unknowns[self.slots], [N_CAMERA, first])
        points, basis, whiten = self.mean_head + self.basis @ coefficients, self.basis, self.whiten
        offset, slope, patterns = self.offset, self.slope, self.patterns
        if self.seen.slides.any():
            points, basis, whiten = self._slide(camera, coefficients, points)
            axes = whiten @ self.root
            offset, slope, patterns = (
                (axes @ offset[..., None])[..., 0],
                axes @ slope,
                axes @ patterns,
            )
        places, by_camera, by_point = project(camera, points, self.seen.principal_px)
        jacobian = np.empty((len(points), 2, len(self.slots)), np.float32)
        jacobian[..., :N_CAMERA] = whiten @ by_camera
        jacobian[..., N_CAMERA:first] = patterns
        np.matmul((whiten @ by_point).astype(np.float32), basis, out=jacobian[..., first:])
        jacobian[..., first:] += slope
        off = np.einsum("nij,nj->ni", whiten, self.seen.places_image - places) - offset
        off -= slope @ (coefficients - self.prior.likeliest) + patterns @ shared
        return PhotoResiduals(off, jacobian.reshape(2 * len(points), -1))

    def energy(self, look: PhotoResiduals, cut: float) -> float:
        """½ Σ visibility · ρ(r²) with c = cut."""
        squares = np.square(look.residuals).sum(axis=1)
        return 0.5 * float(self.seen.visibility @ (squares * cut**2 / (cut**2 + squares)))

    def normal_equations(self, look: PhotoResiduals, cut: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the energy's gradient (P,) and Gauss-Newton matrix (P, P) by its own unknowns.

        Each point has the weight dρ / dr² (iteratively reweighted least squares).
        """
        squares = np.square(look.residuals).sum(axis=1)
        weights = self.seen.visibility * np.square(cut**2 / (cut**2 + squares))
        gradient = -(weights[:, None] * look.residuals).ravel() @ look.jacobian
        weighted = np.repeat(np.sqrt(weights), 2)[:, None].astype(np.float32) * look.jacobian
        return gradient, weighted.T @ weighted

    def _slide(
        self, camera: np.ndarray, coefficients: np.ndarray, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Move contour points to the head's rim; only the errors across the rim count.

        Returns:
            points (N, 3), basis (N, 3, C) and L⁻¹ (N, 2, 2), for all points.
        """
        slides, seen, vertices = self.seen.slides, self.seen, self.prior.vertices(coefficients)
        vertex, across = rim_points(
            vertices, camera, seen.places_image[slides], self.mean_head[slides], seen.principal_px
        )
        points, basis, whiten = points.copy(), self.basis.copy(), self.whiten.copy()
        points[slides], basis[slides] = vertices[vertex], self.prior.basis[vertex]
        deviation = np.linalg.norm(np.einsum("nij,ni->nj", self.root[slides], across), axis=1)
        whiten[slides] = 0
        whiten[slides, 0] = across / deviation[:, None]
        return points, basis, whiten
