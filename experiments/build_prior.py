"""Write data/head/prior.npz: which heads the fit expects, the generator's people.

    python experiments/build_prior.py data/head/prior.npz

After build_head.py, and after each change of people.npz or of how expressions are drawn.
"""

import sys
from pathlib import Path

import numpy as np

from facelib.face.headmodel import load_head
from facelib.files.atomic import replacing
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import load_population, random_traits

DRAWS = 1000  # of people and of expressions
LEAST_STRENGTH = 0.02  # smallest standard deviation, for very rare facial actions


def people() -> dict[str, np.ndarray]:
    """Return mean and covariance of the shapes, and of the expressions.

    All people are included, held-out ones in the same proportion as in the population.
    """
    names, population = load_head().expression_names, load_population()
    rng = np.random.default_rng(0)
    means = np.stack([population.mean_shape(random_traits(rng)) for _ in range(DRAWS)])
    strengths = np.stack([random_strengths(rng, names) for _ in range(DRAWS)])
    return {
        "shape": means.mean(axis=0),
        "shape_covariance": np.cov(means.T) + population.spread @ population.spread.T,
        "expression": strengths.mean(axis=0),
        "expression_covariance": np.cov(strengths.T) + LEAST_STRENGTH**2 * np.eye(len(names)),
    }


if __name__ == "__main__":
    with replacing(Path(sys.argv[1])) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **people())
