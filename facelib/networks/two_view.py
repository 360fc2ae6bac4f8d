"""The thesis's network: MobileNetV2 encoder, 17 transposed convolutions (Table 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from facelib.networks.base import FaceNetwork, check_photos

# MobileNetV2's bottlenecks: expansion, output channels, repeats, stride of the first.
BOTTLENECKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# Transposed convolutions, kernel 4: output channels, stride.
DECODER_CHANNELS = (512, 256, 256, 256, 128, 128, 128, 64, 64, 64, 32, 32, 16, 16, 3, 3, 3)
DECODER_STRIDES = (1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1)
DECODER = tuple(zip(DECODER_CHANNELS, DECODER_STRIDES, strict=True))
KERNEL = 4


@dataclass(frozen=True)
class Stage:
    """One row of Table 4.1: a layer's operation and its output shape."""

    name: str
    kernel: int
    stride: int | None
    output_shape: tuple[int, int, int]  # (height, width, channels)


def _conv_block(
    channels_in: int,
    channels_out: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activate: bool = True,
) -> nn.Sequential:
    """Convolution with a bias, BatchNorm and ReLU6: the encoder's only building block.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        kernel: side of the kernel, odd.
        stride: step of the kernel.
        groups: `channels_in` makes the convolution depthwise.
        activate: False omits ReLU6 (linear bottleneck).
    Returns:
        The block; a stride of 1 keeps the spatial size.
    """
    layers = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups),
        nn.BatchNorm2d(channels_out),
    ]
    return nn.Sequential(*layers, nn.ReLU6()) if activate else nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """Inverted residual with a linear bottleneck (MobileNetV2, figure 2.4)."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, stride: int) -> None:
        """Take the channels in and out, the expansion t and the depthwise stride."""
        super().__init__()
        hidden = channels_in * expansion
        # The thesis's count needs the expansion convolution in the first block too, where t = 1.
        self.expand = _conv_block(channels_in, hidden)
        self.depthwise = _conv_block(hidden, hidden, 3, stride, groups=hidden)
        self.project = _conv_block(hidden, channels_out, activate=False)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, channels_out, H/stride, W/stride)."""
        out = self.project(self.depthwise(self.expand(features)))
        return features + out if self.residual else out


class TransposedConv(nn.ConvTranspose2d):
    """Transposed convolution, kernel 4, whose output is exactly `stride` times its input.

    Padding follows Keras's 'same': of the three extra rows of a kernel of 4 at stride 1, one is
    dropped at the start and two at the end.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int, bias: bool = True) -> None:
        """Take the channels in and out, the stride, 1 or 2, and whether there is a bias."""
        super().__init__(channels_in, channels_out, KERNEL, stride, padding=1, bias=bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, channels_out, H*stride, W*stride)."""
        if self.stride == (2, 2):
            return super().forward(features)
        # At stride 1 this is a convolution with the kernel rotated by 180°, which runs faster.
        kernel = self.weight.transpose(0, 1).flip(2, 3)
        return functional.conv2d(features, kernel, self.bias, padding=2)[..., :-1, :-1]


