"""Picture files opened with Pillow: which formats, how large, and one sentence for any damage."""

from __future__ import annotations

import importlib
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeVar

from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from facelib.files.reading import in_a_line

# Pillow reads more formats, but some of them, such as EPS, run other programs.
FORMATS = (
    "AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TGA",
    "TIFF", "WEBP",
)  # fmt: skip
# Exceptions that Pillow is known to raise on damaged files.
DAMAGED = (
    OSError, SyntaxError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    ArithmeticError, AssertionError, MemoryError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
JPEG = "JPEG"
# The packages that read HEIC; the first has no encoder, so that its licence is the freer one.
HEIC_PACKAGES = ("pi_heif", "pillow_heif")
HEIC_BRANDS = (
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1",
)  # fmt: skip
STANDARD_ERROR = 2  # file descriptor
HEAD_BYTES = 64  # enough to recognize a format by

Decoded = TypeVar("Decoded")
_one_at_a_time = Lock()
# Its words about damaged files are in its exceptions, too, if they matter.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode_image(
    path: str | Path,
    decode: Callable[[Image.Image], Decoded],
    max_pixels: int | Callable[[Image.Image], int],
    formats: tuple[str, ...] = FORMATS,
) -> Decoded:
    """Open a picture, check its size before anything is decompressed, and decode it.

    Args:
        path: of the file.
        decode: converts the picture; any exception of Pillow in it means a damaged file.
        max_pixels: larger pictures are refused; or a function of the picture that returns this.
        formats: the formats to try, regardless of the file's name. HEIC counts as one of them if
            all of `FORMATS` are tried.

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
            with path.open("rb") as file, _opened(file, formats) as picture:
                limit = max_pixels if isinstance(max_pixels, int) else max_pixels(picture)
                if picture.width * picture.height <= limit:
                    with _quiet(picture):
                        return decode(picture)
                size = f"{picture.width} x {picture.height}"
    except Image.DecompressionBombError:
        raise ValueError(f"cannot read {path}: it claims to have too many pixels") from None
    except UnidentifiedImageError as error:
        raise ValueError(f"cannot read {path} as an image") from error
    except _NoHeicReaderError as error:
        raise ValueError(
            f"{path} is a HEIC photo, which needs one more package: pip install pi-heif; or "
            "convert the photo to JPEG, as an iPhone does with Settings > Camera > Formats > "
            "Most Compatible"
        ) from error
    except DAMAGED as error:
        reason = in_a_line(error) or type(error).__name__
        raise ValueError(f"expected a whole image, but {path} is damaged: {reason}") from error
    raise ValueError(
        f"expected an image of at most {limit / 1e6:.3g} million px, got {size} in {path}; a "
        "smaller copy will do"
    )


@contextmanager
def _quiet(picture: Image.Image) -> Iterator[None]:
    """Keep from standard error what libtiff writes there about damaged files.

    libtiff writes to the file descriptor itself, so that is what leads elsewhere meanwhile.
    """
    if not any(part[0] == "libtiff" for part in picture.tile):
        yield
        return
    with _one_at_a_time, Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(STANDARD_ERROR)
        try:
            os.dup2(nowhere.fileno(), STANDARD_ERROR)
            yield
        finally:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)


class _NoHeicReaderError(Exception):
    """No package that reads HEIC is installed."""


def _opened(file: BinaryIO, formats: tuple[str, ...]) -> Image.Image:
    """Open a file by its first bytes, without reading its pixels.

    Pillow gets the open file and not its name: with a name it maps grey TIFF into memory, and reads
    it with width and height exchanged if its EXIF orientation exchanges them.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if JPEG in formats and head.startswith(b"\xff\xd8\xff"):
        # Image.open refuses the 200 megapixels of phones, before they can be shrunk.
        return JpegImageFile(file)
    if formats == FORMATS and _is_heic(head):
        return _heic_reader()(file)
    return Image.open(file, formats=formats)


def _is_heic(head: bytes) -> bool:
    """Whether a file's first bytes are those of HEIC and not of AVIF, whose container is the same.

    The size of the first box, the word ftyp, the main brand, its version, compatible brands.
    """
    size = int.from_bytes(head[:4], "big")
    brands = [head[place : place + 4] for place in (8, *range(16, min(size, len(head)), 4))]
    return head[4:8] == b"ftyp" and brands[0] in HEIC_BRANDS and b"avif" not in brands


def _heic_reader() -> type[Image.Image]:
    for name in HEIC_PACKAGES:
        try:
            return importlib.import_module(name).HeifImageFile
        except ImportError:
            continue
    raise _NoHeicReaderError
