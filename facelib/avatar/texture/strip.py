"""The strip below the skin: eyeballs, teeth, tongue and mouth, in the generator's paint.

The generator's eye is linear in the colours of its iris, of the iris around the pupil and of its
white, so that its paint ships as what each colour is multiplied with.
"""

from __future__ import annotations

import numpy as np

from facelib.imaging.effects import to_display
from facelib.imaging.imagefiles import to_uint8
from facelib.imaging.resample import resize_image

SKIN_SHARE = 0.8  # of the page's height
EYE_SCALE = 1.6  # largest value of the shipped paint
BROWN = (0.11, 0.055, 0.028)  # linear RGB
WHITE = (0.56, 0.52, 0.49)
INNER = (1.5, 1.25, 0.8)
ENAMEL = (0.62, 0.55, 0.46)
GUM = (0.36, 0.13, 0.12)
TONGUE = (0.42, 0.13, 0.12)
MOUTH = (0.10, 0.035, 0.03)


def paint_strip(pixels, near, posed, own, maps) -> None:
    """Paint the strip of a page (size, size, 3) uint8 in place."""
    size = pixels.shape[0]
    top = round(SKIN_SHARE * size)
    side = size // 4
    strip = np.empty((size - top, size, 3), np.uint8)
    eye = sum(
        maps[name] * EYE_SCALE * np.float32(color)
        for name, color in (
            ("eye_iris", BROWN),
            ("eye_inner", np.multiply(BROWN, INNER)),
            ("eye_white", WHITE),
        )
    )
    light, gum = maps["tooth_light"][..., None], maps["tooth_gum"][..., None]
    enamel = np.float32(ENAMEL) * light
    teeth = enamel + (np.float32(GUM) - enamel) * gum
    for patch, paint in enumerate((eye, eye, teeth)):
        shown = to_uint8(to_display(resize_image(paint, (size - top, side))))
        strip[:, patch * side : (patch + 1) * side] = shown
    strip[:, 3 * side :] = _shown(TONGUE)
    strip[:, 3 * side + side // 2 :] = _shown(MOUTH)
    pixels[top:] = strip


def _shown(linear) -> np.ndarray:
    return to_uint8(np.float32(linear) ** np.float32(1 / 2.2))
