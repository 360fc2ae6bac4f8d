"""Images in and out and at other sizes: always RGB float32 in 0..1, (H, W, 3), upright.

Resampling is one sparse matrix for the rows and one for the columns. Shrinking widens the filter to
the size of an output pixel, so nothing finer than the output's grid survives as aliasing; enlarging
is bilinear.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import sparse

from facelib.files.atomic import replacing

JPEG_QUALITY = 95
MAX_PIXELS = 80_000_000  # 960 MB as float32 RGB; a large camera's photo has half of it
# Pillow knows more, but among them formats, such as EPS, that run other programs.
FORMATS = (
    "AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TGA",
    "TIFF", "WEBP",
)  # fmt: skip
# What Pillow is known to raise on damaged bytes.
DAMAGED = (
    OSError, SyntaxError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    ArithmeticError, MemoryError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip

Decoded = TypeVar("Decoded")


def read_image(path: str | Path) -> np.ndarray:
    """Read a photo as it is meant to be seen.

    The orientation that a phone notes beside the pixels (EXIF) is applied, transparency is laid
    over white, grey (8 or 16 bits) and CMYK become RGB.

    Args:
        path: a file in one of `FORMATS`; of an animation, the first picture.

    Returns:
        (H, W, 3) float32 RGB in 0..1.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a picture, or is a damaged or a gigantic one.
    """
    return decode_image(path, lambda picture: _to_rgb(ImageOps.exif_transpose(picture)))


def decode_image(
    path: str | Path,
    decode: Callable[[Image.Image], Decoded],
    max_pixels: int = MAX_PIXELS,
    formats: tuple[str, ...] = FORMATS,
) -> Decoded:
    """Open a picture, look at its size before anything is unpacked, and decode it.

    Args:
        path: of the file.
        decode: what to make of the picture; whatever Pillow raises in it is damage.
        max_pixels: a larger picture is refused.
        formats: those that are tried, whatever the file is called.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a picture, or is a damaged or a gigantic one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected an image file, found none at {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that are looked at here, of odd EXIF
            with Image.open(path, formats=formats) as picture:
                if picture.width * picture.height <= max_pixels:
                    return decode(picture)
                size = f"{picture.width} x {picture.height}"
    except Image.DecompressionBombError:
        size = "many more"
    except UnidentifiedImageError as error:
        raise ValueError(f"expected an image, but {path} is none that can be read") from error
    except DAMAGED as error:
        raise ValueError(f"expected a whole image, but {path} is damaged: {error}") from error
    limit = f"{max_pixels / 1e6:.3g} million px"
    raise ValueError(f"expected an image of at most {limit}, got {size} in {path}")


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image in the format that the file's ending names.

    The file appears whole or not at all.

    Args:
        path: ends in .png, .jpg or another ending that Pillow writes.
        image: (H, W, 3) or (H, W) float in 0..1 (values outside are clipped).

    Raises:
        ValueError: if the shape, or the ending, is another one.
        OSError: if the file cannot be written.
    """
    path, image = Path(path), np.asarray(image)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"expected an image (H, W, 3) or (H, W), got {image.shape}")
    form = Image.registered_extensions().get(path.suffix.lower())
    if form not in Image.SAVE:
        raise ValueError(f"expected an image ending such as .png or .jpg, got {path.name!r}")
    picture = Image.fromarray(to_uint8(image))
    options = {"quality": JPEG_QUALITY} if form == "JPEG" else {}
    try:
        with replacing(path) as temporary:
            picture.save(temporary, form, **options)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error


def resize_image(image: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Resize the whole image, without aliasing when it shrinks.

    Args:
        image: (H, W, C) float.
        size: the new (height, width), px, or one number for both.

    Returns:
        (height, width, C) float32.

    Raises:
        ValueError: if the image is not (H, W, C) or the size is below 1.
    """
    if np.ndim(image) != 3:
        raise ValueError(f"expected an image (H, W, C), got {np.shape(image)}")
    height, width = (size, size) if np.ndim(size) == 0 else size
    rows = resampling_matrix(image.shape[0], -0.5, image.shape[0] - 0.5, height)
    columns = resampling_matrix(image.shape[1], -0.5, image.shape[1] - 0.5, width)
    return resample(image, rows, columns)


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


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Round an image from float 0..1 to uint8 0..255, clipping what lies outside."""
    return np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def _to_rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith("I") or picture.mode == "F":
        # Pillow's own conversion would clip 16-bit grey to its darkest 1/256.
        grey = np.asarray(picture, dtype=np.float32) / 65535.0
        return np.repeat(np.clip(grey, 0.0, 1.0)[..., None], 3, axis=2)
    if picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"), dtype=np.float32) / 255.0
        return rgba[..., :3] * rgba[..., 3:] + (1.0 - rgba[..., 3:])
    return np.asarray(picture.convert("RGB"), dtype=np.float32) / 255.0
