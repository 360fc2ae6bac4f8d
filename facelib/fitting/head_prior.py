"""The prior of the fit: the head model on the layout, and a distribution of coefficients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.linalg import block_diag

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import load_population, random_traits

DRAWS = 1000  # of people and of expressions, whose mean and covariance become the prior's
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
