"""What all networks have in common: what goes in, and the unit of what comes out."""

from __future__ import annotations

import torch

# A position of `size` px is stored as 1 / 1.1: corners of a rotated face leave the crop, and the
# thesis's last sigmoid can only reach them if the crop's edge lies inside its range.
POSITION_SCALE = 1.1


def check_photos(photos: torch.Tensor, channels: tuple[int, ...]) -> None:
    """Refuse photos that a network cannot take.

    Args:
        photos: wanted as (B, C, S, S), S divisible by 32: front RGB, and side RGB after it.
        channels: the C that the network can take: 3 for a front photo alone, 6 for both.
    Raises:
        ValueError: naming what was expected and what came.
    """
    shape = tuple(photos.shape)
    fits = len(shape) == 4 and shape[1] in channels and shape[2] == shape[3] and not shape[3] % 32
    if not fits or shape[3] == 0:
        wanted = " or ".join(map(str, channels))
        raise ValueError(f"photos must be (B, {wanted}, S, S) with S divisible by 32, got {shape}")
