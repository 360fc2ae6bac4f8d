"""What all networks have in common: what goes in, and the unit of what comes out."""

from __future__ import annotations

from typing import NamedTuple

import torch

# How far off a coordinate is in a network that has learned something, map unit. A network that is
# to tell its own deviation starts here, and the loss is scaled by it.
TYPICAL_DEVIATION = 0.02

# What a network does with the side photo, and the channels that it can be given.
CHANNELS = {"needed": (6,), "optional": (3, 6), "unused": (3, 6)}


class Answer(NamedTuple):
    """What a network says of photos while it is trained; only the maps are said by all.

    Attributes:
        maps: (B, 3, S, S) position maps; None where only the vertices were asked for.
        log_deviation: (B, 1, S, S), the log of each texel's deviation, map unit: the standard one
            or, if it was trained on absolute errors, the mean absolute one.
        heat_front: (B, 68, h, w), where each keypoint is in the front photos: log of weights, see
            `keypoints.soft_argmax`.
        heat_side: (N, 68, h, w), the same for the side photos that there are, in order.
        vertices: (B, V, 3), the layout's vertices that the maps are drawn from, in the maps' unit.
    """

    maps: torch.Tensor | None
    log_deviation: torch.Tensor | None = None
    heat_front: torch.Tensor | None = None
    heat_side: torch.Tensor | None = None
    vertices: torch.Tensor | None = None


def check_photos(photos: torch.Tensor, side_photo: str) -> None:
    """Refuse photos that a network cannot take.

    Args:
        photos: wanted as (B, C, S, S), S divisible by 32: front RGB, and side RGB after it.
        side_photo: a key of `CHANNELS`; only where the side is needed must it be there.
    Raises:
        ValueError: naming what was expected and what came.
    """
    shape, channels = tuple(photos.shape), CHANNELS[side_photo]
    fits = len(shape) == 4 and shape[1] in channels and shape[2] == shape[3] and not shape[3] % 32
    if not fits or shape[3] == 0:
        wanted = " or ".join(map(str, channels))
        raise ValueError(f"photos must be (B, {wanted}, S, S) with S divisible by 32, got {shape}")
