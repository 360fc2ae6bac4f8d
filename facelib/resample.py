"""Sampling an image at another resolution: a sparse matrix for the rows, one for the columns.

Shrinking widens the filter to the size of an output pixel, so nothing finer than the output's grid
survives as aliasing; enlarging is bilinear.
"""

import numpy as np
from scipy import sparse


def resampling_matrix(
    n_in: int, start: float, stop: float, n_out: int, edge: bool = True
) -> sparse.csr_array:
    """Weights that resample n_in pixels, between two edges, into n_out pixels.

    Args:
        n_in: number of input pixels; pixel k covers [k − 0.5, k + 0.5].
        start: where the first output pixel's near edge lies on the input, px.
        stop: where the last output pixel's far edge lies on the input, px.
        n_out: number of output pixels.
        edge: outside the input, repeat its outermost pixel; otherwise read 0.

    Returns:
        (n_out, n_in) float32 CSR; rows sum to 1 (less where `edge` is off and 0 was read).

    Raises:
        ValueError: if a size is below 1 or stop is not beyond start.
    """
    if n_in < 1 or n_out < 1 or not stop > start:
        raise ValueError(
            f"expected sizes of at least 1 and stop > start, got {n_in}, {n_out}, {start}, {stop}"
        )
    step = (stop - start) / n_out
    reach = max(step, 1.0)
    centres = start + (np.arange(n_out) + 0.5) * step
    taps = np.floor(centres - reach)[:, None] + np.arange(int(np.ceil(2 * reach)) + 2)
    weights = np.maximum(0.0, 1.0 - np.abs(taps - centres[:, None]) / reach)
    weights /= weights.sum(axis=1, keepdims=True)
    inside = (taps >= 0) & (taps < n_in)
    if not edge:
        weights = np.where(inside, weights, 0.0)
    columns = np.clip(taps, 0, n_in - 1).astype(np.int64)
    rows = np.broadcast_to(np.arange(n_out)[:, None], columns.shape)
    matrix = sparse.coo_array(
        (weights.ravel(), (rows.ravel(), columns.ravel())), shape=(n_out, n_in)
    )
    return matrix.tocsr().astype(np.float32)


def resample(
    image: np.ndarray, row_matrix: sparse.csr_array, column_matrix: sparse.csr_array
) -> np.ndarray:
    """Apply one matrix down the rows and one across the columns.

    Args:
        image: (H, W, C) float.
        row_matrix: (H', H), from `resampling_matrix`.
        column_matrix: (W', W).

    Returns:
        (H', W', C) float32.
    """
    height, width, channels = image.shape
    flat = np.ascontiguousarray(image, dtype=np.float32).reshape(height, width * channels)
    rows = (row_matrix @ flat).reshape(-1, width, channels).transpose(1, 0, 2)
    turned = column_matrix @ rows.reshape(width, -1)
    turned = turned.reshape(column_matrix.shape[0], -1, channels)
    return np.ascontiguousarray(turned.transpose(1, 0, 2))
