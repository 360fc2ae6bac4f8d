"""Sparse matrices as plain arrays, for programs that cannot wait until scipy is imported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from facelib.files.kernels import kernel

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A sparse matrix by rows, in the same three arrays as scipy's csr.

    Attributes:
        starts: (R + 1,) int64: row r has the entries starts[r] up to starts[r + 1].
        columns: (E,) int32.
        weights: (E,) float32 or float64.
        n_columns: the number C.
    """

    starts: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    n_columns: int

    @classmethod
    def of(cls, matrix: csr_array) -> SparseRows:
        """Take over scipy's matrix."""
        matrix = matrix.tocsr()
        return cls(matrix.indptr.astype(np.int64), matrix.indices, matrix.data, matrix.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(R, C)."""
        return len(self.starts) - 1, self.n_columns

    def astype(self, dtype: type) -> SparseRows:
        """Convert the weights."""
        return replace(self, weights=self.weights.astype(dtype))

    def csr(self) -> csr_array:
        """Return it as scipy's, for all that it can do besides multiplying."""
        from scipy.sparse import csr_array

        return csr_array((self.weights, self.columns, self.starts), shape=self.shape)

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """Multiply (C,) or (C, K) numbers: (R,) or (R, K), float32 if all are, else float64."""
        values = np.asarray(values)
        if values.ndim not in (1, 2) or len(values) != self.n_columns:
            raise ValueError(f"expected ({self.n_columns}, …) numbers, got {values.shape}")
        dtype = np.float32 if values.dtype == self.weights.dtype == np.float32 else np.float64
        table = np.ascontiguousarray(values if values.ndim == 2 else values[:, None], dtype)
        product = np.zeros((self.shape[0], table.shape[1]), dtype)
        _multiply(self.starts, self.columns, self.weights, table, product)
        return product if values.ndim == 2 else product[:, 0]


@dataclass(frozen=True, eq=False)
class SparseProduct:
    """A product of sparse matrices, as its factors: they have fewer entries than the product.

    Attributes:
        factors: from left to right.
    """

    factors: tuple[SparseRows, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows of the first factor, columns of the last."""
        return self.factors[0].shape[0], self.factors[-1].shape[1]

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """Multiply (C,) or (C, K) numbers: (R,) or (R, K), float32 if all are, else float64."""
        for factor in reversed(self.factors):
            values = factor @ values
        return values


@kernel()
def _multiply(starts, columns, weights, values, product):
    for row in range(len(product)):
        sums = product[row]
        for entry in range(starts[row], starts[row + 1]):
            weight, terms = weights[entry], values[columns[entry]]
            for k in range(len(sums)):
                sums[k] += weight * terms[k]
