"""One head, its expression and a camera per photo that explain all points seen.

Unknowns: per photo a camera (7) and the errors that neighbours share; the shape (60), the same in
all photos; the expression (52) of the first photo, and near it those of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from facelib.fitting.cameras import LOG_DISTANCE, N_CAMERA, first_camera, to_camera
from facelib.fitting.head_prior import HeadPrior, shipped_prior
from facelib.fitting.noise import SharedNoise
from facelib.fitting.residuals import PhotoTerm
from facelib.fitting.seen import SeenPoints
from facelib.fitting.solve import minimise
from facelib.render.camera import Camera

FLAT = 1e-9  # the prior's precision of where a head stands: none, but a determinant is wanted


@dataclass(frozen=True)
class FitSettings:
    """What the fit believes before it sees a point.

    Attributes:
        distance_mm: the median distance of a camera, and
        distance_spread: the standard deviation of its log. Lenses of 28 to 200 mm (on a frame 36 mm
            wide) that show a head, or head and chest, stand 0.3 to 8 m away.
        change: standard deviation of how much a facial action changes between two photos.
        cut: standard deviations from which a point is rather wrong than off, see `residuals`.
        noise: how errors of neighbours go together.
    """

    distance_mm: float = 1500.0
    distance_spread: float = 0.7
    change: float = 0.05
    cut: float = 4.0
    noise: SharedNoise = SharedNoise()
    prior: HeadPrior | None = None


@dataclass(frozen=True)
class HeadFit:
    """A head that explains the points, and how surely.

    Attributes:
        coefficients: (K + E,) shape and the first photo's expression, see `HeadPrior`.
        covariance: (K + E, K + E) of them, with all that is not known of cameras and errors.
        expressions: (P, E), one row per photo.
        cameras: one per photo.
        camera_numbers: (P, 7), see `cameras`.
        log_evidence: log of how likely the points are for anybody's head, up to a constant that is
            the same for the same photos.
        n_steps: that the solver tried.
        prior: the heads that it chose from.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    expressions: np.ndarray
    cameras: tuple[Camera, ...]
    camera_numbers: np.ndarray
    log_evidence: float
    n_steps: int
    prior: HeadPrior

    @property
    def shape(self) -> np.ndarray:
        """(K,) of the head model, standard deviations."""
        return self.coefficients[: self.prior.n_shape]

    @property
    def expression(self) -> np.ndarray:
        """(E,) strengths of facial actions in the first photo."""
        return self.coefficients[self.prior.n_shape :]

    @property
    def vertices_head(self) -> np.ndarray:
        """(V, 3) layout vertices, mm, head frame, with the first photo's expression."""
        return self.prior.vertices(self.coefficients)

    @property
    def vertices_image(self) -> np.ndarray:
        """(V, 3) layout vertices in the first photo's image frame, px, lowest z at 0."""
        vertices = self.cameras[0].head_to_image(self.vertices_head)
        return vertices - [0, 0, vertices[:, 2].min()]

    def deviations_head(self) -> np.ndarray:
        """(V, 3) standard deviations of the vertices along x, y and z, mm, head frame."""
        root = np.linalg.cholesky(self.covariance).astype(np.float32)
        moved = self.prior.basis.reshape(-1, len(root)) @ root
        return np.sqrt(np.einsum("vk,vk->v", moved, moved)).reshape(-1, 3)


