"""Look at a face with the network of dense points, in the direction in which it is surest.

The detector takes some faces that lie on their side for upright ones. The network of dense points
knows better: its deviations are 0.5 to 3 % of the crop for photos of held-out people, and more than
7 % for the same photos turned by 90° or more. `data/tries/finding.json` counts both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facelib.detect.centerface import Detection
from facelib.detect.faces import turned_face
from facelib.fitting.seen import SeenPoints
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import Photo
from facelib.reconstruction.crops import BoxToCrop, crop_from_detection

UNSURE_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Look:
    """What the network found in a photo.

    Attributes:
        quarter_turns: counter-clockwise, that bring the photo upright.
        photo: upright.
        face: in px of that photo.
        crop: the last square around the face, px of that photo.
        seen: the points in it, px of the crop.
    """

    quarter_turns: int
    photo: Photo
    face: Detection
    crop: Crop
    seen: SeenPoints


def deviation_share(seen: SeenPoints) -> float:
    """Return the median standard deviation of the points, as a share of the crop's side."""
    variances = np.trace(seen.covariance_px2, axis1=1, axis2=2)
    return float(np.sqrt(np.median(variances)) / seen.width)


def is_unsure(seen: SeenPoints) -> bool:
    """Whether the points are likely guessed: no face, a turned or a covered one."""
    return deviation_share(seen) > UNSURE_SHARE


def look_upright(
    look: Callable[[np.ndarray, Crop], tuple[Crop, SeenPoints]],
    photo: Photo,
    face: Detection,
    box_to_crop: BoxToCrop,
    size: int,
) -> Look:
    """Look at a face, and if the network is unsure, at the photo turned by quarter turns, too.

    Args:
        look: finds the points in pixels (H, W, 3), from a first crop: `DenseFit.look`.
        photo: with the face.
        face: px of the photo.
        box_to_crop: of front or of side photos.
        size: of the network's crops, px.

    Returns:
        The look with the least deviations; that at the photo as it is if the network was sure.
    """
    looks = []
    for turns in range(4):
        turned, upright_face = photo.turned(turns), turned_face(face, photo.pixels.shape, turns)
        first_crop = crop_from_detection(upright_face, size, box_to_crop)
        looks.append(Look(turns, turned, upright_face, *look(turned.pixels, first_crop)))
        if not is_unsure(looks[0].seen):
            break
    return min(looks, key=lambda each: deviation_share(each.seen))
