"""Compute the prior of the fit from the generator's people and their expressions."""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.fitting.head_prior import HeadPrior, head_on_layout
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import load_population, random_traits

DRAWS = 1000  # of people and of expressions, whose mean and covariance become the prior's
LEAST_MOTION = 1e-4  # squared, relative to the direction that moves the layout most
LEAST_STRENGTH = 0.02  # smallest standard deviation, for very rare facial actions


def people_prior() -> HeadPrior:
    """Compute the mean and covariance of the people's coefficients, on the shipped head.

    All people are included, held-out ones in the same proportion as in the population.
    """
    head, population = load_head(), load_population()
    rng = np.random.default_rng(0)
    means = np.stack([population.mean_shape(random_traits(rng)) for _ in range(DRAWS)])
    strengths = [random_strengths(rng, head.expression_names) for _ in range(DRAWS)]
    people = np.cov(means.T) + population.spread @ population.spread.T
    actions = np.cov(np.transpose(strengths)) + LEAST_STRENGTH**2 * np.eye(len(strengths[0]))
    mean_head, basis = head_on_layout()
    return HeadPrior(
        mean_head=mean_head,
        basis=basis,
        n_shape=len(head.shape_basis),
        likeliest=np.concatenate([means.mean(axis=0), np.mean(strengths, axis=0)]),
        covariance=block_diag(people, actions),
        mirror=_mirror_matrix(basis, load_layout().mirror),
    )


def _mirror_matrix(basis: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """Return the (K + E, K + E) matrix that mirrors coefficients, by least squares.

    The shipped model's heads are symmetric in the mean, and its directions are so nearly: the least
    squares leave 2 % of them.

    Args:
        basis: (V, 3, K + E) mm.
        twin: (V,) int, each vertex's mirror image.
    """
    basis = basis.astype(np.float64)
    reflected = basis[twin] * np.array([-1.0, 1.0, 1.0])[:, None]
    rows, reflected = (each.reshape(-1, basis.shape[2]) for each in (basis, reflected))
    square = rows.T @ rows
    # What hardly moves the layout, such as the tongue, stays as it is.
    inverse = np.linalg.pinv(square, rcond=LEAST_MOTION, hermitian=True)
    return inverse @ rows.T @ reflected + np.eye(len(square)) - inverse @ square