def fit_head(
    photos: Sequence[SeenPoints],
    settings: FitSettings | None = None,
    starts: Sequence[HeadFit] = (),
) -> HeadFit:
    """Find the likeliest head behind points seen in one or more photos.

    Args:
        photos: what was seen; the first one's expression is the head's.
        settings: what is believed beforehand.
        starts: fits of the photos one by one, where there are; they save steps.
    """
    settings = settings or FitSettings()
    prior = settings.prior or shipped_prior()
    terms = [PhotoTerm(seen, prior, settings.noise) for seen in photos]
    precision, likeliest, coefficients = _prior_of_unknowns(terms, prior, settings)
    start = likeliest.copy()
    for number, term in enumerate(terms):
        if starts:
            start[term.slots[:N_CAMERA]] = starts[number].camera_numbers[0]
            start[term.slots[-prior.n_actions :]] = starts[number].expression
        else:
            start[term.slots[:N_CAMERA]] = _first_camera(term, np.log(settings.distance_mm))
    if starts:
        start[coefficients[: prior.n_shape]] = starts[0].shape
    found = minimise(terms, start, likeliest, precision, settings.cut, narrow=bool(starts))
    covariance = np.linalg.inv(found.information)
    cameras = np.stack([found.unknowns[term.slots[:N_CAMERA]] for term in terms])
    return HeadFit(
        coefficients=found.unknowns[coefficients],
        covariance=covariance[np.ix_(coefficients, coefficients)],
        expressions=np.stack([found.unknowns[t.slots[-prior.n_actions :]] for t in terms]),
        cameras=tuple(
            to_camera(numbers, seen.width, seen.height, seen.principal_px)
            for numbers, seen in zip(cameras, photos, strict=True)
        ),
        camera_numbers=cameras,
        log_evidence=_log_evidence(found, precision),
        n_steps=found.n_steps,
        prior=prior,
    )


def agreement(together: HeadFit, alone: Sequence[HeadFit]) -> float:
    """How much likelier all points are for one head than for one head per photo: log of odds.

    Above 0 the photos speak for one person. The odds weigh the misfit of one head against how
    unlikely it is that two people look so much alike.
    """
    return together.log_evidence - sum(fit.log_evidence for fit in alone)


def _log_evidence(found, precision: np.ndarray) -> float:
    _, before = np.linalg.slogdet(precision)
    _, after = np.linalg.slogdet(found.information)
    return -found.energy + (before - after) / 2


def _first_camera(term: PhotoTerm, log_distance: float) -> np.ndarray:
    variance = np.trace(term.seen.covariance_px2, axis1=1, axis2=2)
    weights = term.seen.visibility / variance
    return first_camera(term.mean, term.seen.places_image, weights, log_distance)


def _prior_of_unknowns(
    terms: Sequence[PhotoTerm], prior: HeadPrior, settings: FitSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the unknowns, and say what is likely.

    Returns:
        precision (n, n), likeliest (n,), and the slots (K + E,) of the first photo's coefficients.
    """
    own, shapes, actions = [], prior.n_shape, prior.n_actions
    blocks, middle = [], []
    for term in terms:
        size = N_CAMERA + 2 * term.n_patterns
        own.append(np.arange(size) + sum(map(len, own)))
        diagonal = np.ones(size)
        diagonal[:N_CAMERA] = FLAT
        diagonal[LOG_DISTANCE] = settings.distance_spread**-2
        blocks.append(np.diag(diagonal))
        middle.append(np.zeros(size))
        middle[-1][LOG_DISTANCE] = np.log(settings.distance_mm)
    first = sum(map(len, own))
    shape = first + np.arange(shapes)
    for number, term in enumerate(terms):
        expression = first + shapes + number * actions + np.arange(actions)
        term.slots = np.concatenate([own[number], shape, expression])
    heads = np.linalg.inv(prior.covariance)
    changes = (len(terms) - 1) * actions
    precision = block_diag(*blocks, heads, np.eye(changes) * settings.change**-2)
    # A change is the difference to the first expression: (b − a)² = a² − 2 a b + b².
    zero = first + shapes + np.arange(actions)
    for number in range(1, len(terms)):
        other = zero + number * actions
        precision[zero, zero] += settings.change**-2
        precision[zero, other] -= settings.change**-2
        precision[other, zero] -= settings.change**-2
    likeliest = np.concatenate([*middle, prior.likeliest, *[prior.likeliest[shapes:]] * (len(terms) - 1)])
    return precision, likeliest, first + np.arange(shapes + actions)
