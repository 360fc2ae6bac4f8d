"""One head, its expression and a camera per photo that explain all points seen.

Unknowns: per photo a camera (7) and the errors that neighbours share (2 M); the shape (K), the same
in all photos; the expression (E) in each photo, similar to that in the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

import numpy as np

from facelib.fitting.cameras import LOG_DISTANCE, LOG_SCALE, N_CAMERA, first_camera, to_camera
from facelib.fitting.head_prior import HeadPrior, shipped_prior
from facelib.fitting.noise import SharedNoise
from facelib.fitting.photo_errors import ErrorModel
from facelib.fitting.residuals import PhotoTerm
from facelib.fitting.seen import SeenPoints
from facelib.fitting.solve import Problem, minimise
from facelib.geometry.transforms import pose_from_rotation
from facelib.render.camera import Camera

AT_ONCE = 4  # more faces at once no longer fit the processor's cache, and are slower
FLAT = 1e-9  # precision of a flat prior, above 0 for the sake of its determinant
AGREE_ABOVE = 0.0  # log odds above which photos count as one person's; chapter 12 tests it


@dataclass(frozen=True)
class FitSettings:
    """The fit's prior and its model of errors.

    Attributes:
        distance_mm: median distance of the cameras, mm.
        distance_spread: standard deviation of its log. Lenses of 28 to 200 mm (on a frame 36 mm
            wide) show a head, or head and chest, from 0.3 to 8 m.
        change: standard deviation of a facial action's difference from the first photo's.
        cut: standard deviations beyond which a point counts as an outlier (`residuals`).
        noise: how the points' errors depend on each other, and on the head if that was learned.
        prior: distribution of heads; None: the shipped head with the generator's people.
    """

    distance_mm: float = 1500.0
    distance_spread: float = 0.7
    change: float = 0.05
    cut: float = 4.0
    noise: ErrorModel = SharedNoise()
    prior: HeadPrior | None = None


@dataclass(frozen=True)
class HeadFit:
    """A head fitted to the points, with its uncertainty.

    Attributes:
        prior: the distribution of heads that was used.
        coefficients: (K + E,) its shape, and its expression in the first photo.
        covariance: (K + E, K + E) of them; includes the uncertainty of cameras and errors, and is
            enlarged because the error model was found to be too sure.
        expressions: (P, E), the expression in each photo.
        camera_numbers: (P, 7), see `cameras`.
        cameras: the P cameras.
        log_evidence: log marginal likelihood of the points, up to a constant that is the same
            for all fits of the same points.
        n_steps: number of steps that the solver tried.
    """

    prior: HeadPrior
    coefficients: np.ndarray
    covariance: np.ndarray
    expressions: np.ndarray
    camera_numbers: np.ndarray
    cameras: tuple[Camera, ...]
    log_evidence: float
    n_steps: int

    @cached_property
    def vertices_head(self) -> np.ndarray:
        """(V, 3) layout vertices, mm, head frame, with the first photo's expression."""
        return self.prior.vertices(self.coefficients)

    @cached_property
    def vertices_image(self) -> np.ndarray:
        """(V, 3) layout vertices, px, image frame of the first photo, lowest z at 0."""
        vertices = self.cameras[0].head_to_image(self.vertices_head)
        return vertices - [0, 0, vertices[:, 2].min()]

    @cached_property
    def deviations_head(self) -> np.ndarray:
        """(V, 3) standard deviations of the vertices along x, y and z, mm, head frame."""
        root = np.linalg.cholesky(self.covariance).astype(np.float32)
        moved = self.prior.basis.reshape(-1, len(root)) @ root
        return np.linalg.norm(moved, axis=1).reshape(-1, 3)

    @property
    def yaws_deg(self) -> np.ndarray:
        """(P,) yaw in each photo.

        If it is larger in the front photo than in the side photo, the two were swapped. Above 120°
        a photo was mirrored without exchanging left and right points: with little perspective, a
        mirrored face equals a face seen from behind.
        """
        return np.degrees([pose_from_rotation(camera.rotation)[1] for camera in self.cameras])


def fit_head(
    photos: Sequence[SeenPoints],
    settings: FitSettings | None = None,
    starts: Sequence[HeadFit] = (),
) -> HeadFit:
    """Find the most likely head for points seen in one or more photos.

    Args:
        photos: the points seen; the first photo's expression becomes the head's.
        settings: prior and error model.
        starts: fits of the single photos, if available; they save steps.
    """
    return fit_heads([photos], settings, [starts] if starts else ())[0]


def fit_heads(
    faces: Sequence[Sequence[SeenPoints]],
    settings: FitSettings | None = None,
    starts: Sequence[Sequence[HeadFit]] = (),
    at_once: int = AT_ONCE,
) -> list[HeadFit]:
    """Find the most likely heads of several faces, each as if it were the only one.

    Args:
        faces: the photos of each. All have the same number of photos, and of points in each.
        settings: prior and error model.
        starts: fits of the single photos of each face, if available.
        at_once: number of faces that share a batch.
    """
    settings, fits = settings or FitSettings(), []
    for first in range(0, len(faces), at_once):
        batch = slice(first, first + at_once)
        fits += _fit_batch(faces[batch], settings, starts[batch])
    return fits


