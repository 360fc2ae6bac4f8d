"""The resampler: any box of an image, sampled on a grid of any size.

Shrinking widens the filter to the size of an output pixel, so detail finer than the output's grid
does not alias; enlarging is bilinear. Both use one triangle filter (Pillow's BILINEAR), along the
rows' axis and then along the columns'.
"""

from __future__ import annotations

import numpy as np

from facelib.files.kernels import kernel

WIDEST_BOX_PX = 1e6  # bounds the memory: a filter has two weights per pixel of the box


def resample(
    image: np.ndarray,
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    repeat_edge: bool = True,
) -> np.ndarray:
    """Sample a box of an image on a grid.

    Args:
        image: (H, W, C), float or uint8; pixel k covers [k − 0.5, k + 0.5].
        box: left, top, right, bottom: the outer edges of the grid, px of the image.
        size: height and width of the grid.
        repeat_edge: outside the image, use the outermost pixel; otherwise 0.

    Returns:
        (height, width, C) float32, on the image's own scale of values.

    Raises:
        ValueError: if the image is not (H, W, C), a side of the image, the box or the grid is
            empty, or the box is not finite or wider than a million px.
    """
    if np.ndim(image) != 3:
        raise ValueError(f"expected an image (H, W, C), got {np.shape(image)}")
    left, top, right, bottom = box
    height, _, channels = image.shape
    rows = _taps(height, top, bottom, size[0], repeat_edge)
    columns = _taps(image.shape[1], left, right, size[1], repeat_edge)
    first_column, column_weights = columns
    width = first_column[-1] + column_weights.shape[1] - first_column[0]  # they ascend
    line = np.empty(width * channels, np.float32)
    out = np.empty((*size, channels), np.float32)
    _filter(_contiguous(image).reshape(height, -1), *rows, *columns, line, out)
    return out


def resize_image(image: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Resize the whole image.

    Args:
        image: (H, W, C), float or uint8.
        size: the new (height, width), px, or one number for both.

    Returns:
        (height, width, C) float32.

    Raises:
        ValueError: if the image is not (H, W, C) or a size is below 1.
    """
    if np.ndim(image) != 3:
        raise ValueError(f"expected an image (H, W, C), got {np.shape(image)}")
    height, width = image.shape[:2]
    whole = (-0.5, -0.5, width - 0.5, height - 0.5)
    return resample(image, whole, (size, size) if np.ndim(size) == 0 else size)


def _taps(
    n_in: int, start: float, stop: float, n_out: int, repeat_edge: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The input pixels of each output pixel along one axis, and their weights.

    Returns:
        The first of T neighbouring input pixels, (n_out,) int64, and their weights, (n_out, T)
        float32, whose rows sum to 1 (or less, if pixels outside the image count as 0).
    """
    if n_in < 1 or n_out < 1 or not stop > start:
        raise ValueError(
            f"expected sizes of at least 1 and stop > start, got {n_in}, {n_out}, {start}, {stop}"
        )
    if not (np.isfinite([start, stop]).all() and stop - start <= WIDEST_BOX_PX):
        raise ValueError(f"expected a box of at most {WIDEST_BOX_PX:g} px, got {start} to {stop}")
    step = (stop - start) / n_out
    reach = max(step, 1.0)
    centres = start + (np.arange(n_out) + 0.5) * step
    taps = np.floor(centres - reach)[:, None] + np.arange(int(np.ceil(2 * reach)) + 2)
    weights = np.maximum(0.0, 1.0 - np.abs(taps - centres[:, None]) / reach)
    weights /= weights.sum(axis=1, keepdims=True)
    if not repeat_edge:
        weights[(taps < 0) | (taps >= n_in)] = 0.0
    inside = np.clip(taps, 0, n_in - 1).astype(np.int64)
    n_taps = min(inside.shape[1], n_in)
    first = np.minimum(inside[:, 0], n_in - n_taps)
    merged = np.zeros((n_out, n_taps))
    np.add.at(merged, (np.arange(n_out)[:, None], inside - first[:, None]), weights)
    return first, merged.astype(np.float32)


def _contiguous(image: np.ndarray) -> np.ndarray:
    """Return an image as uint8 or float32 without gaps between its values."""
    if image.dtype != np.uint8:
        return np.ascontiguousarray(image, np.float32)
    if image.flags.c_contiguous or image.strides[2] != 1:
        return np.ascontiguousarray(image)
    whole_pixels = image.view(f"V{image.shape[2]}")  # copied at once, not value by value
    return np.ascontiguousarray(whole_pixels).view(np.uint8).reshape(image.shape)


@kernel()
def _filter(flat, first_row, row_weights, first_column, column_weights, line, out):
    """Combine rows into one line at a time, which stays in the cache, then that line's columns.

    The innermost loops go through slices from 0 on: such loops run on vector registers.

    `flat` is the image, (H, W · C) uint8 or float32; `line` is room for the part of a row that the
    columns use.
    """
    channels = out.shape[2]
    begin = first_column[0] * channels
    for i in range(len(first_row)):
        line[:] = 0
        for tap in range(row_weights.shape[1]):
            weight = row_weights[i, tap]
            if weight > 0:
                source = flat[first_row[i] + tap, begin : begin + len(line)]
                for place in range(len(line)):
                    line[place] += weight * np.float32(source[place])
        for j in range(len(first_column)):
            weights = column_weights[j]
            start = first_column[j] * channels - begin
            values = line[start : start + len(weights) * channels]
            for channel in range(channels):
                total = np.float32(0)
                for tap in range(len(weights)):
                    total += weights[tap] * values[tap * channels + channel]
                out[i, j, channel] = total
