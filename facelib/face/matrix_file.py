"""The matrix of a layout in a file: what `mesh_transfer` found, kept for the next time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from facelib.files.atomic import replacing
from facelib.files.reading import in_a_line, read_npz

MATRIX_FORMAT = 1
MAX_MATRIX_BYTES = 2**26  # of a matrix of three numbers per layout vertex


def save_matrix(path: Path | str, matrix: csr_array) -> None:
    """Write a layout's matrix to an .npz file, whole or not at all."""
    parts = {name: getattr(matrix, name) for name in ("data", "indices", "indptr", "shape")}
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, format=MATRIX_FORMAT, **parts)


def _check_rows(values, columns, starts, shape: tuple[int, int]) -> None:
    """Raise ValueError for rows that scipy would read beyond their arrays; it checks less."""
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        raise ValueError("its numbers are not finite")
    n_rows, n_columns = shape
    if columns.dtype.kind != "i" or starts.dtype.kind != "i" or starts.shape != (n_rows + 1,):
        raise ValueError("its rows cannot be")
    rising = starts[0] == 0 and (np.diff(starts) >= 0).all() and starts[-1] == len(columns)
    inside = not columns.size or 0 <= columns.min() <= columns.max() < n_columns
    if not (values.shape == columns.shape == (len(columns),) and rising and inside):
        raise ValueError("its rows name places outside of it")


def load_matrix(path: Path | str) -> csr_array:
    """Read a file of `save_matrix`.

    Raises:
        ValueError: if the file is something else.
    """
    arrays = read_npz(path, "a layout matrix", MAX_MATRIX_BYTES)
    try:
        if arrays["format"].tolist() != MATRIX_FORMAT:
            raise ValueError(f"format {arrays['format']}")
        parts = tuple(arrays[name] for name in ("data", "indices", "indptr"))
        shape = tuple(arrays["shape"].tolist())
        _check_rows(*parts, shape)
        matrix = csr_array(parts, shape=shape)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"cannot read {path} as a layout matrix: {in_a_line(error)}") from error
    return matrix
