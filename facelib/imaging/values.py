"""The values of a picture as RGB, whatever mode and depth its file has."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

DEPTHS = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))  # largest values that sensors give
ROUNDING = 1.05  # sharpening and resizing carry floats a little beyond their range
FEW_PERCENT = 0.1  # values below and above these percentiles may be faults
SAMPLED = 1_000_000  # values are enough to guess the range of a picture
# Pillow keeps the upper byte of a colour's 16 bits. It keeps the lower one if the order of the two
# is given wrong: L(ittle endian), B(ig endian) or N(ative).
_SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_OTHER_BYTE = {f"RGB;16{order}": f"RGB;16{other}" for order, other in _SWAPPED.items()}


def is_deep(picture: Image.Image) -> bool:
    """Whether a picture is grey with more than 8 bits: the modes I, I;16 and F."""
    return picture.mode.startswith("I") or picture.mode == "F"


def full_range(values: np.ndarray) -> tuple[float, float]:
    """Guess which values of a deep picture mean black and white.

    Files do not state it: 12 bits of a sensor come in 16, floats in 0..1 or in 0..255.

    Args:
        values: any shape; integers or floats, NaN and infinite ones are not counted.

    Returns:
        For values from 0 upwards, 0 and the least full scale that holds them (8, 10, 12, 14 or 16
        bits, or 1 for floats); otherwise the range of the values themselves.
    """
    integers = values.dtype.kind in "iu"
    if integers:
        low, high = float(values.min()), float(values.max())
    else:
        some = values.ravel()[:: max(1, values.size // SAMPLED)]
        finite = some[np.isfinite(some)]
        if not finite.size:
            return 0.0, 1.0
        low, high = np.percentile(finite, [FEW_PERCENT, 100 - FEW_PERCENT]).tolist()
    scales = DEPTHS if integers else (1, *DEPTHS)
    if low < (0 if integers else (1 - ROUNDING) * high):
        return low, max(high, np.nextafter(low, np.inf))
    slack = 1 if integers else ROUNDING
    return 0.0, float(next((scale for scale in scales if high <= slack * scale), high))


def rgb_values(picture: Image.Image, black_white: tuple[float, float] | None = None) -> np.ndarray:
    """Convert a picture to RGB: grey is repeated, transparency is drawn over white.

    Args:
        picture: of any mode.
        black_white: for a deep picture, the values of black and white; by default its
            `full_range`.

    Returns:
        (H, W, 3) uint8; of a deep picture float32 in 0..1.
    """
    if is_deep(picture):
        grey = np.asarray(picture)
        return np.repeat(stretched(grey, black_white or full_range(grey))[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def stretched(values: np.ndarray, black_white: tuple[float, float]) -> np.ndarray:
    """Scale values so that black is 0 and white is 1: float32, clipped, NaN as black."""
    black, white = black_white
    return np.nan_to_num(((values.astype(np.float32) - black) / (white - black)).clip(0, 1))


def deep_colour(path: Path, tile: list, high_bytes: np.ndarray) -> np.ndarray | None:
    """Read the lower bytes of a colour picture with 16 bits, of which Pillow keeps the upper ones.

    Args:
        path: of the picture.
        tile: Pillow's description of how the file's pixels are stored, from before it read them.
        high_bytes: (H, W, 3) uint8, what it read.

    Returns:
        (H, W, 3) float32 in 0..1, stretched to the `full_range`; None for 8 bits, or if the upper
        bytes alone fill their range.
    """
    modes = [part.args if isinstance(part.args, str) else (part.args or [""])[0] for part in tile]
    if not modes or not all(mode in _OTHER_BYTE for mode in modes) or high_bytes.max() > 127:
        return None
    with path.open("rb") as file, Image.open(file) as again:
        again.tile = [_with_mode(*each) for each in zip(again.tile, modes, strict=True)]
        low_bytes = np.asarray(again)
    values = high_bytes.astype(np.uint16) << 8 | low_bytes[..., :3]
    return stretched(values, full_range(values))


def _with_mode(part, mode: str):
    """Return a part of a tile as it is read with the bytes of each value exchanged."""
    other = _OTHER_BYTE[mode]
    return part._replace(args=other if isinstance(part.args, str) else (other, *part.args[1:]))
