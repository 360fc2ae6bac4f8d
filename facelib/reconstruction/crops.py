"""The square around a face: from a detector's box, then from the keypoints of a prediction.

Chapter 12.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facelib.detect.centerface import Detection
from facelib.imaging.contrast import with_contrast
from facelib.imaging.crop import Crop

MAX_CROP_SHIFT = 0.25
"""A predicted crop is rejected, and the one before kept, if its centre is off by this share, …"""
MAX_CROP_ZOOM = 1.4
"""… or if the predicted crop's side differs by more than this factor."""


@dataclass(frozen=True)
class BoxToCrop:
    """The relation of a detector's box to the crop around the 68 keypoints, fitted on renderings.

    Attributes:
        size: crop side / mean side of the detector's box.
        shift_y: how far below the box centre the crop's centre lies, as a share of the box height.
    """

    size: float
    shift_y: float


# Means over 60 renderings each of random heads (front: |yaw| ≤ 45°, side: 60..100°). The crop's
# standard deviations are 4 % in size and 2 % in position (front), 6 % and 4 % (side): almost
# always within the ±10 % by which training shifts and scales its crops.
FRONT_BOX = BoxToCrop(size=1.24, shift_y=0.145)
SIDE_BOX = BoxToCrop(size=1.215, shift_y=0.145)


def crop_from_detection(
    detection: Detection, output_size: int, box_to_crop: BoxToCrop = FRONT_BOX
) -> Crop:
    """Guess from a detector's box the crop that the 68 keypoints would give.

    Args:
        detection: in the px of some photo; only its box is used.
        output_size: side of the crop, px.
        box_to_crop: `FRONT_BOX` or `SIDE_BOX`.

    Returns:
        The crop, near what `Crop.around_keypoints` gives for the same face.
    """
    low, high = detection.box[:2], detection.box[2:]
    x, y = (low + high) / 2
    y += box_to_crop.shift_y * (high[1] - low[1])
    size = box_to_crop.size * float(np.mean(high - low))
    return Crop((float(x), float(y)), size, output_size)


def network_input(photo: np.ndarray, crop: Crop) -> np.ndarray:
    """Cut out what a network sees of a photo, stretched if it lacks contrast.

    Args:
        photo: (H, W, 3) RGB: uint8, or float in 0..1.
        crop: of the photo.

    Returns:
        (S, S, 3) float32 in 0..1, S the crop's output size.
    """
    cut = crop.cut(photo)
    return with_contrast(cut / np.float32(255) if photo.dtype == np.uint8 else cut)


def refined(first_crop: Crop, keypoints_of: Callable[[Crop], np.ndarray], n_rounds: int) -> Crop:
    """Crop around predicted keypoints; each round but the last gives the crop of the next.

    Args:
        first_crop: from the detector's box.
        keypoints_of: predicts the 68 keypoints in a crop, (68, 2 or 3) px of that crop.
        n_rounds: number of predictions, the one in the returned crop included.

    Returns:
        The last crop that still shows the face that the detector found.
    """
    crop = first_crop
    for _ in range(n_rounds - 1):
        keypoints = crop.crop_to_image(keypoints_of(crop))
        if np.ptp(keypoints[:, :2], axis=0).max() == 0:
            break
        better = Crop.around_keypoints(keypoints, crop.output_size)
        if not _plausible(better, first_crop):
            break
        crop = better
    return crop


def _plausible(crop: Crop, first_crop: Crop) -> bool:
    """Whether a predicted crop still shows the face that the detector found."""
    shift = np.abs(np.subtract(crop.centre_px, first_crop.centre_px)).max() / first_crop.size_px
    zoom = crop.size_px / first_crop.size_px
    return shift <= MAX_CROP_SHIFT and 1 / MAX_CROP_ZOOM <= zoom <= MAX_CROP_ZOOM
