"""How smooth is a position map? Its normals from texel to texel, and the checkerboard in it.

A mean distance hardly sees a map that trembles: half a pixel up at every other texel is
half a pixel of error, and a mesh like a grater. Decoders of transposed convolutions are known for
it (Odena et al. 2016, Deconvolution and checkerboard artifacts). So both measures look at the
surface: how far its normal turns between neighbours, and how much of the map flips its sign from
one texel to the next. A face has wrinkles of its own: set either beside the truth's.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion, convolve1d

from facelib.geometry.mesh import MIN_LENGTH

BINOMIAL = np.array([1.0, 2.0, 1.0]) / 4  # takes what flips at every texel to exactly 0
WINDOW = np.convolve(np.convolve(BINOMIAL, BINOMIAL), np.convolve(BINOMIAL, BINOMIAL))
"""(9,) weights of the neighbourhood over which a period of 2 must persist to be called one."""


def normal_turn_deg(position_map: np.ndarray, inside: np.ndarray) -> float:
    """Return the mean angle between the normals of neighbouring cells, degrees.

    A cell is a texel with its right and its lower neighbour. Differences reach one texel only:
    central ones, which reach two, do not see a checkerboard. On a smooth surface the angle is the
    curvature times the way from texel to texel, so it can be compared at one size of map only.

    Args:
        position_map: (S, S, 3) float, in any frame and unit that x, y and z share.
        inside: (S, S) bool, the texels that count.

    Raises:
        ValueError: if the shapes do not fit, or no two neighbouring cells lie inside.
    """
    points = _checked(position_map, inside)
    normals = np.cross(points[1:, :-1] - points[:-1, :-1], points[:-1, 1:] - points[:-1, :-1])
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), MIN_LENGTH)
    cells = inside[:-1, :-1] & inside[1:, :-1] & inside[:-1, 1:]
    below = _angles(normals[1:], normals[:-1])[cells[1:] & cells[:-1]]
    beside = _angles(normals[:, 1:], normals[:, :-1])[cells[:, 1:] & cells[:, :-1]]
    if not len(below) + len(beside):
        raise ValueError("expected neighbouring cells inside, got none")
    return float(np.rad2deg(np.concatenate([below, beside]).mean()))


def checkerboard(position_map: np.ndarray, inside: np.ndarray) -> float:
    """Return how strongly a map repeats itself every two texels: root mean square amplitude.

    Three patterns have that period: stripes of rows, stripes of columns, and squares. Each is
    multiplied into what a binomial filter takes out of the map, which turns the pattern into a
    constant and all that is smooth into a tremble, and averaged over a few texels, which keeps the
    constant alone. A pattern of amplitude a, +a at one texel and −a at the next, answers a.

    Args:
        position_map: (S, S, 3) float.
        inside: (S, S) bool, the texels that count; those too near its rim do not.

    Returns:
        The amplitude of all three coordinates and patterns together, in the map's unit.

    Raises:
        ValueError: if the shapes do not fit, or no texel lies far enough inside.
    """
    points = _checked(position_map, inside)
    reach = 1 + len(WINDOW) // 2
    deep = binary_erosion(inside, np.ones((2 * reach + 1,) * 2))
    if not deep.any():
        raise ValueError(f"expected texels {reach} or more from the rim, got none")
    fine = points - _filtered(points, BINOMIAL)
    rows, columns = (1.0 - 2.0 * (index % 2)[..., None] for index in np.indices(inside.shape))
    amplitudes = [
        _filtered(fine * flips, WINDOW)[deep] for flips in (rows, columns, rows * columns)
    ]
    return float(np.sqrt(np.square(amplitudes).sum(axis=(0, 2)).mean()))


def _filtered(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return convolve1d(convolve1d(points, weights, axis=0), weights, axis=1)


def _angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    # The sine and the cosine together: the cosine alone is blind to small angles.
    sine = np.linalg.norm(np.cross(one, other), axis=2)
    return np.arctan2(sine, np.einsum("rck,rck->rc", one, other))


def _checked(position_map: np.ndarray, inside: np.ndarray) -> np.ndarray:
    if position_map.ndim != 3 or position_map.shape != (*inside.shape, 3):
        raise ValueError(
            f"expected a map (S, S, 3) and (S, S) texels, got {position_map.shape}, {inside.shape}"
        )
    return np.asarray(position_map, dtype=np.float64)
