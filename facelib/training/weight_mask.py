"""The weight of each texel of a position map: the thesis's 16 : 4 : 3 : 0, feathered."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from facelib.face.layout import UVLayout

KEYPOINT_WEIGHT, FEATURE_WEIGHT, FACE_WEIGHT, NECK_WEIGHT = 16, 4, 3, 0  # the thesis, section 3.1.1
KEYPOINT_RADIUS = 2.0 / 256  # of the map's width
FEATHER = 8.0 / 256  # of the map's width


def weight_mask(layout: UVLayout, feather: float = FEATHER) -> np.ndarray:
    """Return the weights 16 : 4 : 3 : 0 of keypoints, eyes-nose-mouth, face and neck.

    At the border of the face the thesis's mask drops from 3 to 0 within one texel, and its meshes
    show artefacts along that line (section 5.4). Here the weight falls over `feather` of the map's
    width outside the border, where the map is extrapolated (see `UVLayout.matrix`).

    Args:
        layout: of S × S texels.
        feather: width of the slope as a share of the map's width; 0 gives the thesis's hard mask.

    Returns:
        (S, S) float32.
    """
    size = layout.size
    face = layout.coverage & (layout.label_map("neck") < 0.5)
    beyond = distance_transform_edt(~face) / size
    slope = np.clip(1 - beyond / feather, 0, 1) if feather > 0 else face
    mask = (NECK_WEIGHT + (FACE_WEIGHT - NECK_WEIGHT) * slope).astype(np.float32)
    for name in ("eyes", "nose", "mouth"):
        mask[face & (layout.label_map(name) > 0.5)] = FEATURE_WEIGHT
    centres = (np.indices((size, size))[::-1] + 0.5) / size
    for u, v in layout.keypoint_matrix @ layout.uv:
        near = np.hypot(centres[0] - u, centres[1] - v)
        mask[near <= max(KEYPOINT_RADIUS, 0.5**0.5 / size)] = KEYPOINT_WEIGHT
    return mask
