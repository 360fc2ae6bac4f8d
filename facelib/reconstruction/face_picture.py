"""One picture of all photos with their faces numbered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facelib.detect.drawing import draw_faces
from facelib.reconstruction.found import PhotoOfFace

GAP_PX, WHITE = 8, 255


def face_picture(photos: Sequence[PhotoOfFace]) -> np.ndarray:
    """Draw the photos beneath each other, with a number at every face that was found.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    pictures = [draw_faces(found.photo.pixels, found.faces) for found in photos]
    width = max(picture.shape[1] for picture in pictures)
    rows = []
    for picture in pictures:
        padding = (0, GAP_PX), (0, width - picture.shape[1]), (0, 0)
        rows.append(np.pad(picture, padding, constant_values=WHITE))
    return np.concatenate(rows)[:-GAP_PX]
