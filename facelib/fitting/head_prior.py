"""The prior of the fit: the head model on the layout, and a distribution of coefficients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.files.paths import data_file

LEAST_MOTION = 1e-4  # squared, relative to the direction that moves the layout most


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

    `experiments/build_prior.py` made them.

    Raises:
        FileNotFoundError: if the file is missing.
    """
    head, to_layout = load_head(), load_layout().from_head
    directions = np.concatenate([head.shape_basis, head.expression_basis])
    of_vertices = directions.transpose(1, 2, 0).reshape(directions.shape[1], -1)
    basis = (to_layout @ of_vertices.astype(np.float64)).reshape(-1, 3, len(directions))
    with np.load(data_file("head", "prior.npz"), allow_pickle=False) as people:
        covariance = np.zeros((len(directions), len(directions)))
        n_shape = len(head.shape_basis)
        covariance[:n_shape, :n_shape] = people["shape_covariance"]
        covariance[n_shape:, n_shape:] = people["expression_covariance"]
        likeliest = np.concatenate([people["shape"], people["expression"]])
    return HeadPrior(
        to_layout @ head.mean_head, basis.astype(np.float32), n_shape, likeliest, covariance
    )
