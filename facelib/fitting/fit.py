"""One head, its expression and a camera per photo that explain all points seen.

Unknowns: per photo a camera (7) and the errors that neighbours share (2 M); the shape (K), the same
in all photos; the expression (E) in each photo, similar to that in the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
    settings = settings or FitSettings()
    problem = pose_problem(photos, settings)
    prior, terms, head = problem.prior, problem.terms, problem.head
    start = problem.likeliest.copy()
    for number, term in enumerate(terms):
        if starts:
            start[term.slots[:N_CAMERA]] = starts[number].camera_numbers[0]
            start[term.slots[-len(head) :]] = starts[0].coefficients
        else:
            start[term.slots[:N_CAMERA]] = _first_camera(term, np.log(settings.distance_mm))
    found = minimise(problem, start, settings.cut, narrow=bool(starts))
    numbers = np.stack([found.unknowns[term.slots[:N_CAMERA]] for term in terms])
    _, before = np.linalg.slogdet(problem.precision)
    _, after = np.linalg.slogdet(found.information)
    return HeadFit(
        prior=prior,
        coefficients=found.unknowns[head],
        covariance=np.linalg.inv(found.information)[np.ix_(head, head)]
        * settings.noise.too_sure**2,
        expressions=np.stack([found.unknowns[term.slots[-prior.n_actions :]] for term in terms]),
        camera_numbers=numbers,
        cameras=tuple(map(to_camera, numbers, photos)),
        log_evidence=(before - after) / 2 - found.energy,
        n_steps=found.n_steps,
    )


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


def pose_problem(photos: Sequence[SeenPoints], settings: FitSettings) -> Problem:
    """Number the unknowns of all photos, and set up their prior."""
    prior = settings.prior or shipped_prior()
    n_actions = prior.n_actions
    errors = [settings.noise.in_photo(seen, prior) for seen in photos]
    sizes = [N_CAMERA + each.patterns.shape[2] for each in errors]
    head = sum(sizes) + np.arange(len(prior.likeliest))
    shape, first = np.split(head, [prior.n_shape])
    n_unknowns = head[-1] + 1 + (len(photos) - 1) * n_actions
    terms, likeliest, precision = [], np.zeros(n_unknowns), np.eye(n_unknowns)
    precision[np.ix_(head, head)] = np.linalg.inv(prior.covariance)
    likeliest[shape] = prior.likeliest[: prior.n_shape]
    for number, (seen, size) in enumerate(zip(photos, sizes, strict=True)):
        own = sum(sizes[:number]) + np.arange(size)
        expression = first + number * n_actions
        slots = np.concatenate([own, shape, expression])
        terms.append(PhotoTerm(seen, errors[number], slots, prior))
        likeliest[expression] = prior.likeliest[prior.n_shape :]
        if number:  # the penalty of a change, (b − a)² / change²
            precision[expression, expression] = 0
            _add_square(precision, first, expression, settings.change, -1)
        precision[own[:N_CAMERA], own[:N_CAMERA]] = FLAT
        scale, distance = own[LOG_SCALE], own[LOG_DISTANCE]
        precision[distance, distance] = settings.distance_spread**-2
        likeliest[distance] = np.log(settings.distance_mm)
        if seen.focal_px is not None:  # log f = log s + log d
            likeliest[scale] = np.log(seen.focal_px) - likeliest[distance]
            _add_square(precision, scale, distance, seen.focal_spread, 1)
    return Problem(prior, tuple(terms), head, likeliest, precision)


def _first_camera(term: PhotoTerm, log_distance: float) -> np.ndarray:
    variance = np.trace(term.seen.covariance_px2, axis1=1, axis2=2)
    weights = term.seen.visibility / variance
    return first_camera(term.mean_head, term.seen.places_image, weights, log_distance)


def _add_square(precision: np.ndarray, a, b, deviation: float, sign: int) -> None:
    """Add (a + sign · b)² / deviation² to a quadratic form, for each pair of slots."""
    for slot, other, factor in ((a, a, 1), (b, b, 1), (a, b, sign), (b, a, sign)):
        precision[slot, other] += factor * deviation**-2
