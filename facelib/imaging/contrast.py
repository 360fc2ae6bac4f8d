"""How many of the values from black to white a picture uses, and a picture stretched to more."""

from __future__ import annotations

import numpy as np

from facelib.imaging.imagefiles import to_float

LEAST_CONTRAST = 0.25
"""Pictures of less contrast are stretched for a network: below it, the points of chapter 9's
network move; at a tenth of this they are lost."""
LOW, HIGH = 1, 99  # percentiles between which the contrast is measured
SAMPLED_PX = 256  # pixels along the longer side that are counted
DARKEST, BRIGHTEST = 0.05, 0.95  # what a stretched picture's percentiles become


def contrast(image: np.ndarray) -> float:
    """Return the range of a picture's grey values, without the outermost percent on each side.

    Args:
        image: (H, W, 3) uint8, or float in 0..1.

    Returns:
        0 (all the same) to 1 (black to white).
    """
    low, high = _percentiles(to_float(image))
    return high - low


def with_contrast(image: np.ndarray) -> np.ndarray:
    """Stretch a picture of too little contrast; others stay as they are.

    Args:
        image: (H, W, 3) uint8, or float in 0..1.

    Returns:
        (H, W, 3) float32 in 0..1.
    """
    image = to_float(image)
    low, high = _percentiles(image)
    if not 0 < high - low < LEAST_CONTRAST:
        return image
    scale = (BRIGHTEST - DARKEST) / (high - low)
    return (DARKEST + (image - np.float32(low)) * np.float32(scale)).clip(0, 1)


def _percentiles(image: np.ndarray) -> tuple[float, float]:
    step = max(1, max(image.shape) // SAMPLED_PX)
    low, high = np.percentile(image[::step, ::step].mean(axis=-1), [LOW, HIGH])
    return float(low), float(high)
