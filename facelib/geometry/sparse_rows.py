"""Sparse matrices as plain arrays, for programs that cannot wait until scipy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A sparse matrix by rows, in the same three arrays as scipy's csr.

    Attributes:
        starts: (R + 1,) int: row r has the entries starts[r] up to starts[r + 1], at least one.
        columns: (E,) int.
        weights: (E,) float32.
    """

    starts: np.ndarray
    columns: np.ndarray
    weights: np.ndarray

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """Multiply (C,) or (C, K) float values: (R,) or (R, K), of the values' dtype."""
        weights = self.weights.astype(values.dtype, copy=False)
        terms = values[self.columns] * (weights if values.ndim == 1 else weights[:, None])
        return np.add.reduceat(terms, self.starts[:-1], axis=0)

    @cached_property
    def rows(self) -> np.ndarray:
        """(E,) int, the row of each entry."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def times_sparse(self, places: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Multiply values of which most rows are 0.

        Args:
            places: (P,) int, sorted: the rows that are not 0.
            values: (P, K) float: those rows.

        Returns:
            The same of the product: places (Q,) and values (Q, K).
        """
        place_of = np.full(int(self.columns.max(initial=0)) + 1, -1)
        place_of[places] = np.arange(len(places))
        used = np.flatnonzero(place_of[self.columns] >= 0)
        terms = values[place_of[self.columns[used]]]
        terms *= self.weights[used].astype(values.dtype, copy=False)[:, None]
        rows = self.rows[used]
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        if not len(first):
            return rows, terms
        return rows[first], np.add.reduceat(terms, first, axis=0)


@dataclass(frozen=True, eq=False)
class SparseProduct:
    """A product of sparse matrices, as its factors: they have fewer entries than the product.

    Attributes:
        factors: from left to right.
    """

    factors: tuple[SparseRows, ...]

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """Multiply (C,) or (C, K) float values: (R,) or (R, K), of the values' dtype."""
        for factor in reversed(self.factors):
            values = factor @ values
        return values

    def times_sparse(self, places: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Multiply values of which most rows are 0: see `SparseRows.times_sparse`."""
        for factor in reversed(self.factors):
            places, values = factor.times_sparse(places, values)
        return places, values
