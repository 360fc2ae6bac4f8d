"""Dark lenses: how much light they transmit, from the upper edge to the lower, and reflect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

RGB = tuple[float, float, float]


class Tint(NamedTuple):
    """What a lens does to light, as shares of it.

    Attributes:
        above: RGB transmitted at the upper edge.
        below: RGB transmitted at the lower edge; in between it changes evenly.
        mirror: RGB reflected.
    """

    above: RGB
    below: RGB
    mirror: RGB


class Kind(NamedTuple):
    """Distribution of one kind of sunglasses; ranges are shares of the light.

    Attributes:
        share: of all sunglasses.
        above: transmitted at the upper edge.
        below: transmitted at the lower edge, as a factor on `above`.
        mirror: reflected.
        colors: factors on what is transmitted, RGB, one of which is drawn.
        mirror_colors: the same for what is reflected.
    """

    share: float
    above: tuple[float, float]
    below: tuple[float, float] = (1.0, 1.0)
    mirror: tuple[float, float] = (0.02, 0.06)
    colors: tuple[RGB, ...] = ((1.0, 1.0, 1.0),)
    mirror_colors: tuple[RGB, ...] = ((1.0, 1.0, 1.0),)


BROWN, GREEN = (1.25, 0.95, 0.6), (0.9, 1.1, 0.85)
KINDS = {
    "black": Kind(0.45, (0.03, 0.16), colors=((1.0, 1.0, 1.0), (1.0, 1.0, 1.1), GREEN)),
    "brown": Kind(0.22, (0.06, 0.22), colors=(BROWN,)),
    "gradient": Kind(0.2, (0.06, 0.18), (2.5, 5.0), colors=((1.0, 1.0, 1.05), BROWN)),
    "mirrored": Kind(
        0.13,
        (0.04, 0.1),
        mirror=(0.25, 0.55),
        mirror_colors=((1.0, 1.0, 1.0), (0.5, 0.8, 1.2), (1.2, 0.85, 0.4), (1.1, 0.5, 0.35)),
    ),
}
LENS_MM = (51, 62)  # width: wider than that of other glasses


def random_sun_tint(rng: np.random.Generator) -> Tint:
    """Draw the lenses of sunglasses: black, brown, gradient or mirrored."""
    kinds = list(KINDS.values())
    kind = kinds[rng.choice(len(kinds), p=[kind.share for kind in kinds])]
    above = rng.uniform(*kind.above) * np.array(kind.colors[rng.integers(len(kind.colors))])
    below = above * rng.uniform(*kind.below)
    mirror = rng.uniform(*kind.mirror) * np.array(
        kind.mirror_colors[rng.integers(len(kind.mirror_colors))]
    )
    return Tint(*(tuple(float(v) for v in np.minimum(rgb, 1)) for rgb in (above, below, mirror)))
