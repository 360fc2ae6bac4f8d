"""Shrink stored pairs by a whole factor, for which block means are enough."""

from __future__ import annotations

import numba
import numpy as np


def shrink(
    front: np.ndarray, side: np.ndarray, vertices_image: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shrink a stored pair by a whole factor: block means of the photos, and matching vertices.

    Args:
        front: (S, S, 3) uint8.
        side: (S, S, 3) uint8.
        vertices_image: (V, 3) px, crop frame at S px.
        size: px, wanted side; S must be a multiple of it.
    Returns:
        The pair at `size` px: uint8, uint8, float32.
    Raises:
        ValueError: if S is not a multiple of size.
    """
    k, rest = divmod(front.shape[0], size)
    if rest or k == 0:
        raise ValueError(f"size must divide the stored size {front.shape[0]} px, got {size}")
    if k == 1:
        return front, side, vertices_image
    return _block_mean(front, k), _block_mean(side, k), shrink_points(vertices_image, k)


def shrink_points(points: np.ndarray, k: int) -> np.ndarray:
    """Move (N, 3) points, px, with a crop that shrinks by the factor k.

    Pixel centres are whole numbers, so x becomes (x + 0.5) / k − 0.5, and z becomes z / k.
    """
    half = np.array([0.5, 0.5, 0.0], np.float32)
    return (points + half) / k - half


@numba.njit(cache=True, nogil=True)
def _block_mean(image, k):
    size = image.shape[0] // k
    out = np.empty((size, size, 3), np.uint8)
    for row in range(size):
        for column in range(size):
            for channel in range(3):
                total = 0
                for i in range(k):
                    for j in range(k):
                        total += image[row * k + i, column * k + j, channel]
                out[row, column, channel] = (total + k * k // 2) // (k * k)
    return out
