"""The residuals of one photo, in standard deviations, and their derivatives by the unknowns.

A point was seen at z, with covariance L Lᵀ; head and camera predict y. Its residual

    r = L⁻¹ (z − y) − e

is two standard normal numbers if the model is right; e is the error that depends on the head or is
shared with other points (see `photo_errors`). Its cost is Geman and McClure's
ρ(r²) = r² c² / (c² + r²): about r² below c standard deviations, and never more than c², no matter
how wrong a point is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from facelib.fitting.cameras import N_CAMERA, NOWHERE, project
from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.photo_errors import PhotoErrors, upright_root
from facelib.fitting.rim import rim_points
from facelib.fitting.seen import SeenPoints, blended


@dataclass(frozen=True)
class PhotoResiduals:
    """Residuals (B, N, 2), and minus their derivatives (B, 2N, P) by the photo's own unknowns."""

    residuals: np.ndarray
    jacobian: np.ndarray


@dataclass(frozen=True)
class PhotoTerm:
    """One photo's part of the energy, for each of B faces: what stays constant during a fit.

    The P unknowns of the photo are its camera (7), the strengths of its M error patterns, and the
    C coefficients of the head in it. All but the camera enter linearly.

    Attributes:
        prior: the heads.
        slots: (P,) indices of these unknowns among those of the fit.
        places, visibility, slides: (B, N, 2) px, (B, N) and (B, N), as in `SeenPoints`.
        principal_px: (B, 2), NaN where it is unknown.
        mean_points: (B, N, 3) mm, the points on the mean head.
        basis: (B, N, 3, C) float32, mm per unit of a coefficient.
        whiten: (B, N, 2, 2) per px, L⁻¹.
        offset, errors: (B, N, 2) and (B, N, 2, M + C); e is offset + errors times the unknowns.
    """

    prior: HeadPrior
    slots: np.ndarray
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
        cls, photos: Sequence[tuple[SeenPoints, PhotoErrors]], slots: np.ndarray, prior: HeadPrior
    ) -> PhotoTerm:
        """Precompute the term from the photos of B faces, and models of their errors."""
        constants = zip(*(_constants(*photo, prior) for photo in photos), strict=True)
        return cls(prior, slots, *map(np.stack, constants))

    def of_faces(self, chosen: np.ndarray) -> PhotoTerm:
        """Return the term of some of the faces, by number or mask."""
        arrays = [getattr(self, field.name)[chosen] for field in fields(self)[2:]]
        return PhotoTerm(self.prior, self.slots, *arrays)

    def look(self, unknowns: np.ndarray) -> PhotoResiduals:
        """Return residuals and derivatives at (B, n) unknowns of the whole fit."""
        camera, linear = np.split(unknowns[:, self.slots], [N_CAMERA], axis=1)
        coefficients = linear[:, -self.basis.shape[-1] :]
        points, basis = self.mean_points + _times(self.basis, coefficients), self.basis
        if self.slides.any():
            points, basis, across = self._slide(camera, coefficients, points)
        places, by_camera, by_point = project(camera, points, self.principal_px)
        jacobian = np.empty((*self.offset.shape, len(self.slots)), np.float32)
        jacobian[..., :N_CAMERA] = self.whiten @ by_camera
        jacobian[..., N_CAMERA:] = self.errors
        jacobian[..., -basis.shape[-1] :] += (self.whiten @ by_point).astype(np.float32) @ basis
        off = (self.whiten @ (self.places - places)[..., None])[..., 0]
        off -= self.offset + _times(self.errors, linear)
        if self.slides.any():
            off[self.slides] = _times(across, off[self.slides])
            jacobian[self.slides] = across @ jacobian[self.slides]
        return PhotoResiduals(off, jacobian.reshape(len(off), -1, len(self.slots)))

    def energy(self, look: PhotoResiduals, cut: np.ndarray) -> np.ndarray:
        """½ Σ visibility · ρ(r²) with c = cut, one per face: (B,)."""
        squares, bound = np.square(look.residuals).sum(axis=2), np.square(cut)[:, None]
        return 0.5 * (self.visibility * squares * bound / (bound + squares)).sum(axis=1)

    def normal_equations(
        self, look: PhotoResiduals, cut: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the energy's gradient (B, P) and Gauss-Newton matrix (B, P, P).

        Each point has the weight dρ / dr² (iteratively reweighted least squares).
        """
        squares, bound = np.square(look.residuals).sum(axis=2), np.square(cut)[:, None]
        root = (np.sqrt(self.visibility) * bound / (bound + squares)).astype(np.float32)[..., None]
        weighted = np.repeat(root, 2, axis=1) * look.jacobian
        residuals = (root * look.residuals).reshape(len(squares), 1, -1).astype(np.float32)
        return -(residuals @ weighted)[:, 0], weighted.swapaxes(1, 2) @ weighted

    def _slide(
        self, camera: np.ndarray, coefficients: np.ndarray, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Move contour points to the head's rim; only the errors across the rim count.

        Returns:
            points (B, N, 3) and basis (B, N, 3, C) of all points; and of each point that slides
            the projection (2, 2) of its residual on the direction across the rim.
        """
        points, basis, directions = points.copy(), self.basis.copy(), []
        for face, slides in enumerate(self.slides):
            vertices = self.prior.vertices(coefficients[face])
            given = (each[face, slides] for each in (self.places, self.mean_points))
            vertex, normals = rim_points(vertices, camera[face], *given, self.principal_px[face])
            points[face, slides], basis[face, slides] = vertices[vertex], self.prior.basis[vertex]
            root = np.linalg.inv(self.whiten[face, slides])
            directions.append(np.einsum("sij,si->sj", root, normals))
        along = np.concatenate(directions)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        return points, basis, along[:, :, None] * along[:, None]


def _constants(seen: SeenPoints, errors: PhotoErrors, prior: HeadPrior) -> tuple[np.ndarray, ...]:
    """Return the arrays of one photo, in the order of `PhotoTerm`."""
    mean_points, own = blended(seen, prior.mean_head), np.sqrt(errors.own)
    root = upright_root(seen.places_image, seen.covariance_px2, mean_points) * own[:, None]
    principal_px = NOWHERE if seen.principal_px is None else seen.principal_px
    offset = errors.offset - errors.slope @ prior.likeliest
    linear = np.concatenate([errors.patterns, errors.slope], axis=2) / own[..., None]
    linear = linear.astype(np.float32)
    return (
        *(seen.places_image, seen.visibility, seen.slides, np.asarray(principal_px)),
        *(mean_points, blended(seen, prior.basis), np.linalg.inv(root), offset / own, linear),
    )


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Multiply (B, …, k) matrices by the (B, k) vector of each face: (B, …)."""
    flat = matrices.reshape(len(matrices), -1, matrices.shape[-1])
    return (flat @ vectors[..., None]).reshape(matrices.shape[:-1])
