"""Labels of things that are painted on a texture page rather than modelled."""

from __future__ import annotations

import numpy as np

from facelib.pairs.labels import NUMBER_OF
from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.atlas import SKIN_SHARE, Atlas
from facelib.synthetic.looks.brushes import BROW_AT_EDGE, BROW_EDGE_MM


def painted_labels(looks: Appearance, atlas: Atlas) -> np.ndarray:
    """Label the painted hair and brows on a person's texture page.

    Args:
        looks: the person's looks.
        atlas: of the page.

    Returns:
        (1.25·size, size) uint8, numbers of `LABELS`; 0 where nothing is painted over the skin.
    """
    page = np.zeros((round(atlas.size / SKIN_SHARE), atlas.size), np.uint8)
    skin = page[: atlas.size]
    # The lines where `paint_cap` and `paint_brow` cover half, without their grain.
    if looks.hair:
        skin[atlas.hairline_mm > looks.hairline_mm] = NUMBER_OF["hair"]
    half_covered_mm = looks.brow[1] * atlas.brow_taper - (0.5 - BROW_AT_EDGE) * BROW_EDGE_MM
    skin[atlas.brow_mm < half_covered_mm] = NUMBER_OF["brows"]
    return page
