"""Heads as the fit knows them: the model on the layout, and which coefficients are likely."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout

EXPRESSION_MEAN, EXPRESSION_DEVIATION = 0.08, 0.18  # strengths of facial actions in photos


@dataclass(frozen=True)
class HeadPrior:
    """A linear model of layout vertices with a normal distribution of its coefficients.

    Coefficients are K of the shape and then E of the expression.

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


@lru_cache(maxsize=1)
def shipped_prior() -> HeadPrior:
    """Return the shipped head: shapes standard normal, every facial action a little, or not."""
    head, to_layout = load_head(), load_layout().from_head
    every = np.concatenate([head.shape_basis, head.expression_basis]).astype(np.float64)
    basis = np.stack([to_layout @ direction for direction in every], axis=2)
    shapes, actions = len(head.shape_basis), len(head.expression_basis)
    return HeadPrior(
        mean_head=to_layout @ head.mean_head,
        basis=np.ascontiguousarray(basis, np.float32),
        n_shape=shapes,
        likeliest=np.repeat([0.0, EXPRESSION_MEAN], [shapes, actions]),
        covariance=np.diag(np.repeat([1.0, EXPRESSION_DEVIATION**2], [shapes, actions])),
    )
