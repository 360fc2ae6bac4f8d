"""The faults that a camera and a file add to a photo: brightness, focus, sensor noise, JPEG.

`synthetic.light.film` makes photos from light. Here an existing photo is degraded in display
values, fast enough to be drawn anew for each training sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.imaging.effects import blurred, jpeg
from facelib.imaging.imagefiles import to_uint8


@dataclass(frozen=True)
class PhotoFaults:
    """The faults of one photo; by default, none.

    Attributes:
        gamma: exponent on the displayed values; above 1 darkens.
        blur_px: standard deviation of the blur; below 0.2 px it is invisible and skipped.
        noise: (S, S, 3) float32 to add, share of white; or None.
        jpeg_quality: 1..95, or 0 for no JPEG.
    """

    gamma: float = 1.0
    blur_px: float = 0.0
    noise: np.ndarray | None = None
    jpeg_quality: int = 0


def spoil(photo: np.ndarray, faults: PhotoFaults) -> np.ndarray:
    """Degrade a photo, in a camera's order: tone, focus, noise, file.

    Args:
        photo: (S, S, 3) float32 RGB in 0..1, as displayed.
        faults: the faults to apply.
    Returns:
        (S, S, 3) float32 in 0..1.
    """
    if faults.gamma != 1.0:
        photo = photo ** np.float32(faults.gamma)
    photo = np.minimum(blurred(photo, faults.blur_px), 1.0)  # weights sum to 1, rounded
    if faults.noise is not None:
        photo = np.clip(photo + faults.noise, 0.0, 1.0)
    if faults.jpeg_quality:
        photo = jpeg(to_uint8(photo), faults.jpeg_quality) * np.float32(1 / 255)
    return photo
