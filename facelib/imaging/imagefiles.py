"""Image files: photos read and written, as RGB float32 in 0..1, (H, W, 3), upright."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from facelib.files.atomic import replacing

JPEG_QUALITY = 95
MAX_PIXELS = 80_000_000  # 960 MB as float32 RGB; a large camera's photo has half as many
# Pillow reads more formats, but some of them, such as EPS, run other programs.
FORMATS = (
    "AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TGA",
    "TIFF", "WEBP",
)  # fmt: skip
# Exceptions that Pillow is known to raise on damaged files.
DAMAGED = (
    OSError, SyntaxError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    ArithmeticError, MemoryError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip

Decoded = TypeVar("Decoded")


def read_image(path: str | Path) -> np.ndarray:
    """Read a photo as it should be displayed.

    The file's EXIF orientation is applied, transparency is drawn over white, and grey (8 or 16
    bits) and CMYK become RGB.

    Args:
        path: a file in one of `FORMATS`; the first picture of an animation is read.

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
    """Open a picture, check its size before anything is decompressed, and decode it.

    Args:
        path: of the file.
        decode: converts the picture; any exception of Pillow in it means a damaged file.
        max_pixels: larger pictures are refused.
        formats: the formats to try, regardless of the file's name.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a picture, or is a damaged or a gigantic one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected an image file, found none at {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here, and odd EXIF
            with Image.open(path, formats=formats) as picture:
                if picture.width * picture.height <= max_pixels:
                    return decode(picture)
                size = f"{picture.width} x {picture.height}"
    except Image.DecompressionBombError:
        size = "many more"
    except UnidentifiedImageError as error:
        raise ValueError(f"cannot read {path} as an image") from error
    except DAMAGED as error:
        raise ValueError(f"expected a whole image, but {path} is damaged: {error}") from error
    limit = f"{max_pixels / 1e6:.3g} million px"
    raise ValueError(f"expected an image of at most {limit}, got {size} in {path}")


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image in the format that the file's ending selects.

    The file appears whole or not at all.

    Args:
        path: ends in .png, .jpg or another ending that Pillow writes.
        image: (H, W, 3) or (H, W) float in 0..1 (values outside are clipped).

    Raises:
        ValueError: if the shape or the ending is not supported.
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


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Round an image from float 0..1 to uint8 0..255, clipping values outside."""
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
