"""The prior of the fit: the head model on the layout, and a distribution of coefficients.

`facelib.fitting.people_prior` computes the distribution from the generator's people. It ships as
`data/head/prior.npz`, because that takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.files.atomic import replacing
from facelib.files.paths import data_file

DISTRIBUTION = ("likeliest", "covariance", "mirror")  # what the file holds


@dataclass(frozen=True)
class HeadPrior:
    """A linear model of layout vertices with a normal distribution of its coefficients.

    The coefficients are K of the shape, then E of the expression.

    Attributes:
        mean_head: (V, 3) float64, mm, head frame: where all coefficients are 0.
        basis: (V, 3, K + E) float32, mm per unit of a coefficient.
        n_shape: the number K.
        likeliest: (K + E,) the coefficients' mean.
        covariance: (K + E, K + E).
        mirror: (K + E, K + E): times the coefficients of a head, those of its mirror image.
    """

    mean_head: np.ndarray
    basis: np.ndarray
    n_shape: int
    likeliest: np.ndarray
    covariance: np.ndarray
    mirror: np.ndarray

    @property
    def n_actions(self) -> int:
        """E."""
        return len(self.likeliest) - self.n_shape

    @cached_property
    def precision(self) -> np.ndarray:
        """(K + E, K + E), the inverse of the covariance."""
        return np.linalg.inv(self.covariance)

    def vertices(self, coefficients: np.ndarray) -> np.ndarray:
        """Return (V, 3) mm, head frame, for (K + E,) coefficients."""
        return self.mean_head + self.basis @ coefficients

    def widened(self, factor: float) -> HeadPrior:
        """Return a prior with deviations `factor` times as large: above 1 it is weaker."""
        return replace(self, covariance=factor**2 * self.covariance)


@lru_cache(maxsize=1)
def shipped_prior() -> HeadPrior:
    """Return the shipped head with the mean and covariance of the generator's people.

    Raises:
        FileNotFoundError: if a file is missing.
    """
    mean_head, basis = head_on_layout()
    with np.load(data_file("head", "prior.npz"), allow_pickle=False) as file:
        return HeadPrior(
            mean_head, basis, len(load_head().shape_basis), *map(file.get, DISTRIBUTION)
        )


def head_on_layout() -> tuple[np.ndarray, np.ndarray]:
    """Return the shipped head's mean (V, 3) and basis (V, 3, K + E), mm, on the layout."""
    head, to_layout = load_head(), load_layout().from_head
    directions = np.concatenate([head.shape_basis, head.expression_basis])
    n_directions, n_vertices, _ = directions.shape
    columns = directions.transpose(1, 2, 0).reshape(n_vertices, -1)
    basis = (to_layout.astype(np.float32) @ columns).reshape(-1, 3, n_directions)
    return to_layout @ head.mean_head, basis


def save_prior(path: Path, prior: HeadPrior) -> None:
    """Write the distribution for `shipped_prior`, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{name: getattr(prior, name) for name in DISTRIBUTION})
