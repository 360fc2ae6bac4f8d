"""The colour of the teeth that a photo shows.

Through the fitted camera, teeth and lips are off by some px, so a place alone does not tell them
apart. Redness does: in any light enamel is less red than the skin of the same photo, and lips,
gums and tongue are redder.
"""

from __future__ import annotations

import numpy as np

from facelib.avatar.texture.tones import Tone, log_tones
from facelib.avatar.texture.views import SeenPhoto, View
from facelib.imaging.effects import to_linear

FEW = 60  # least number of px of teeth
LIPS = slice(48, 68)  # keypoints, the first of the dense points
LIPS_SEEN = 0.5  # median visibility of those points, below which something may hide the mouth
LESS_RED = 0.08  # log of red/green by which enamel is below skin, at least
LIT_AMONG = (40, 95)  # percentiles of brightness: neither in the shade of the lips nor wet


def enamel_shown(photo: SeenPhoto, view: View, skin: Tone, gain: np.ndarray) -> np.ndarray | None:
    """Measure the colour of the teeth in a photo.

    Args:
        photo: with the head.
        view: of the photo.
        skin: tone of the skin in the photo, in evened light.
        gain: (3,) float32, by which the photo's colours are multiplied to even the light on the
            mouth.

    Returns:
        (3,) float32 linear RGB, in evened light; None if the photo shows too little of them, or no
        colours.
    """
    if photo.visibility is not None and np.median(photo.visibility[LIPS]) < LIPS_SEEN:
        return None
    colors = view.colors(photo, view.shows("teeth", "mouth")) * gain
    green, red, _ = log_tones(255 * colors).T
    teeth = red < skin.middle[1] - LESS_RED
    if teeth.sum() < FEW:
        return None
    low, high = np.percentile(green[teeth], LIT_AMONG)
    lit = teeth & (green >= low) & (green <= high)
    return to_linear(np.median(colors[lit], axis=0))