def _fit_batch(
    faces: Sequence[Sequence[SeenPoints]], settings: FitSettings, starts: Sequence
) -> list[HeadFit]:
    prior, problem = settings.prior or shipped_prior(), pose_problem(faces, settings)
    n_head, slots = len(prior.likeliest), [term.slots for term in problem.terms]
    cameras = np.stack([own[:N_CAMERA] for own in slots])
    expressions = np.stack([own[-prior.n_actions :] for own in slots])
    start = problem.likeliest.copy()
    for row, (photos, known) in enumerate(zip_longest(faces, starts)):
        for seen, own, alone in zip_longest(photos, slots, known or ()):
            if alone:
                start[row, own[:N_CAMERA]] = alone.camera_numbers[0]
                start[row, own[-n_head:]] = known[0].coefficients
            else:
                camera = first_camera(seen, prior.mean_head, np.log(settings.distance_mm))
                start[row, own[:N_CAMERA]] = camera
    found = minimise(problem, start, settings.cut, narrow=bool(starts))
    roots = np.linalg.cholesky(found.information)
    # The head's unknowns are the last, so their block is all that their covariance depends on.
    free = np.linalg.inv(roots[:, -n_head:, -n_head:]) * settings.noise.too_sure
    evidence = _log_volume(np.linalg.cholesky(problem.precision)) - _log_volume(roots)
    return [
        HeadFit(
            prior=prior,
            coefficients=found.unknowns[row, -n_head:],
            covariance=free[row].T @ free[row],
            expressions=found.unknowns[row, expressions],
            camera_numbers=found.unknowns[row, cameras],
            cameras=tuple(map(to_camera, found.unknowns[row, cameras], photos)),
            log_evidence=float(evidence[row] - found.energy[row]),
            n_steps=int(found.n_steps[row]),
        )
        for row, photos in enumerate(faces)
    ]


def agreement(together: HeadFit, alone: Sequence[HeadFit]) -> float:
    """Log odds of one head for all photos against one head per photo.

    The Bayes factor, by Laplace's approximation: the additional misfit of a common head, against
    the small probability that different people look so similar.

    Args:
        together: a fit of several photos.
        alone: fits of each of them, with the same settings.

    Returns:
        Nats; `AGREE_ABOVE` and more speak for one person.
    """
    return together.log_evidence - sum(fit.log_evidence for fit in alone)


def pose_problem(faces: Sequence[Sequence[SeenPoints]], settings: FitSettings) -> Problem:
    """Number the unknowns of all photos, and set up their prior.

    The unknowns of each photo come first, those of the head last: its shape, and its expression in
    the first photo.

    Args:
        faces: see `fit_heads`.
        settings: prior and error model.
    """
    prior, n_faces = settings.prior or shipped_prior(), len(faces)
    views = [
        [(seen, settings.noise.in_photo(seen, prior)) for seen in photos]
        for photos in zip(*faces, strict=True)
    ]
    n_own = [N_CAMERA + photos[0][1].patterns.shape[2] for photos in views]
    ends = np.cumsum(n_own) + prior.n_actions * np.arange(len(views))
    *blocks, head = np.split(np.arange(ends[-1] + len(prior.likeliest)), ends)
    shape, first = np.split(head, [prior.n_shape])
    likeliest, precision = np.zeros((n_faces, head[-1] + 1)), np.eye(head[-1] + 1)
    precision, terms = np.tile(precision, (n_faces, 1, 1)), []
    precision[:, head[:, None], head] = prior.precision
    likeliest[:, head] = prior.likeliest
    for number, (photos, block) in enumerate(zip(views, blocks, strict=True)):
        own, expression = block[: n_own[number]], block[n_own[number] :] if number else first
        if number:  # the penalty of a change, (b − a)² / change²
            likeliest[:, expression] = likeliest[:, first]
            precision[:, expression, expression] = 0
            _add_square(precision, first, expression, settings.change, -1)
        terms.append(PhotoTerm.of_photos(photos, np.hstack([own, shape, expression]), prior))
        precision[:, own[:N_CAMERA], own[:N_CAMERA]] = FLAT
        scale, distance = own[LOG_SCALE], own[LOG_DISTANCE]
        precision[:, distance, distance] = settings.distance_spread**-2
        likeliest[:, distance] = np.log(settings.distance_mm)
        for row, (seen, _) in enumerate(photos):
            if seen.focal_px is not None:  # log f = log s + log d
                likeliest[row, scale] = np.log(seen.focal_px) - likeliest[row, distance]
                _add_square(precision[row], scale, distance, seen.focal_spread, 1)
    return Problem(tuple(terms), likeliest, precision)


def _log_volume(roots: np.ndarray) -> np.ndarray:
    """Return half the log determinant of L Lᵀ for (B, n, n) roots L: (B,)."""
    return np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)


def _add_square(precision: np.ndarray, a, b, deviation: float, sign: int) -> None:
    """Add (a + sign · b)² / deviation² to (…, n, n) quadratic forms, for each pair of slots."""
    for slot, other, factor in ((a, a, 1), (b, b, 1), (a, b, sign), (b, a, sign)):
        precision[..., slot, other] += factor * deviation**-2
