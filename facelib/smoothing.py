"""Means over squares."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def box_mean(image, radius):
    """Average over the square of 2·radius + 1 about each pixel; borders repeat.

    Every square is added up anew: a running sum would be shorter, but it leaves the rounding errors
    of large values on the small ones that come after them. The inner loops run along rows, so that
    the compiler adds eight pixels at once.

    Args:
        image: (H, W) float32.
        radius: px, 0 or more.

    Returns:
        (H, W) float32.
    """
    height, width = image.shape
    share = np.float32(1.0 / (2 * radius + 1))
    across, out = np.zeros_like(image), np.zeros_like(image)
    padded = np.empty(width + 2 * radius, np.float32)
    for row in range(height):
        padded[:radius], padded[radius + width :] = image[row, 0], image[row, width - 1]
        padded[radius : radius + width] = image[row]
        for tap in range(2 * radius + 1):
            for col in range(width):
                across[row, col] += padded[col + tap]
    for row in range(height):
        for shift in range(-radius, radius + 1):
            source = min(max(row + shift, 0), height - 1)
            for col in range(width):
                out[row, col] += across[source, col]
        for col in range(width):
            out[row, col] *= share * share
    return out
