"""What goes wrong between a face and its file: brightness, focus, sensor noise, JPEG.

`synthetic.light.film` makes photos out of light. Here an existing photo is made worse, in display
values: cheap enough to draw anew each time a network sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.imaging.effects import blurred, jpeg
from facelib.imaging.imagefiles import to_uint8


@dataclass(frozen=True)
class PhotoFaults:
    """What is wrong with one photo; by default, nothing.

    Attributes:
        gamma: exponent on the displayed values; above 1 darkens.
        blur_px: standard deviation of the blur; what is below 0.2 px cannot be seen and is skipped.
        noise: (S, S, 3) float32 to add, share of white; or None.
        jpeg_quality: 1..95, or 0 for no JPEG.
    """

    gamma: float = 1.0
    blur_px: float = 0.0
    noise: np.ndarray | None = None
    jpeg_quality: int = 0


def spoil(photo: np.ndarray, faults: PhotoFaults) -> np.ndarray:
    """Make a photo worse, in a camera's order: tone, focus, noise, file.

    Args:
        photo: (S, S, 3) float32 RGB in 0..1, as displayed.
        faults: what is wrong.
    Returns:
        (S, S, 3) float32 in 0..1.
    """
    if faults.gamma != 1.0:
        photo = photo ** np.float32(faults.gamma)
    photo = np.minimum(blurred(photo, faults.blur_px), 1.0)  # weights add up to 1 but for rounding
    if faults.noise is not None:
        photo = np.clip(photo + faults.noise, 0.0, 1.0)
    if faults.jpeg_quality:
        photo = jpeg(to_uint8(photo), faults.jpeg_quality) * np.float32(1 / 255)
    return photo
