"""What a pixel can show: the names of regions, on the head's vertices and on painted skin.

Geometry that is added to the head (cloth, hats) has a label per vertex. Things drawn over the
render (hair, glasses, hands) have a label per pixel. A new kind of thing gets a new name at the end
of `LABELS`.
"""

from __future__ import annotations

import numpy as np

# A name's index is its number in stored segmentations: append, never insert.
LABELS = (
    "background", "skin", "eyes", "brows", "nose", "lips", "ears", "neck", "hair", "clothes",
    "teeth", "tongue", "mouth", "beard", "glasses", "hat", "lashes", "lens",
    "dark lens", "hand", "thing",
)  # fmt: skip
NUMBER_OF = {name: number for number, name in enumerate(LABELS)}
# Regions of the head model and their labels; later ones win where they overlap.
LABEL_OF_REGION = {
    "neck": "neck",
    "ears": "ears",
    "nose": "nose",
    "lips": "lips",
    "mouth_cavity": "mouth",
    "teeth": "teeth",
    "tongue": "tongue",
    "eye_sockets": "eyes",
    "eyeballs": "eyes",
}
# Labels that hair may be painted over; an eyeball behind a brow stays an eyeball.
PAINTED_ON = tuple(NUMBER_OF[name] for name in ("skin", "neck", "ears"))
# Things that can hide the head; brows are part of it, and only dark lenses hide anything.
HIDING = ("hair", "clothes", "beard", "glasses", "hat", "dark lens", "hand", "thing")
WORN = tuple(NUMBER_OF[name] for name in HIDING)


def head_labels(regions: dict[str, np.ndarray]) -> np.ndarray:
    """Label the head's vertices.

    Args:
        regions: (N,) bool by name, as `MorphableModel.regions`.

    Returns:
        (N,) uint8, numbers of `LABELS`; vertices without a region are skin, like the bare scalp.
    """
    n_vertices = len(next(iter(regions.values())))
    labels = np.full(n_vertices, NUMBER_OF["skin"], np.uint8)
    for region, label in LABEL_OF_REGION.items():
        labels[regions[region]] = NUMBER_OF[label]
    return labels
