"""The Levenberg-Marquardt method, on normal equations summed over photos and the prior.

The energy is ½ (x − x̄)ᵀ Λ (x − x̄) plus the photos' energies. Near its minimum it is that of a
normal distribution, whose covariance is the inverse of the Gauss-Newton matrix (Laplace).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.residuals import PhotoResiduals, PhotoTerm

FIRST_DAMPING, EASED, FIRMED, HARDEST = 1e-4, 0.1, 10.0, 1e6
WIDEST = 64.0  # ρ starts at this multiple of its cut, because the mean head is far from the points
NARROWED = 0.25  # factor on the cut per step, until it has its final value
TOLERANCE = 1e-3  # nats gained by the last step


@dataclass(frozen=True)
class Problem:
    """The energy to minimise: the photos' energies and ½ (x − x̄)ᵀ Λ (x − x̄) of n unknowns.

    Attributes:
        prior: the prior of heads.
        terms: one per photo, each with the indices of its unknowns.
        head: (K + E,) indices of `HeadFit.coefficients` among the unknowns.
        likeliest: (n,) x̄.
        precision: (n, n) Λ.
    """

    prior: HeadPrior
    terms: tuple[PhotoTerm, ...]
    head: np.ndarray
    likeliest: np.ndarray
    precision: np.ndarray


@dataclass(frozen=True)
class Minimum:
    """The minimum of the energy.

    Attributes:
        unknowns: (n,).
        information: (n, n), the inverse of their covariance there.
        energy: the energy there.
        n_steps: number of steps tried.
    """

    unknowns: np.ndarray
    information: np.ndarray
    energy: float
    n_steps: int


def minimise(
    problem: Problem, start: np.ndarray, cut: float, max_steps: int = 40, narrow: bool = False
) -> Minimum:
    """Minimise the energy from a start.

    Args:
        problem: the energy.
        start: (n,) unknowns.
        cut: c of ρ, standard deviations.
        max_steps: largest number of steps tried.
        narrow: start with this cut, if the start is near the minimum.
    """
    photos, likeliest, precision = problem.terms, problem.likeliest, problem.precision
    unknowns, damping, wide = start, FIRST_DAMPING, 1.0 if narrow else WIDEST
    looks = [photo.look(unknowns) for photo in photos]

    def energy_at(unknowns: np.ndarray, looks: Sequence[PhotoResiduals]) -> float:
        away = unknowns - likeliest
        parts = (p.energy(k, cut * wide) for p, k in zip(photos, looks, strict=True))
        return 0.5 * float(away @ precision @ away) + sum(parts)

    def normal_equations() -> tuple[np.ndarray, np.ndarray]:
        gradient, information = precision @ (unknowns - likeliest), precision.copy()
        for photo, look in zip(photos, looks, strict=True):
            slope, bend = photo.normal_equations(look, cut * wide)
            gradient[photo.slots] += slope
            information[np.ix_(photo.slots, photo.slots)] += bend
        return gradient, information

    energy, (gradient, information) = energy_at(unknowns, looks), normal_equations()
    n_steps, done = 0, False
    while not done and n_steps < max_steps and damping < HARDEST:
        n_steps += 1
        damped = information + damping * np.diag(np.diag(information))
        trial = unknowns - cho_solve(cho_factor(damped), gradient)
        trial_looks = [photo.look(trial) for photo in photos]
        gain = energy - energy_at(trial, trial_looks)
        if not gain >= 0:
            damping *= FIRMED
            continue
        unknowns, looks, damping = trial, trial_looks, damping * EASED
        done, wide = wide == 1 and gain < TOLERANCE, max(wide * NARROWED, 1.0)
        energy, (gradient, information) = energy_at(unknowns, looks), normal_equations()
    return Minimum(unknowns, information, energy, n_steps)
