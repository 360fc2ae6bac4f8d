"""Dense points: where some hundred places of the face lie in one photo, and how sure that is.

One photo of any yaw goes in. A first guess places all points at once; then the network looks
again: it reads its own features where each point was thought to be, and from all that it has read
moves every point, twice. Each point comes with a Gaussian, the 2 × 2 covariance of its error: a
point on a cheek's outline is sure across the outline and unsure along it, which one number could
not say. Points of the far side of the face are placed too, by what the rest of the face tells.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from facelib.face.dense_points import load_dense_points
from facelib.networks.compact import ConvBlock, ResidualBlock, Whitening

WIDTHS = (16, 48, 96, 192)  # channels at a half, a quarter, an eighth, a sixteenth of the crop
REPEATS = (0, 1, 2, 2)
HIDDEN = 384
READ = 16  # numbers that a look keeps of each point
LOOKS = 2
TYPICAL = 0.01  # crop sides: how far off a point is in a network that has learned something
UNSURE = 5  # numbers of a point beside its place: three of the covariance, one of visibility


class DenseAnswer(NamedTuple):
    """Where the points are.

    Attributes:
        points: (B, P, 2) crop sides from the crop's corner, x right, y down.
        precision_root: (B, P, 3): a, b, c of the lower triangular L = ((a, 0), (c, b)), a, b > 0,
            in 1 / crop sides. Lᵀ error has covariance 1, so that the error's is (L Lᵀ)⁻¹.
        visible: (B, P) log odds that the photo shows the point.
        guesses: (B, P, 2) each, the places before the last look; for training.
    """

    points: torch.Tensor
    precision_root: torch.Tensor
    visible: torch.Tensor
    guesses: tuple[torch.Tensor, ...] = ()