class TwoView(FaceNetwork):
    """Front and side photo in, position map out; 11,791,273 parameters as Keras counts them.

    Reference: thesis section 4.3.2, Table 4.1; chapter 9.
    """

    name = "two_view"
    side_photo = "needed"
    has_encoder = True
    has_calibration = True
    photo_channels = 6

    def __init__(self, size: int = 256, confidence: bool = False) -> None:
        """Draw fresh weights from torch's global generator."""
        super().__init__(size, confidence)
        self.first = _conv_block(self.photo_channels, 32, 3, 2)
        channels, blocks = 32, []
        for expansion, channels_out, repeats, stride in BOTTLENECKS:
            for repeat in range(repeats):
                first_stride = stride if repeat == 0 else 1
                blocks.append(Bottleneck(channels, channels_out, expansion, first_stride))
                channels = channels_out
        self.bottlenecks = nn.Sequential(*blocks)
        self.last = _conv_block(channels, 512)
        widths = (512, *(width for width, _ in DECODER))
        self.decoder = nn.ModuleList(
            TransposedConv(a, b, stride)
            for a, (b, stride) in zip(widths[:-1], DECODER, strict=True)
        )
        self.apply(_initialise)
        # Features reach the last layer near 1; this bias starts the sigmoid at its steep middle.
        nn.init.constant_(self.decoder[-1].bias, -1.0)

    def encode(self, photos: torch.Tensor) -> torch.Tensor:
        """Reduce (B, 6, S, S) photos to (B, 512, S/32, S/32) features, all ≥ 0."""
        photos = photos[:, : self.photo_channels]
        return self.last(self.bottlenecks(self.first(photos)))

    def forward(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> torch.Tensor:
        """Predict the position map of the front photo's face, in 0..1."""
        check_photos(photos, self.side_photo)
        features = self.encode(photos)
        for layer in self.decoder[:-1]:
            features = functional.relu(layer(features))
        return torch.sigmoid(self.decoder[-1](features))

    @torch.no_grad()
    def calibrate(self, photos: torch.Tensor) -> None:
        """Rescale fresh decoder weights so that photos stay distinct through all 17 layers.

        Every layer's output is brought to mean 0 and standard deviation 1 over one batch (Mishkin
        and Matas 2016; Krähenbühl et al. 2016), so that ReLU passes about half of it. Otherwise the
        part that all photos share grows from layer to layer, until the differences are a hundredth
        of it. The narrow last layers stay above zero, and the sigmoid starts at its steep middle.

        Args:
            photos: (B, 6, S, S) float32 in 0..1, of some tens of different people.
        """
        was_training = self.training
        features = self.train().encode(photos)
        for layer in self.decoder:
            mean, deviation = (1.0, 0.5) if layer.out_channels == 3 else (0.0, 1.0)
            if layer is self.decoder[-1]:
                mean = -0.2
            out = layer(features)
            gain = deviation / out.std((0, 2, 3))
            layer.weight.mul_(gain[None, :, None, None])
            layer.bias.copy_((layer.bias - out.mean((0, 2, 3))) * gain + mean)
            features = functional.relu(layer(features))
        self.train(was_training)

    @torch.no_grad()
    def stages(self, size: int = 256) -> list[Stage]:
        """List the rows of Table 4.1, with shapes observed in a forward pass.

        The table's 96, 144, 192 and 576 channels are those of the expanded features that leave the
        depthwise convolution of the last block before the next stride, not of the block's output.

        Args:
            size: px, side of the input; divisible by 32.
        Returns:
            23 stages in order: 6 of the encoder, 17 of the decoder.
        """
        rows = self._table_rows()
        shapes: dict[str, tuple[int, int, int]] = {}
        hooks = []
        for label, module, _, _ in rows:

            def record(_module, _args, output, label=label):
                shapes[label] = (output.shape[2], output.shape[3], output.shape[1])

            hooks.append(module.register_forward_hook(record))
        was_training = self.training
        device = next(self.parameters()).device
        self.eval()(torch.zeros(1, 6, size, size, device=device))
        self.train(was_training)
        for hook in hooks:
            hook.remove()
        return [Stage(label, kernel, stride, shapes[label]) for label, _, kernel, stride in rows]

    def _table_rows(self) -> list[tuple[str, nn.Module, int, int | None]]:
        strided = [b for b in self.bottlenecks if b.depthwise[0].stride == (2, 2)]
        rows = [("convolution 1", self.first, 3, 2)]
        rows += [(f"inverted residual {i}", b.depthwise, 3, None) for i, b in enumerate(strided, 1)]
        rows += [("convolution 2", self.last, 1, 1)]
        return rows + [
            (f"transposed convolution {i}", layer, KERNEL, layer.stride[0])
            for i, layer in enumerate(self.decoder, 1)
        ]


class OneView(TwoView):
    """The thesis's network for a front photo alone, proposed as further work in section 6.2."""

    name = "one_view"
    side_photo = "unused"
    photo_channels = 3


def _initialise(module: nn.Module) -> None:
    """Draw kernels so that ReLU keeps the variance through 17 layers without BatchNorm (He).

    With torch's default the spread between photos shrinks about threefold per layer and is below
    1e-6 at the last (measured at 128 px): the output would be the same for every photo.
    """
    if isinstance(module, TransposedConv):
        # Each output pixel has kernel² / stride² taps of each input channel.
        fan_in = module.in_channels * KERNEL**2 / module.stride[0] ** 2
        nn.init.normal_(module.weight, std=(2 / fan_in) ** 0.5)
        nn.init.zeros_(module.bias)
        if module.out_channels == 3:
            _initialise_narrow(module)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
        nn.init.zeros_(module.bias)


def _initialise_narrow(layer: TransposedConv) -> None:
    """Start a layer of three channels near the identity and above zero.

    A channel that ReLU sets to zero everywhere no longer gets a gradient; with only three channels,
    one coordinate of the face would be lost with it.
    """
    with torch.no_grad():
        layer.weight.mul_(0.1)
        if layer.in_channels == 3:
            layer.weight[range(3), range(3), 1, 1] += 1.0
        else:
            layer.weight.mul_(5.0)
            layer.bias.fill_(1.0)
