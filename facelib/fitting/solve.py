"""The Levenberg-Marquardt method, on normal equations summed over photos and the prior.

The energy is ½ (x − x̄)ᵀ Λ (x − x̄) plus the photos' energies. Near its minimum it is that of a
normal distribution, whose covariance is the inverse of the Gauss-Newton matrix (Laplace).

Arrays begin with an axis of B faces. Each face has its own damping, and ends when it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import DTypeLike

from facelib.fitting.point_model import PointModel
from facelib.fitting.residuals import PhotoResiduals, residuals_of

FIRST_DAMPING, EASED, FIRMED, HARDEST = 1e-4, 0.1, 10.0, 1e6
WIDEST = 64.0  # ρ starts at this multiple of its cut, because the mean head is far from the points
NARROWED = 0.25  # factor on the cut per step, until it has its final value
TOLERANCE = 1e-3  # nats gained by the last step
LEAST_KNOWN = 1e-12  # added share: it keeps a matrix positive definite that is so but for rounding


@dataclass(frozen=True)
class Problem:
    """The energies of B faces: those of their photos, and ½ (x − x̄)ᵀ Λ (x − x̄) of n unknowns.

    Attributes:
        photos: all points of the first photo, of the second, …
        slots: for each photo, the (P,) indices of its unknowns among those of the fit.
        likeliest: (B, n) x̄.
        precision: (B, n, n) Λ.
    """

    photos: tuple[PointModel, ...]
    slots: tuple[np.ndarray, ...]
    likeliest: np.ndarray
    precision: np.ndarray

    def of_faces(self, chosen: np.ndarray) -> Problem:
        """Return the problem of some of the faces, by number or mask."""
        photos = tuple(photo.of_faces(chosen) for photo in self.photos)
        return Problem(photos, self.slots, self.likeliest[chosen], self.precision[chosen])

    def residuals(self, unknowns: np.ndarray) -> list[PhotoResiduals]:
        """Return the residuals of each photo at (B, n) unknowns."""
        return list(map(residuals_of, self.photos, (unknowns[:, s] for s in self.slots)))

    def energy(
        self, unknowns: np.ndarray, residuals: Sequence[PhotoResiduals], cut: np.ndarray
    ) -> np.ndarray:
        """Return the (B,) energies at (B, n) unknowns with these residuals, for (B,) cuts of ρ."""
        away = (unknowns - self.likeliest)[..., None]
        prior = 0.5 * (away.swapaxes(1, 2) @ self.precision @ away)[:, 0, 0]
        return prior + sum(seen.energy(cut) for seen in residuals)

    def expand(
        self,
        unknowns: np.ndarray,
        residuals: Sequence[PhotoResiduals],
        cut: np.ndarray,
        dtype: DTypeLike = np.float32,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the energies (B,), their gradients (B, n) and Gauss-Newton matrices (B, n, n).

        `dtype` is that of the photos' products (see `PhotoResiduals.normal_equations`).
        """
        gradient = (self.precision @ (unknowns - self.likeliest)[..., None])[..., 0]
        information = self.precision.copy()
        for seen, slots in zip(residuals, self.slots, strict=True):
            slope, bend = seen.normal_equations(cut, dtype)
            gradient[:, slots] += slope
            for (rows, own_rows), (columns, own_columns) in product(_runs(slots), repeat=2):
                information[:, rows, columns] += bend[:, own_rows, own_columns]
        return self.energy(unknowns, residuals, cut), gradient, information


@dataclass(frozen=True)
class Minimum:
    """The minima of B energies.

    Attributes:
        unknowns: (B, n).
        information: (B, n, n), the inverse of their covariance there.
        energy: (B,), the energies there.
        n_steps: (B,), number of steps tried.
    """

    unknowns: np.ndarray
    information: np.ndarray
    energy: np.ndarray
    n_steps: np.ndarray


def minimise(
    problem: Problem, start: np.ndarray, cut: float, max_steps: int = 40, narrow: bool = False
) -> Minimum:
    """Minimise the energy of each face from a start.

    Args:
        problem: the energies.
        start: (B, n) unknowns.
        cut: c of ρ, standard deviations.
        max_steps: largest number of steps tried.
        narrow: start with this cut, if the start is near the minimum.
    """
    unknowns, active, whole = start.copy(), np.arange(len(start)), problem
    damping, n_steps = np.full(len(start), FIRST_DAMPING), np.zeros(len(start), int)
    wide, residuals = np.full(len(start), 1.0 if narrow else WIDEST), problem.residuals(start)
    energy, gradient, information = expansion = problem.expand(start, residuals, cut * wide)
    while len(active):
        n_steps[active] += 1
        trial = unknowns[active] - _step(gradient[active], information[active], damping[active])
        residuals = problem.residuals(trial)
        gain = energy[active] - problem.energy(trial, residuals, cut * wide[active])
        better = gain >= 0  # false for NaN, too
        moved, done = active[better], better & (wide[active] == 1) & (gain < TOLERANCE)
        damping[active] *= np.where(better, EASED, FIRMED)
        wide[moved] = np.maximum(wide[moved] * NARROWED, 1.0)
        unknowns[moved] = trial[better]
        if (better & ~done).any():
            found = problem.expand(trial, residuals, cut * wide[active])
            for kept, new in zip(expansion, found, strict=True):
                kept[moved] = new[better]
        going = ~done & (n_steps[active] < max_steps) & (damping[active] < HARDEST)
        if not going.all():
            active, problem = active[going], problem.of_faces(going)
    cuts = np.full(len(start), cut)
    energy, _, information = whole.expand(
        unknowns, whole.residuals(unknowns), cuts, dtype=np.float64
    )
    diagonal = np.arange(start.shape[1])
    information[:, diagonal, diagonal] *= 1 + LEAST_KNOWN
    return Minimum(unknowns, information, energy, n_steps)


def _step(gradient: np.ndarray, information: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """Solve (H + damping · diag H) step = gradient for each face: (B, n)."""
    damped, diagonal = information.copy(), np.arange(gradient.shape[1])
    damped[:, diagonal, diagonal] *= 1 + damping[:, None]
    return np.linalg.solve(damped, gradient[..., None])[..., 0]


def _runs(slots: np.ndarray) -> list[tuple[slice, slice]]:
    """Split indices into runs of consecutive ones: slices of the whole and of the part.

    Numpy adds slices several times as fast as single indices.
    """
    ends = [0, *(np.flatnonzero(np.diff(slots) != 1) + 1), len(slots)]
    return [(slice(slots[a], slots[b - 1] + 1), slice(a, b)) for a, b in pairwise(ends)]
