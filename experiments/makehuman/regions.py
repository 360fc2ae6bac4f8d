"""Names of the head's regions, by atlas where one paints them and by position elsewhere."""

from __future__ import annotations

import numpy as np

from makehuman.mesh import EYE_AT_HIGH_X, EYE_AT_LOW_X, TEETH, TONGUE, HeadMesh

# Boxes on the mean head, mm, head frame.
BROW_Y, BROW_HALF_HEIGHT = 29, 6
BROW_INNER_X, BROW_OUTER_X = 10, 52
BROW_BACK_Z = 45
NOSE_LOW_Y, NOSE_HIGH_Y = -34.5, 14
NOSE_BACK_Z = 60
NOSE_Y, NOSE_HALF_WIDTHS = [-34, -22, 12], [18.0, 18.5, 8.5]  # at nostrils, wings, bridge
SCALP_LOW_Y = -20  # behind the face: scalp above, neck below


def mid_head(mean: np.ndarray, skull: np.ndarray) -> np.ndarray:
    """Return the head frame's origin: the centre of the skull's box, on the plane of symmetry."""
    low, high = mean[skull].min(0), mean[skull].max(0)
    return (low + high) / 2 * [0, 1, 1]


def name_regions(mean_head: np.ndarray, mesh: HeadMesh) -> dict[str, np.ndarray]:
    """Name all regions: region → (V,) bool.

    Args:
        mean_head: (V, 3) float, mm, head frame.
        mesh: with the masks of the atlases.
    """
    x, y, z = mean_head.T
    masks, part, skin = mesh.masks, mesh.part, mesh.skin
    beyond_face = masks["head"] & ~masks["face"] & ~masks["ears"]
    half_nose = np.interp(y, NOSE_Y, NOSE_HALF_WIDTHS)
    at_brows = (np.abs(y - BROW_Y) < BROW_HALF_HEIGHT) & (z > BROW_BACK_Z)
    at_brows &= (np.abs(x) > BROW_INNER_X) & (np.abs(x) < BROW_OUTER_X)
    at_nose = (y > NOSE_LOW_Y) & (y < NOSE_HIGH_Y) & (np.abs(x) < half_nose) & (z > NOSE_BACK_Z)
    return {
        "eyes": masks["eyelids"] & skin,
        "eyeballs": (part == EYE_AT_LOW_X) | (part == EYE_AT_HIGH_X),
        "brows": skin & at_brows,
        "nose": skin & at_nose,
        "lips": masks["lips"] & skin,
        "ears": masks["ears"] & skin,
        "face": masks["face"] & skin,
        "neck": skin & (masks["neck"] | (beyond_face & (y <= SCALP_LOW_Y))),
        "scalp": skin & beyond_face & (y > SCALP_LOW_Y),
        "mouth_cavity": masks["mouth_cavity"],
        "eye_sockets": masks["eye_sockets"],
        "teeth": part == TEETH,
        "tongue": part == TONGUE,
    }
