"""What may be done to a training pair: rotate, recolour, hide parts (thesis section 2.3).

Beyond the thesis, what real photos need: a crop that sits elsewhere, textures in the place of
black, and what cameras and files do to a photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numba
import numpy as np

from facelib.imaging.backgrounds import random_background
from facelib.imaging.effects import grain
from facelib.imaging.imagefiles import to_uint8
from facelib.pairs.photo_faults import PhotoFaults, spoil

N_TEXTURES = 128  # in stock, of each size: to draw a new one takes as long as all the rest
BEST_JPEG = 95  # a better one cannot be told from the photo


@dataclass(frozen=True)
class Augmentation:
    """How much a pair may change; every draw is uniform, and the two photos draw independently.

    The defaults are the thesis's recipe, in which all that follows `dropout_side` is off.

    Attributes:
        rotation_deg: largest turn about the crop's centre, either way.
        channel_scale: smallest and largest factor of a colour channel (the thesis's text; its code
            has 0.6 to 1.4).
        dropout_probability: chance of each box that covers a part, black unless textured.
        dropout_boxes: most boxes in a photo.
        dropout_side: smallest and largest side of a box, share of the crop.
        shift: largest move along x and along y, share of the crop.
        zoom: largest growth or shrinkage, share of the size.
        texture_probability: chance that a box, or all that a change uncovers beyond the photo's
            edge, shows a texture; else it is black.
        gamma: largest exponent on the displayed values, or its inverse; 1 for none.
        fault_probability: chance of each of blur, noise and JPEG.
        blur: largest standard deviation, share of the crop.
        noise: largest standard deviation, share of white.
        worst_jpeg: lowest quality, 1..95; 0 for no JPEG.
    """

    rotation_deg: float = 45.0
    channel_scale: tuple[float, float] = (0.9, 1.2)
    dropout_probability: float = 0.5
    dropout_boxes: int = 1
    dropout_side: tuple[float, float] = (0.1, 0.35)
    shift: float = 0.0
    zoom: float = 0.0
    texture_probability: float = 0.0
    gamma: float = 1.0
    fault_probability: float = 0.5
    blur: float = 0.0
    noise: float = 0.0
    worst_jpeg: int = 0

    @classmethod
    def for_photos(cls) -> Augmentation:
        """Return the thesis's recipe and what real photos need beside it."""
        return cls(
            shift=0.05,
            zoom=0.1,
            texture_probability=0.7,  # black stays: it is what a crop beyond a photo's edge shows
            gamma=1.6,
            blur=0.012,
            noise=0.06,
            worst_jpeg=25,
        )


NO_AUGMENTATION = Augmentation(0.0, (1.0, 1.0), 0.0, 0)
PRESETS = {"thesis": Augmentation(), "photos": Augmentation.for_photos()}


@dataclass(frozen=True)
class Change:
    """One drawn change of one photo.

    Attributes:
        angle: rad, positive turns the picture counter-clockwise as seen.
        zoom: growth about the crop's centre.
        shift_px: (2,) float64, move after turning, x and y in px.
        channels: (3,) float32 factors.
        boxes: (n, 4) int64 x0, y0, x1, y1 in px, ends excluded.
        fillings: what each box shows, (height, width, 3) float32 or None for black; () if all are
            black.
        beyond: (S, S, 3) float32 that shows where the photo has ended, or None for black.
        faults: what the camera and the file do.
    """

    angle: float
    zoom: float
    shift_px: np.ndarray
    channels: np.ndarray
    boxes: np.ndarray
    fillings: Sequence[np.ndarray | None] = ()
    beyond: np.ndarray | None = None
    faults: PhotoFaults = field(default_factory=PhotoFaults)


def draw_change(size: int, rng: np.random.Generator, settings: Augmentation) -> Change:
    """Draw how one photo is changed.

    What is off draws nothing, and what moves the photo is drawn first: so a setting of the looks
    changes no truth.

    Args:
        size: px, side of the photo.
        rng: draws everything.
        settings: ranges.
    Returns:
        The change.
    """
    u = rng.uniform(-1.0, 1.0, 4)
    n_boxes = int((rng.random(settings.dropout_boxes) < settings.dropout_probability).sum())
    sides = np.rint(rng.uniform(*settings.dropout_side, (n_boxes, 2)) * size).astype(np.int64)
    corners = rng.integers(0, np.maximum(size - sides, 0) + 1)
    return Change(
        angle=float(np.deg2rad(settings.rotation_deg) * u[0]),
        zoom=float(1.0 + settings.zoom * u[1]),
        shift_px=settings.shift * size * u[2:],
        channels=rng.uniform(*settings.channel_scale, 3).astype(np.float32),
        boxes=np.concatenate([corners, corners + sides], axis=1),
        fillings=[_draw_texture(width, height, size, rng, settings) for width, height in sides],
        beyond=_draw_texture(size, size, size, rng, settings),
        faults=_draw_faults(size, rng, settings),
    )


