"""Image files: photos read and written, upright, as RGB (H, W, 3)."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from facelib.files.atomic import replacing
from facelib.imaging.lens import focal_length_px
from facelib.imaging.opening import DAMAGED, JPEG, decode_image
from facelib.imaging.resample import resample
from facelib.imaging.values import deep_colour, full_range, is_deep, rgb_values

JPEG_QUALITY = 95
KEPT_PIXELS = 30_000_000
"""Photos of more pixels are shrunk …"""
ENOUGH_PIXELS = 12_000_000
"""… to no fewer than this, 4000 x 3000: a face that fills them gives a texture of 2048 px."""
MAX_JPEG_PIXELS = 250_000_000  # JPEG shrinks while it is decoded; phones make 200 million px
MAX_DECODED_BYTES = 500_000_000  # a process that reads two photos stays below 1 GB
# Memory that decoding takes, measured: Pillow's picture, and what the format's library holds.
BYTES_PER_PIXEL = {"AVIF": 9.0, "HEIF": 7.0, "WEBP": 14.0}
OTHER_BYTES_PER_PIXEL = 4.5
BAND_ROWS = 64  # rows of a large picture that are shrunk at a time
# EXIF orientations whose pixels must be transposed first, then flipped.
TRANSPOSED, FLIPPED_DOWN, FLIPPED_ACROSS = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)
DEEP_WHITE = 2**16 - 1
# Threads that read large photos would otherwise need the memory of all at once.
_one_at_a_time = Lock()


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it should be displayed, and what its file states about its camera.

    Attributes:
        pixels: (H, W, 3) RGB: uint8, or float32 in 0..1 if the file has more than 8 bits.
        full_size_px: width and height before shrinking, upright.
        scale: width of `pixels` over the full width.
        focal_px: focal length, px of `pixels`, where the file states it; see
            `lens.focal_length_px`.
        note: one sentence about what was changed when the file was read; None if nothing was.
        name: of the file, without its folder; empty for an array.
    """

    pixels: np.ndarray
    full_size_px: tuple[int, int]
    scale: float = 1.0
    focal_px: float | None = None
    note: str | None = None
    name: str = ""

    @classmethod
    def of_pixels(cls, pixels: np.ndarray) -> Photo:
        """Make a photo of an array.

        Raises:
            ValueError: unless it is (H, W, 3), and uint8 or float.
        """
        pixels = np.asarray(pixels)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ValueError(f"expected a photo (H, W, 3), got {pixels.shape}")
        if pixels.dtype != np.uint8:
            if pixels.dtype.kind != "f":
                raise ValueError(f"expected a photo of uint8 or float, got {pixels.dtype}")
            pixels = pixels.astype(np.float32, copy=False)
        return cls(pixels, (pixels.shape[1], pixels.shape[0]))

    def turned(self, quarter_turns: int) -> Photo:
        """Return the photo turned counter-clockwise by quarter turns."""
        if quarter_turns % 4 == 0:
            return self
        pixels = np.ascontiguousarray(np.rot90(self.pixels, quarter_turns))
        size = self.full_size_px if quarter_turns % 2 == 0 else self.full_size_px[::-1]
        return replace(self, pixels=pixels, full_size_px=size)

    def to_file_px(self, points: np.ndarray) -> np.ndarray:
        """Convert points (…, 2 or 3), px of `pixels`, to px of the file, upright; z is scaled."""
        points = np.array(points, np.float64)
        points[..., :2] = (points[..., :2] + 0.5) / self.scale - 0.5
        points[..., 2:] /= self.scale
        return points

    def from_file_px(self, points: np.ndarray) -> np.ndarray:
        """Convert points (…, 2), px of the file, upright, to px of `pixels`."""
        return (np.asarray(points, np.float64) + 0.5) * self.scale - 0.5


def read_photo(path: str | Path) -> Photo:
    """Read a photo as it should be displayed.

    The file's EXIF orientation is applied, transparency is drawn over white, and grey, palettes
    and CMYK become RGB. Values of more than 8 bits are scaled to their `values.full_range`.
    Photos of more than `KEPT_PIXELS` are shrunk.

    Args:
        path: a file in one of `opening.FORMATS`, or HEIC; the first picture of an animation is
            read.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a picture, or is a damaged or a gigantic one.
    """
    path = Path(path)
    photo = decode_image(path, lambda picture: _decoded(picture, path), _max_pixels)
    return replace(photo, name=path.name)


