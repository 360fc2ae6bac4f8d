"""Apply one change of a photo to its pixels, and to the points that move with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numba
import numpy as np

from facelib.pairs.photo_faults import PhotoFaults, spoil


@dataclass(frozen=True)
class Change:
    """One drawn change of one photo.

    Attributes:
        angle: rad, positive rotates the image counter-clockwise as seen.
        zoom: scale factor about the crop's centre.
        shift_px: (2,) float64, shift after the rotation, x and y in px.
        channels: (3,) float32 factors.
        boxes: (n, 4) int64 x0, y0, x1, y1 in px, ends excluded.
        fillings: content of each box, (height, width, 3) float32 or None for black; () if all are
            black.
        beyond: (S, S, 3) float32, shown beyond the photo's edge; None for black.
        faults: faults of the camera and the file.
    """

    angle: float
    zoom: float
    shift_px: np.ndarray
    channels: np.ndarray
    boxes: np.ndarray
    fillings: Sequence[np.ndarray | None] = ()
    beyond: np.ndarray | None = None
    faults: PhotoFaults = field(default_factory=PhotoFaults)


def change_points(points: np.ndarray, change: Change, size: int) -> np.ndarray:
    """Move points as `change_image` moves the image.

    Args:
        points: (N, 3) px, crop frame.
        change: from `draw_change`.
        size: px, side of the crop.
    Returns:
        (N, 3) float32 px, crop frame; z is scaled by the zoom and not shifted.
    """
    c, s = np.cos(change.angle), np.sin(change.angle)
    # y points down, so a rotation that looks counter-clockwise has the transposed matrix.
    matrix = change.zoom * np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    centre = np.array([(size - 1) / 2, (size - 1) / 2, 0])
    offset = centre - matrix @ centre + [*change.shift_px, 0]
    return points @ matrix.T.astype(np.float32) + offset.astype(np.float32)


def change_image(image: np.ndarray, change: Change) -> np.ndarray:
    """Warp (bilinear), recolour, cover and spoil one photo.

    Args:
        image: (S, S, 3) RGB, uint8 or float32 in 0..1.
        change: from `draw_change`.
    Returns:
        (S, S, 3) float32 RGB in 0..1.
    """
    unit = 1 / 255 if image.dtype == np.uint8 else 1.0
    size = image.shape[0]
    c, s = np.cos(change.angle) / change.zoom, np.sin(change.angle) / change.zoom
    # Backward map: output pixel to input pixel.
    x0 = y0 = (size - 1) / 2
    x_target, y_target = x0 + change.shift_px[0], y0 + change.shift_px[1]
    backward = np.array(
        [
            [c, -s, x0 - c * x_target + s * y_target],
            [s, c, y0 - s * x_target - c * y_target],
        ]
    )
    if change.beyond is None:
        out = np.zeros(image.shape, np.float32)
    else:
        out = change.beyond.copy()
    _warp(image, backward, (change.channels * unit).astype(np.float32), out)
    fillings = change.fillings or [None] * len(change.boxes)
    for (left, top, right, bottom), filling in zip(change.boxes, fillings, strict=True):
        out[top:bottom, left:right] = 0.0 if filling is None else filling
    return spoil(out, change.faults)


@numba.njit(cache=True, nogil=True)
def _warp(image, backward, factors, out):
    """Draw the warped image onto `out`, whose pixels beyond the image's edge are kept."""
    height, width, _ = image.shape
    xx, xy, x_offset = backward[0]
    yx, yy, y_offset = backward[1]
    # The picture ends half a pixel beyond the outermost centres, plus a margin for rounding.
    low, x_high, y_high = np.float32(-0.501), np.float32(width - 0.499), np.float32(height - 0.499)
    x_last, y_last = np.float32(width - 1), np.float32(height - 1)
    one, zero = np.float32(1), np.float32(0)
    for row in range(height):
        for column in range(width):
            x = np.float32(xx * column + xy * row + x_offset)
            y = np.float32(yx * column + yy * row + y_offset)
            if x < low or y < low or x > x_high or y > y_high:
                continue
            x, y = min(max(x, zero), x_last), min(max(y, zero), y_last)
            left, top = np.int32(x), np.int32(y)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            fx, fy = x - np.float32(left), y - np.float32(top)
            w11 = fx * fy
            w10, w01 = fy - w11, fx - w11
            w00 = one - fx - w10
            for channel in range(3):
                value = (
                    np.float32(image[top, left, channel]) * w00
                    + np.float32(image[top, right, channel]) * w01
                    + np.float32(image[bottom, left, channel]) * w10
                    + np.float32(image[bottom, right, channel]) * w11
                )
                out[row, column, channel] = min(value * factors[channel], one)