def _draw_texture(width, height, size, rng, settings):
    share = settings.texture_probability
    if not share or rng.random() >= share:
        return None
    which, top, left = rng.integers(0, (N_TEXTURES, size, size))
    # What leaves the texture on one side comes in again on the other.
    moved = np.roll(_textures(size)[which], (-top, -left), axis=(0, 1))
    return moved[:height, :width] * np.float32(1 / 255)


@lru_cache(maxsize=2)
def _textures(size):
    rng = np.random.default_rng(23)
    return np.stack([to_uint8(random_background(rng, size)) for _ in range(N_TEXTURES)])


def _draw_faults(size, rng, settings):
    def has(largest):
        return largest > 0 and rng.random() < settings.fault_probability

    gamma, blur_px, noise, quality = 1.0, 0.0, None, 0
    if settings.gamma != 1.0:
        gamma = settings.gamma ** rng.uniform(-1.0, 1.0)
    if has(settings.blur):
        blur_px = size * rng.uniform(0.0, settings.blur)
    if has(settings.noise):
        deviation = np.float32(rng.uniform(0.0, settings.noise))
        noise = deviation * grain(3 * size**2, rng).reshape(size, size, 3)
    if has(settings.worst_jpeg):
        quality = int(rng.integers(settings.worst_jpeg, BEST_JPEG + 1))
    return PhotoFaults(gamma, blur_px, noise, quality)


def change_points(points: np.ndarray, change: Change, size: int) -> np.ndarray:
    """Move points the way `change_image` moves the picture.

    Args:
        points: (N, 3) px, crop frame.
        change: from `draw_change`.
        size: px, side of the crop.
    Returns:
        (N, 3) float32 px, crop frame; z only grows with the zoom.
    """
    c, s = np.cos(change.angle), np.sin(change.angle)
    # y points down, so the matrix of a turn that looks counter-clockwise is transposed.
    turn = change.zoom * np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    centre = np.array([(size - 1) / 2, (size - 1) / 2, 0])
    offset = centre - turn @ centre + [*change.shift_px, 0]
    return points @ turn.T.astype(np.float32) + offset.astype(np.float32)


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
    """Draw the warped image onto `out`, which keeps its own pixels beyond the image's edge."""
    height, width, _ = image.shape
    xx, xy, x_offset = backward[0]
    yx, yy, y_offset = backward[1]
    # Half a pixel beyond the outermost centres is still the picture; rounding gets a little more.
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


def augment(
    front: np.ndarray,
    side: np.ndarray,
    vertices_image: np.ndarray,
    rng: np.random.Generator,
    settings: Augmentation,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Change both photos of a pair, each its own way; the vertices follow the front photo.

    Args:
        front: (S, S, 3) RGB, uint8 or float32 in 0..1.
        side: (S, S, 3) RGB, uint8 or float32 in 0..1.
        vertices_image: (V, 3) px, crop frame of the front photo.
        rng: draws everything.
        settings: ranges.
    Returns:
        front and side (S, S, 3) float32 in 0..1, vertices_image (V, 3) float32 px.
    Raises:
        ValueError: if the photos are not square RGB of one size.
    """
    return augment_with_side(front, side, vertices_image, np.zeros((0, 3)), rng, settings)[:3]


def augment_with_side(
    front: np.ndarray,
    side: np.ndarray,
    vertices_image: np.ndarray,
    points_side: np.ndarray,
    rng: np.random.Generator,
    settings: Augmentation,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Do as `augment` does, by the same draws, and have other points follow the side photo.

    Args:
        front: as in `augment`; so all but what follows.
        side: (S, S, 3).
        vertices_image: (V, 3).
        points_side: (N, 3) px, crop frame of the side photo.
        rng: draws everything.
        settings: ranges.
    Returns:
        What `augment` returns, and points_side (N, 3) float32 px.
    Raises:
        ValueError: if the photos are not square RGB of one size.
    """
    size = front.shape[0]
    if front.shape != (size, size, 3) or side.shape != front.shape:
        raise ValueError(f"photos must both be (S, S, 3), got {front.shape} and {side.shape}")
    front_change = draw_change(size, rng, settings)
    side_change = draw_change(size, rng, settings)
    return (
        change_image(front, front_change),
        change_image(side, side_change),
        change_points(vertices_image, front_change, size),
        change_points(points_side, side_change, size),
    )


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


def shrink(
    front: np.ndarray, side: np.ndarray, vertices_image: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale a stored pair down by a whole number: block means, and vertices to match.

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
    """Move (N, 3) points, px, to where they are when the crop has shrunk to a k-th of its side.

    Pixel centres are whole numbers, so x becomes (x + 0.5) / k − 0.5, and z becomes z / k.
    """
    half = np.array([0.5, 0.5, 0.0], np.float32)
    return (points + half) / k - half