def read_image(path: str | Path) -> np.ndarray:
    """Read a photo as `read_photo` does: its pixels as (H, W, 3) float32 RGB in 0..1."""
    return to_float(read_photo(path).pixels)


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image in the format that the file's ending selects.

    The file appears whole or not at all.

    Args:
        path: ends in .png, .jpg or another ending that Pillow writes.
        image: (H, W, 3) or (H, W) float in 0..1 (values outside are clipped), or uint8.

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
    options = {"quality": JPEG_QUALITY} if form == JPEG else {}
    try:
        with replacing(path) as temporary:
            picture.save(temporary, form, **options)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Round an image from float 0..1 to uint8 0..255, clipping values outside; keep uint8."""
    if image.dtype == np.uint8:
        return image
    return np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def to_float(image: np.ndarray) -> np.ndarray:
    """Convert an image of uint8 0..255 to float32 0..1; floats keep their values."""
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255)
    return image.astype(np.float32, copy=False)


def _max_pixels(picture: Image.Image) -> int:
    """Return the number of pixels that a picture of this kind may have."""
    if picture.format == JPEG and "progressive" not in picture.info:
        return MAX_JPEG_PIXELS
    # The coefficients of a JPEG that comes in several passes take as much as other pictures.
    return int(MAX_DECODED_BYTES / BYTES_PER_PIXEL.get(picture.format, OTHER_BYTES_PER_PIXEL))


def _decoded(picture: Image.Image, path: Path) -> Photo:
    """Decode a picture, shrink it if it is large, and bring it upright."""
    full_size, size = picture.size, _kept_size(picture.size)
    if picture.format == JPEG and size != picture.size:
        picture.draft(None, size)  # halves it once or more while it is decoded
    stored = list(picture.tile)
    with _one_at_a_time if math.prod(picture.size) > KEPT_PIXELS else nullcontext():
        picture.load()
        pixels, notes = _values(picture, path, stored, _kept_size(picture.size))
    exif = _exif(picture)
    orientation = exif.get(Base.Orientation, 1)
    pixels = _upright(pixels, orientation)
    if orientation in TRANSPOSED:
        full_size = full_size[::-1]
    size = pixels.shape[1], pixels.shape[0]
    if size != full_size:
        notes.append("has {} x {} px and was read at {} x {}".format(*full_size, *size))
    note = f"{path.name} {' and '.join(notes)}." if notes else None
    return Photo(pixels, full_size, size[0] / full_size[0], focal_length_px(exif, size), note)


def _kept_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height at which a picture of this size is kept."""
    n_pixels = math.prod(size_px)
    factor = math.sqrt(ENOUGH_PIXELS / n_pixels) if n_pixels > KEPT_PIXELS else 1
    return max(1, round(size_px[0] * factor)), max(1, round(size_px[1] * factor))


def _exif(picture: Image.Image) -> Image.Exif:
    try:
        return picture.getexif()
    except DAMAGED:
        return Image.Exif()


def _values(
    picture: Image.Image, path: Path, stored: list, size_px: tuple[int, int]
) -> tuple[np.ndarray, list[str]]:
    """Return a loaded picture as RGB of a given size, and what was done to its values."""
    black_white = full_range(np.asarray(picture)) if is_deep(picture) else None
    notes = []
    if black_white not in (None, (0, 1), (0, DEEP_WHITE)):
        notes.append(
            "has values of {:g} to {:g}, which became black and white".format(*black_white)
        )
    if size_px != picture.size:
        return _shrunk(picture, size_px, black_white), notes
    pixels = rgb_values(picture, black_white)
    deep = deep_colour(path, stored, pixels)
    if deep is not None:
        notes.append("fills only a part of its 16 bits, and was made brighter")
    return (pixels if deep is None else deep), notes


def _shrunk(
    picture: Image.Image, size_px: tuple[int, int], black_white: tuple[float, float] | None
) -> np.ndarray:
    """Shrink a picture in bands of rows, so that it is never converted as a whole."""
    width, height = size_px
    step = picture.height / height
    shrunk = np.empty((height, width, 3), np.uint8 if black_white is None else np.float32)
    for top in range(0, height, BAND_ROWS):
        bottom = min(top + BAND_ROWS, height)
        # One more row of the result on each side, for the filter reaches as far.
        low = max(0, math.floor((top - 1) * step))
        high = min(picture.height, math.ceil((bottom + 1) * step))
        piece = rgb_values(picture.crop((0, low, picture.width, high)), black_white)
        box = (-0.5, top * step - low - 0.5, picture.width - 0.5, bottom * step - low - 0.5)
        band = resample(piece, box, (bottom - top, width))
        shrunk[top:bottom] = band if black_white else band.round()
    return shrunk


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Bring pixels upright by their EXIF orientation, 1 to 8; any other leaves them alone.

    3, 6 and 8 are turns by 180°, 90° clockwise and 90° counter-clockwise; 2, 4, 5 and 7 are the
    same after a mirror, such as a selfie's.
    """
    if orientation in TRANSPOSED:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in FLIPPED_DOWN:
        pixels = pixels[::-1]
    if orientation in FLIPPED_ACROSS:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
