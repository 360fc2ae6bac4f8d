"""The thesis's baseline: PRNet's network for one photo (Feng et al. 2018).

Written after the description in the paper and the layer widths of its published code
(github.com/YadiraF/PRNet, `predictor.py`, class resfcn256).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from facelib.networks.base import FaceNetwork, check_photos
from facelib.networks.two_view import DECODER, KERNEL, TransposedConv

FIRST_CHANNELS = 16
# Residual blocks: output channels, stride.
WIDTHS = (32, 64, 128, 256, 512)
BLOCKS = tuple((width, stride) for width in WIDTHS for stride in (2, 1))


class SameConv(nn.Conv2d):
    """Convolution, kernel 4, without a bias, whose output is 1 / `stride` of its input.

    TensorFlow's 'same' pads a kernel of 4 by one row before and two (stride 1) or one (stride 2)
    after.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        """Take the channels in and out and the stride, 1 or 2."""
        super().__init__(channels_in, channels_out, KERNEL, stride, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, channels_out, H/stride, W/stride)."""
        after = 3 - self.stride[0]
        return super().forward(functional.pad(features, (1, after, 1, after)))


def _normed(convolution: nn.Module, channels: int) -> nn.Sequential:
    """Append BatchNorm and ReLU to a convolution."""
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())


class PRNBlock(nn.Module):
    """Residual block: half the channels inside, a kernel of 4 between two of 1."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """Take the channels in and out and the stride, 1 or 2."""
        super().__init__()
        half = channels_out // 2
        self.inside = nn.Sequential(
            _normed(nn.Conv2d(channels_in, half, 1, bias=False), half),
            _normed(SameConv(half, half, stride), half),
            nn.Conv2d(half, channels_out, 1, bias=False),
        )
        same = stride == 1 and channels_in == channels_out
        self.shortcut = (
            nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
        )
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, channels_out, H/stride, W/stride)."""
        return functional.relu(self.norm(self.inside(features) + self.shortcut(features)))


class PRN(FaceNetwork):
    """Front photo in, position map out; a side photo is ignored.

    One convolution and ten residual blocks, then the 17 transposed convolutions that the thesis
    kept. Here each is followed by BatchNorm, which the thesis left out.

    Reference: Feng et al. 2018, section 3.2; thesis section 3.1.1.
    """

    name = "prn"
    side_photo = "unused"
    has_encoder = True

    def __init__(self, size: int = 256, confidence: bool = False) -> None:
        """Draw fresh weights from torch's global generator."""
        super().__init__(size, confidence)
        self.first = _normed(SameConv(3, FIRST_CHANNELS), FIRST_CHANNELS)
        widths = (FIRST_CHANNELS, *(width for width, _ in BLOCKS))
        self.blocks = nn.Sequential(
            *(PRNBlock(a, b, s) for a, (b, s) in zip(widths[:-1], BLOCKS, strict=True))
        )
        widths = (widths[-1], *(width for width, _ in DECODER))
        layers: list[nn.Module] = []
        for a, (b, stride) in zip(widths[:-1], DECODER, strict=True):
            layers.append(_normed(TransposedConv(a, b, stride, bias=False), b))
        layers[-1][-1] = nn.Sigmoid()
        self.decoder = nn.Sequential(*layers)

    def encode(self, photos: torch.Tensor) -> torch.Tensor:
        """Reduce (B, 3 or 6, S, S) photos to (B, 512, S/32, S/32) features, all ≥ 0."""
        return self.blocks(self.first(photos[:, :3]))

    def forward(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> torch.Tensor:
        """Predict the position map of the front photo's face, in 0..1."""
        check_photos(photos, self.side_photo)
        return self.decoder(self.encode(photos))
