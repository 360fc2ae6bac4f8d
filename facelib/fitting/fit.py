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
from facelib.fitting.point_model import PointModel
from facelib.fitting.seen import SeenPoints
from facelib.fitting.solve import Problem, minimise
from facelib.geometry.transforms import pose_from_rotation
from facelib.render.camera import Camera

AT_ONCE = 4  # more faces at once no longer fit the processor's cache, and are slower
FLAT = 1e-9  # precision of a flat prior, above 0 for the sake of its determinant
AGREE_ABOVE = 0.0  # log odds above which photos count as one person's; chapter 14 tests it


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
        """(P,) yaw in each photo, against the view axis, or against the ray to the head.

        It is the ray where the principal point is unknown.

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

    Raises:
        ValueError: if there is no photo.
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

    Raises:
        ValueError: if a face has no photo, or others a different number of photos or points.
    """
    counts = {tuple(len(seen.places_image) for seen in photos) for photos in faces}
    if () in counts or len(counts) > 1:
        raise ValueError(
            "expected one photo or more of each face, the same number of each, and of points in "
            f"them, got {sorted(counts)} points"
        )
    if not faces:
        return []
    if len(faces) > at_once:
        halves = slice(len(faces) // 2), slice(len(faces) // 2, None)
        return sum((fit_heads(faces[h], settings, starts[h], at_once) for h in halves), [])
    settings = settings or FitSettings()
    prior, problem = settings.prior or shipped_prior(), pose_problem(faces, settings)
    n_head, start = len(prior.likeliest), problem.likeliest.copy()
    cameras = np.stack([slots[:N_CAMERA] for slots in problem.slots])
    expressions = np.stack([slots[-prior.n_actions :] for slots in problem.slots])
    given = prior.mean_head, np.log(settings.distance_mm)
    for number, slots in enumerate(problem.slots):
        if starts:
            start[:, cameras[number]] = [alone[number].camera_numbers[0] for alone in starts]
            start[:, slots[-n_head:]] = [alone[0].coefficients for alone in starts]
        else:
            start[:, cameras[number]] = [first_camera(photos[number], *given) for photos in faces]
    found = minimise(problem, start, settings.cut, narrow=bool(starts))
    roots = np.linalg.cholesky(found.information)
    # The head's unknowns are the last, so their block is all that their covariance depends on.
    free = np.linalg.inv(roots[:, -n_head:, -n_head:]) * settings.noise.too_sure
    after = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    evidence = np.linalg.slogdet(problem.precision)[1] / 2 - after - found.energy
    return [
        HeadFit(
            prior=prior,
            coefficients=found.unknowns[row, -n_head:],
            covariance=free[row].T @ free[row],
            expressions=found.unknowns[row, expressions],
            camera_numbers=found.unknowns[row, cameras],
            cameras=tuple(map(to_camera, found.unknowns[row, cameras], photos)),
            log_evidence=float(evidence[row]),
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
    prior, views = settings.prior or shipped_prior(), list(zip(*faces, strict=True))
    models = tuple(PointModel.of_photos(photos, settings.noise, prior) for photos in views)
    n_own = N_CAMERA + np.array([model.n_patterns for model in models])
    ends = np.cumsum(n_own) + prior.n_actions * np.arange(len(views))
    *blocks, head = np.split(np.arange(ends[-1] + len(prior.likeliest)), ends)
    shape, first = np.split(head, [prior.n_shape])
    likeliest, slots = np.zeros((len(faces), head[-1] + 1)), []
    precision = np.tile(np.eye(head[-1] + 1), (len(faces), 1, 1))
    precision[:, head[:, None], head] = prior.precision
    likeliest[:, head] = prior.likeliest
    for number, (photos, block) in enumerate(zip(views, blocks, strict=True)):
        own, expression = np.split(block, [n_own[number]])
        if number:  # the penalty of a change, (b − a)² / change²
            likeliest[:, expression] = likeliest[:, first]
            precision[:, expression, expression] = 0
            _add_square(precision, first, expression, settings.change, -1)
        slots.append(np.concatenate([own, shape, expression if number else first]))
        precision[:, own[:N_CAMERA], own[:N_CAMERA]] = FLAT
        precision[:, own[LOG_DISTANCE], own[LOG_DISTANCE]] = settings.distance_spread**-2
        likeliest[:, own[LOG_DISTANCE]] = np.log(settings.distance_mm)
        for row, seen in enumerate(photos):
            if seen.focal_px is not None:  # log f = log s + log d
                likeliest[row, own[LOG_SCALE]] = np.log(seen.focal_px / settings.distance_mm)
                _add_square(precision[row], own[LOG_SCALE], own[LOG_DISTANCE], seen.focal_spread, 1)
    return Problem(models, tuple(slots), likeliest, precision)


def _add_square(precision: np.ndarray, a, b, deviation: float, sign: int) -> None:
    """Add (a + sign · b)² / deviation² to (…, n, n) quadratic forms, for each pair of slots."""
    for slot, other, factor in ((a, a, 1), (b, b, 1), (a, b, sign), (b, a, sign)):
        precision[..., slot, other] += factor * deviation**-2
