"""Effects on a picture's values: tone, blur, grain and JPEG."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

from facelib.files.kernels import kernel

NOISE_STOCK = 2**20  # normal numbers of which `grain` returns stretches


def to_display(linear: np.ndarray, exposure: float = 1.0, gamma: float = 2.2) -> np.ndarray:
    """Convert linear light to the RGB of a photo file.

    Args:
        linear: (H, W, 3) float32 in 0..1.
        exposure: factor on the light.
        gamma: screens expect 2.2; other values change the contrast.

    Returns:
        (H, W, 3) float32 in 0..1.
    """
    steps = np.linspace(0, 1, 4096, dtype=np.float32)
    curve = np.clip(steps * np.float32(exposure), 0, 1) ** np.float32(1 / gamma)
    return curve[(np.clip(linear, 0, 1) * 4095 + 0.5).astype(np.uint16)]


def to_linear(display: np.ndarray, gamma: float = 2.2) -> np.ndarray:
    """Undo `to_display` at exposure 1."""
    return np.clip(display, 0, 1).astype(np.float32) ** np.float32(gamma)


def blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blur (H, W, 3) float32 with a Gaussian of this standard deviation; borders repeat."""
    if sigma_px < 0.2:
        return image
    radius = max(int(np.ceil(2.5 * sigma_px)), 1)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    height, width = image.shape[:2]
    padded = np.empty((height, (width + 2 * radius) * 3), np.float32)
    down, out = np.empty((height, width * 3), np.float32), np.empty_like(image)
    _blur(image.reshape(height, -1), weights, down, padded, out.reshape(height, -1))
    return out


def jpeg(photo: np.ndarray, quality: int) -> np.ndarray:
    """Store (H, W, 3) uint8 as JPEG in memory and read it back."""
    buffer = BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def grain(count: int, rng: np.random.Generator, seed: int = 17) -> np.ndarray:
    """Take standard normal numbers from a stock, which is faster than drawing them.

    Args:
        count: number of values.
        rng: draws the first one's position in the stock.
        seed: of the stock of NOISE_STOCK numbers, which repeats.

    Returns:
        (count,) float32, not to be written to.
    """
    noise = _noise_tile(seed)[rng.integers(0, NOISE_STOCK) :]
    while len(noise) < count:
        noise = np.concatenate([noise, _noise_tile(seed)])
    return noise[:count]


@lru_cache(maxsize=2)
def _noise_tile(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(NOISE_STOCK, np.float32)
    return np.append(noise, noise)


@kernel(fastmath={"contract", "reassoc", "nsz"})
def _blur(flat, weights, down, padded, out):
    """Down the columns, then along the rows of an (H, 3W) view; each inner loop is contiguous."""
    height, across = flat.shape
    radius = len(weights) // 2
    side = 3 * radius
    for row in range(height):
        first = min(max(row - radius, 0), height - 1)
        for i in range(across):
            down[row, i] = flat[first, i] * weights[0]
        for tap in range(1, len(weights)):
            source = min(max(row + tap - radius, 0), height - 1)
            for i in range(across):
                down[row, i] += flat[source, i] * weights[tap]
        for i in range(side):
            padded[row, i] = down[row, i % 3]
            padded[row, side + across + i] = down[row, across - 3 + i % 3]
        for i in range(across):
            padded[row, side + i] = down[row, i]
            out[row, i] = 0.0
        for tap in range(len(weights)):
            shift = 3 * tap
            for i in range(across):
                out[row, i] += padded[row, i + shift] * weights[tap]


def box_mean(image: np.ndarray, radius: int) -> np.ndarray:
    """Average over the square of side 2·radius + 1 around each pixel; borders repeat.

    Args:
        image: (H, W) float32.
        radius: px, 0 or more.

    Returns:
        (H, W) float32.
    """
    across, out = np.zeros((2, *image.shape), np.float32)
    padded = np.empty(image.shape[1] + 2 * radius, np.float32)
    _box_mean(np.ascontiguousarray(image, np.float32), int(radius), padded, across, out)
    return out


@kernel()
def _box_mean(image, radius, padded, across, out):
    """Average along the rows into `across`, and that down the columns.

    Every square is summed anew: a running sum would be shorter, but it would add the rounding
    errors of large values to the small ones after them. The inner loops run along rows, so that the
    compiler adds eight pixels at once.
    """
    height, width = image.shape
    share = np.float32(1.0 / (2 * radius + 1))
    for row in range(height):
        # Not slices: with them, numba compiles the texts of their errors, for seconds.
        for i in range(width + 2 * radius):
            padded[i] = image[row, min(max(i - radius, 0), width - 1)]
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
