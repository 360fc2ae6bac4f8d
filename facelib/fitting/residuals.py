"""What one photo asks of the unknowns: residuals in standard deviations, and their derivatives.

A point was seen at z, with covariance L Lᵀ; the head and the camera would put it at y. Its residual

    r = L⁻¹ (z − y) − e

is two standard normal numbers if all is well; e is the error that it shares with its neighbours
(see `noise`). Geman and McClure's ρ(r²) = r² c² / (c² + r²) counts them: about r² below c standard
deviations, and never more than c², however wrong a point is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.fitting.cameras import N_CAMERA, project
from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.noise import SharedNoise
from facelib.fitting.rim import rim_points
from facelib.fitting.seen import SeenPoints

LEAST_OWN = 0.02  # of an error's variance; a point whose error is all shared would weigh infinitely


@dataclass(frozen=True)
class Look:
    """One photo's residuals (N, 2), and minus their derivatives (2N, P) by its own unknowns."""

    residuals: np.ndarray
    jacobian: np.ndarray


class PhotoTerm:
    """One photo's part of the energy; it reads and moves the unknowns that `slots` numbers.

    Those are its camera (7), its shared errors (M along x, M along y) and the coefficients (C).
    """

    def __init__(self, seen: SeenPoints, prior: HeadPrior, noise: SharedNoise) -> None:
        """Look up what stays the same during a fit."""
        self.seen, self.prior = seen, prior
        self.mean = np.einsum("nc,ncx->nx", seen.weights, prior.mean_head[seen.corners])
        self.basis = np.einsum(
            "nc,ncxk->nxk", seen.weights.astype(np.float32), prior.basis[seen.corners]
        )
        patterns = noise.patterns(self.mean)
        own = np.maximum(1 - np.square(patterns).sum(axis=1), LEAST_OWN)
        self.patterns = patterns / np.sqrt(own)[:, None]
        self.root = np.linalg.cholesky(seen.covariance_px2 * own[:, None, None])  # L
        self.slots = np.zeros(0, int)

    @property
    def n_patterns(self) -> int:
        """M."""
        return self.patterns.shape[1]

    def look(self, unknowns: np.ndarray) -> Look:
        """Return residuals and derivatives at these unknowns (all photos', or one's own)."""
        camera, rest = np.split(unknowns[self.slots], [N_CAMERA])
        shared, coefficients = np.split(rest, [2 * self.n_patterns])
        basis, points = self.basis, self.mean + self.basis @ coefficients
        whiten = np.linalg.inv(self.root)
        if self.seen.slides.any():
            basis, points, whiten = self._slide(camera, coefficients, points)
        places, by_camera, by_point = project(camera, points, self.seen.principal_px)
        n, first = len(points), N_CAMERA + 2 * self.n_patterns
        jacobian = np.empty((n, 2, len(self.slots)), np.float32)
        jacobian[:, :, :N_CAMERA] = whiten @ by_camera
        mixed = (whiten @ self.root)[:, :, :, None] * self.patterns[:, None, None]  # (N, 2, 2, M)
        jacobian[:, :, N_CAMERA:first] = mixed.reshape(n, 2, -1)
        np.matmul((whiten @ by_point).astype(np.float32), basis, out=jacobian[:, :, first:])
        away = (whiten @ (self.seen.places_image - places)[:, :, None])[:, :, 0]
        away -= mixed.reshape(n, 2, -1) @ shared
        return Look(away, jacobian.reshape(2 * n, -1))

    def energy(self, look: Look, cut: float) -> float:
        """½ Σ visibility · ρ(r²) with c = cut."""
        squares = np.square(look.residuals).sum(axis=1)
        return 0.5 * float(self.seen.visibility @ (squares * cut**2 / (cut**2 + squares)))

    def normal_equations(self, look: Look, cut: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the energy's gradient (P,) and Gauss-Newton matrix (P, P) by its own unknowns."""
        squares = np.square(look.residuals).sum(axis=1)
        weights = self.seen.visibility * np.square(cut**2 / (cut**2 + squares))
        gradient = -(weights[:, None] * look.residuals).ravel() @ look.jacobian
        weighted = np.repeat(np.sqrt(weights), 2)[:, None].astype(np.float32) * look.jacobian
        return gradient, weighted.T @ weighted

    def _slide(self, camera, coefficients, points):
        """Move contour points to the head's rim, and let only what lies across it count."""
        slides = self.seen.slides
        vertices = self.prior.vertices(coefficients)
        vertex, across = rim_points(
            vertices, camera, self.seen.places_image[slides], self.mean[slides], self.seen
        )
        basis, points, whiten = self.basis.copy(), points.copy(), np.linalg.inv(self.root)
        basis[slides], points[slides] = self.prior.basis[vertex], vertices[vertex]
        deviation = np.linalg.norm(np.einsum("nij,ni->nj", self.root[slides], across), axis=1)
        whiten[slides] = 0
        whiten[slides, 0] = across / deviation[:, None]
        return basis, points, whiten
