"""Smooth random fields on the head, which make one cheek redder than the other.

Every person has other weights of the same fields. A field is a sum of three plane waves through the
head, f(p) = Σ cos(k·p + φ) / √1.5, with k normal numbers over the field's width: its variance is 1.
"""

from __future__ import annotations

import numpy as np

from facelib.synthetic.looks.atlas import Atlas

FIELD_COUNT = 12  # fields of each of the two widths
FIELD_WIDTHS_MM = (28.0, 8.0)
FIELD_SEED = 11
REGIONS = ("nose", "tip", "cheeks", "ears", "bags", "lids")  # the atlas's maps that are smooth


def smooth_fields(atlas: Atlas, grid: tuple[slice, slice]) -> np.ndarray:
    """Evaluate the fields, and then the maps of REGIONS, on a coarser grid of a page's texels.

    Args:
        atlas: of the page.
        grid: which rows and columns of it.

    Returns:
        (2·FIELD_COUNT + len(REGIONS), h, w) float32.
    """
    points_head = atlas.position_mm[grid]
    rng = np.random.default_rng(FIELD_SEED)
    fields = []
    for width_mm in FIELD_WIDTHS_MM:
        for _ in range(FIELD_COUNT):
            waves, phases = rng.normal(size=(3, 3)) / width_mm, rng.uniform(0, 2 * np.pi, 3)
            fields.append(np.cos(points_head @ waves.T + phases).sum(axis=-1) / np.sqrt(1.5))
    maps = [atlas.maps[name][grid] for name in REGIONS]
    return np.stack(fields + maps).astype(np.float32)


def mix_fields(
    fields: np.ndarray, blotches: np.ndarray, strengths: dict[str, float], share: float = 1.0
) -> np.ndarray:
    """Add up a person's fields: (h, w) float32.

    Args:
        fields: of `smooth_fields`.
        blotches: (2·FIELD_COUNT,) weights of the random fields.
        strengths: weights of regions by name; 0 for those that are missing.
        share: of the regions' weights that is used.
    """
    regions = [strengths.get(name, 0.0) * share for name in REGIONS]
    return np.tensordot(np.append(blotches, regions).astype(np.float32), fields, 1)
