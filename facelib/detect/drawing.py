"""A picture of the faces found in a photo, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facelib.detect.centerface import Detection
from facelib.imaging.imagefiles import to_uint8
from facelib.imaging.resample import resize_image

LONGEST_PX = 1600
LINE, TEXT = (255, 200, 0), (0, 0, 0)
LINE_SHARE, TEXT_SHARE = 0.004, 0.04  # of the picture's longer side


def draw_faces(image: np.ndarray, faces: Sequence[Detection]) -> np.ndarray:
    """Draw a box and a number around each face.

    Args:
        image: (H, W, 3), RGB: uint8, or float in 0..1.
        faces: in px of the image, numbered from 1 in this order.

    Returns:
        (h, w, 3) uint8, the image, shrunk so that its longer side has at most `LONGEST_PX`.
    """
    height, width = image.shape[:2]
    zoom = min(1.0, LONGEST_PX / max(height, width))
    size = max(1, round(height * zoom)), max(1, round(width * zoom))
    small = resize_image(image, size) / (255 if image.dtype == np.uint8 else 1)
    picture = Image.fromarray(to_uint8(small))
    draw = ImageDraw.Draw(picture)
    line = max(1, round(LINE_SHARE * max(size)))
    font = ImageFont.load_default(max(10, round(TEXT_SHARE * max(size))))
    for number, face in enumerate(faces, 1):
        left, top, right, bottom = (face.box + 0.5) * zoom - 0.5
        draw.rectangle((left, top, right, bottom), outline=LINE, width=line)
        label = draw.textbbox((left, top), str(number), font=font)
        draw.rectangle((left, top, label[2] + line, label[3] + line), fill=LINE)
        draw.text((left, top), str(number), fill=TEXT, font=font)
    return np.asarray(picture)
