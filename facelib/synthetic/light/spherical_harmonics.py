"""Light from all directions as nine numbers per colour: real spherical harmonics, orders 0 to 2.

Nine are enough for diffuse surfaces, because Lambert's cosine removes finer detail: it scales the
orders 0, 1, 2 by π, 2π/3, π/4 and leaves hardly 1 % of the energy for all others (Ramamoorthi and
Hanrahan 2001). Irradiance is divided by π, so that radiance 1 from all directions gives a white
surface the value 1.
"""

from __future__ import annotations

import numpy as np

# Y = FACTORS · (1, y, z, x, xy, yz, 3z² − 1, xz, x² − y²)
FACTORS = np.array(
    [0.28209479]
    + [0.48860251, 0.48860251, 0.48860251]
    + [1.09254843, 1.09254843, 0.31539157, 1.09254843, 0.54627422]
)
ORDERS = np.array([0, 1, 1, 1, 2, 2, 2, 2, 2])
COSINE = np.array([1.0, 2 / 3, 1 / 4])  # the clamped cosine's share of each order, over π


def basis(directions: np.ndarray) -> np.ndarray:
    """Evaluate the nine functions.

    Args:
        directions: (..., 3) float, unit vectors.

    Returns:
        (..., 9) float64.
    """
    directions = np.asarray(directions, np.float64)
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    out = np.empty((*x.shape, 9))
    terms = (1.0, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y)
    for k, term in enumerate(terms):
        out[..., k] = term
    return out * FACTORS


def uniform(color: np.ndarray) -> np.ndarray:
    """Return uniform light of `color` (3,): (9, 3) float64."""
    light = np.zeros((9, 3))
    light[0] = np.asarray(color) * np.sqrt(4 * np.pi)
    return light


def gradient(up: np.ndarray, sky: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Return light that changes linearly from `ground` below to `sky` above.

    Args:
        up: (3,) float, unit vector.
        sky: (3,) RGB radiance straight above.
        ground: (3,) RGB radiance straight below.

    Returns:
        (9, 3) float64.
    """
    sky, ground = np.asarray(sky, np.float64), np.asarray(ground, np.float64)
    light = uniform((sky + ground) / 2)
    light[1:4] = np.outer(basis(up)[1:4], (sky - ground) / 2 * (4 * np.pi / 3))
    return light


def disc(direction: np.ndarray, half_angle: float, color: np.ndarray) -> np.ndarray:
    """Return a round lamp, window or sun of even radiance, in closed form.

    Args:
        direction: (3,) float, unit vector to its middle.
        half_angle: rad, from its middle to its rim; π is uniform light.
        color: (3,) RGB radiance.

    Returns:
        (9, 3) float64.
    """
    c, s2 = np.cos(half_angle), np.sin(half_angle) ** 2
    # 2π times the integral of each Legendre polynomial over the cap.
    zonal = 2 * np.pi * np.array([1 - c, s2 / 2, c * s2 / 2])
    return np.outer(basis(direction) * zonal[ORDERS], color)


def radiance(light: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Evaluate light (9, C) in directions (..., 3), unit vectors: (..., C) float64."""
    return basis(directions) @ light


def irradiance(light: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Light on surfaces with these normals, over π, in closed form (Ramamoorthi 2001, eq. 12).

    Args:
        light: (9, C) float.
        normals: (..., 3) float, unit vectors.

    Returns:
        (..., C) float64; a white surface has this colour.
    """
    return basis(normals) @ (light * COSINE[ORDERS][:, None])


def rotated(light: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Rotate the light: direction d becomes `rotation` · d.

    Args:
        light: (9, C) float.
        rotation: (3, 3) float.

    Returns:
        (9, C) float64.
    """
    # Values in nine or more directions determine the nine numbers: no table of rotations needed.
    return _FROM_SAMPLES @ radiance(light, _SAMPLES @ np.asarray(rotation, np.float64))


def fibonacci_sphere(count: int) -> np.ndarray:
    """Spread unit vectors evenly along Fibonacci's spiral: (count, 3) float64."""
    i = np.arange(count) + 0.5
    height, azimuth = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    ring = np.sqrt(1 - height**2)
    return np.column_stack([ring * np.cos(azimuth), height, ring * np.sin(azimuth)])


_SAMPLES = fibonacci_sphere(24)
_FROM_SAMPLES = np.linalg.pinv(basis(_SAMPLES))
