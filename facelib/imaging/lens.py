"""The focal length that a camera wrote into a photo's EXIF."""

from __future__ import annotations

import math

from PIL import Image
from PIL.ExifTags import IFD, Base

FILM_DIAGONAL_MM = math.hypot(36, 24)  # 43.27
CAMERA_RATIOS = (4 / 3, 3 / 2)  # the longer over the shorter side of sensors
RATIO_TOLERANCE = 0.01  # shrinking rounds the sides
SHORTEST_MM, LONGEST_MM = 8, 800  # of lenses that exist


def focal_length_px(exif: Image.Exif, size_px: tuple[int, int]) -> float | None:
    """Return the focal length if the file states it and the picture is all that the lens saw.

    EXIF's equivalent f₃₅ has the field of view of a lens on 36 × 24 mm film, measured along the
    diagonal d: f = f₃₅ d / 43.27 mm. A picture that was cropped afterwards keeps its EXIF, though
    not its field of view. So the ratio of its sides must be a sensor's, and that of the size which
    the camera wrote into EXIF; and there must be no digital zoom, which only some cameras count.

    Args:
        exif: of the file.
        size_px: width and height of the picture, in either orientation.

    Returns:
        The focal length in px of a picture of this size; None if it is unknown.
    """
    camera = exif.get_ifd(IFD.Exif)
    equivalent_mm = _number(camera.get(Base.FocalLengthIn35mmFilm))
    if not SHORTEST_MM <= equivalent_mm <= LONGEST_MM:
        return None
    if _number(camera.get(Base.DigitalZoomRatio, 1)) not in (0, 1):  # 0 means not used
        return None
    ratio = _ratio(size_px)
    written = [_number(camera.get(tag, 0)) for tag in (Base.ExifImageWidth, Base.ExifImageHeight)]
    ratios = [_ratio(written)] if min(written) > 0 else []
    if not any(_same(ratio, known) for known in CAMERA_RATIOS):
        return None
    if not all(_same(ratio, each) for each in ratios):
        return None
    return equivalent_mm * math.hypot(*size_px) / FILM_DIAGONAL_MM


def _number(value: object) -> float:
    """Return a value of EXIF as a number; 0 for what is none, or infinite."""
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def _ratio(sides) -> float:
    return max(sides) / min(sides)


def _same(one: float, other: float) -> bool:
    return abs(math.log(one / other)) < RATIO_TOLERANCE
