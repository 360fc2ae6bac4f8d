"""The prior of the fit: the head model on the layout, and a distribution of coefficients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy.linalg import block_diag

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import load_population, random_traits

DRAWS = 1000  # of people and of expressions, whose mean and covariance become the prior's
LEAST_MOTION = 1e-4  # squared, relative to the direction that moves the layout most
LEAST_STRENGTH = 0.02  # smallest standard deviation, for very rare facial actions


@dataclass(frozen=True)
class HeadPrior:
    """A linear model of layout vertices with a normal distribution of its coefficients.

    The coefficients are K of the shape, then E of the expression.

    Attributes:
        mean_head: (V, 3) float64, mm, head frame: where all coefficients are 0.
        basis: (V, 3, K + E) float32, mm per unit of a coefficient.
        n_shape: K.
        likeliest: (K + E,) the coefficients' mean.
        covariance: (K + E, K + E).
    """

    mean_head: np.ndarray
    basis: np.ndarray
    n_shape: int
    likeliest: np.ndarray
    covariance: np.ndarray

    @property
    def n_actions(self) -> int:
        """E."""
        return len(self.likeliest) - self.n_shape

    @cached_property
    def precision(self) -> np.ndarray:
        """(K + E, K + E), the inverse of the covariance."""
        return np.linalg.inv(self.covariance)

    @cached_property
    def mirror(self) -> np.ndarray:
        """(K + E, K + E): times the coefficients of a head, those of its mirror image.

        The shipped model's heads are symmetric in the mean, and its directions are so nearly: the
        least squares leave 2 % of them.
        """
        basis = self.basis.astype(np.float64)
        reflected = basis[load_layout().mirror] * np.array([-1.0, 1.0, 1.0])[:, None]
        rows, reflected = (each.reshape(-1, basis.shape[2]) for each in (basis, reflected))
        square = rows.T @ rows
        # What hardly moves the layout, such as the tongue, stays as it is.
        inverse = np.linalg.pinv(square, rcond=LEAST_MOTION, hermitian=True)
        return inverse @ rows.T @ reflected + np.eye(len(square)) - inverse @ square

    def vertices(self, coefficients: np.ndarray) -> np.ndarray:
        """Return (V, 3) mm, head frame, for (K + E,) coefficients."""
        return self.mean_head + self.basis @ coefficients

    def widened(self, factor: float) -> HeadPrior:
        """Return a prior with deviations `factor` times as large: above 1 it is weaker."""
        return replace(self, covariance=factor**2 * self.covariance)


@lru_cache(maxsize=1)
def shipped_prior() -> HeadPrior:
    """Return the shipped head with the mean and covariance of the generator's people.

    All people are included, held-out ones in the same proportion as in the population.
    """
    head, population = load_head(), load_population()
    rng = np.random.default_rng(0)
    means = np.stack([population.mean_shape(random_traits(rng)) for _ in range(DRAWS)])
    strengths = [random_strengths(rng, head.expression_names) for _ in range(DRAWS)]
    people = np.cov(means.T) + population.spread @ population.spread.T
    actions = np.cov(np.transpose(strengths)) + LEAST_STRENGTH**2 * np.eye(len(strengths[0]))
    directions = np.concatenate([head.shape_basis, head.expression_basis]).astype(np.float64)
    to_layout = load_layout().from_head
    basis = np.stack([to_layout @ direction for direction in directions], axis=2)
    return HeadPrior(
        mean_head=to_layout @ head.mean_head,
        basis=basis.astype(np.float32),
        n_shape=len(head.shape_basis),
        likeliest=np.concatenate([means.mean(axis=0), np.mean(strengths, axis=0)]),
        covariance=block_diag(people, actions),
    )
