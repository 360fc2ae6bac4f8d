"""Our network: it finds keypoints, and from them some hundred numbers of a head's pose and shape.

One encoder sees both photos and draws heat maps of 68 keypoints in each. The keypoints of the front
photo give the head's scale, roll and position by a closed formula. The residuals of that
similarity, in both photos, are a few pixels that show how the head is rotated and shaped. From them
a small network predicts the rest: the pose, and the face's coefficients along the directions in
which heads differ. The head model then draws the position map, which is as smooth as a head from
the first training step on. A learned vector replaces a missing side photo. Chapter 9 builds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from facelib.networks.base import TYPICAL_DEVIATION, Answer, FaceNetwork, check_photos
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.head_basis import (
    mean_keypoints,
    mean_pose,
    position_maps,
    shape_directions,
)
from facelib.networks.keypoints import fit_similarity_2d, residual_shape, soft_argmax
from facelib.networks.pose import move_pose, place_head

# Channels, and residual convolutions after the one that halves the picture.
STAGES = ((16, 0), (32, 0), (64, 1), (128, 1))
HEAT_WIDTH = STAGES[-2][0]  # heat maps are as fine as the last stage but one
N_KEYPOINTS = 68
GRID = 4  # the encoder's last features are pooled to GRID × GRID
POOLED = 64  # features that describe a photo in addition to its keypoints
EMBEDDING = 256
CONFIDENCE_GRID = 8  # deviations are predicted on a grid: they change slowly across a face


class ConvBlock(nn.Sequential):
    """3 × 3 convolution, BatchNorm and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        """Take the channels in and out and the stride."""
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )


class ResidualBlock(ConvBlock):
    """A `ConvBlock` whose output is added to its input."""

    def __init__(self, channels: int) -> None:
        """Take the number of channels, in and out."""
        super().__init__(channels, channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to the same shape."""
        return features + super().forward(features)


class Whitening(nn.BatchNorm1d):
    """Scale each number to mean 0 and deviation 1, without parameters: small residuals count."""

    def __init__(self, numbers: int) -> None:
        """Take the numbers per row."""
        super().__init__(numbers, affine=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Map (N, numbers) to the same shape; a single row is whitened by the moving statistics."""
        if self.training and rows.shape[0] < 2:
            return functional.batch_norm(rows, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(rows)


@dataclass(frozen=True)
class Description:
    """The numbers from which `Compact` draws its map.

    Attributes:
        keypoints_front: (B, 68, 2) px, crop frame: the iBUG keypoints found in the front photo.
        keypoints_side: (B, 68, 2) px, crop frame of the side photo; NaN where there is none.
        pose: (B, 10), see `pose`; from the head frame to the front crop.
        shape: (B, K), coefficients of `Compact.directions`, in standard deviations.
    """

    keypoints_front: torch.Tensor
    keypoints_side: torch.Tensor
    pose: torch.Tensor
    shape: torch.Tensor


class _ViewFeatures(NamedTuple):
    """What the network reads from N photos of one kind, front or side.

    Attributes:
        heat_maps: (N, 68, h, w), log of weights.
        keypoints: (N, 68, 2), crop sides.
        scale_roll, shift: (N, 2) each, from `fit_similarity_2d`.
        numbers: (N, 136 + POOLED), the keypoints' residuals and pooled features.
    """

    heat_maps: torch.Tensor
    keypoints: torch.Tensor
    scale_roll: torch.Tensor
    shift: torch.Tensor
    numbers: torch.Tensor


class View(nn.Module):
    """The layers that front and side do not share: heat maps, and what is read from them.

    Attributes:
        heatmap_gradient: whether the gradient of later layers reaches the heat maps; if not, they
            are trained on the true keypoints alone.
    """

    def __init__(self, channels: int, reference: torch.Tensor) -> None:
        """Take the channels of the coarse features, and where keypoints are expected, (68, 2)."""
        super().__init__()
        self.heatmap_gradient = True
        self.heat = nn.Conv2d(HEAT_WIDTH, N_KEYPOINTS, 1)
        self.whiten = Whitening(2 * N_KEYPOINTS)
        self.pool = nn.Linear(channels * GRID**2, POOLED)
        self.register_buffer("reference", reference)

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> _ViewFeatures:
        """Read (N, HEAT_WIDTH, h, w) and (N, C, h / 2, w / 2) features."""
        heat_maps = self.heat(fine).float()
        # Half precision is enough for features; it would round positions to half a pixel.
        with torch.autocast(fine.device.type, enabled=False):
            keypoints = soft_argmax(heat_maps if self.heatmap_gradient else heat_maps.detach())
            scale_roll, shift = fit_similarity_2d(keypoints, self.reference)
            residual = residual_shape(keypoints, scale_roll, shift, self.reference).flatten(1)
            pooled = functional.adaptive_avg_pool2d(coarse.float(), GRID).flatten(1)
            # Not ReLU: its units died in training, all of them in the side photo's branch.
            numbers = [self.whiten(residual), functional.silu(self.pool(pooled))]
            return _ViewFeatures(heat_maps, keypoints, scale_roll, shift, torch.cat(numbers, dim=1))


class _Encoding(NamedTuple):
    """The numbers found in a batch of photos; pose and shape as in `Description`."""

    front: _ViewFeatures
    side: _ViewFeatures | None
    hidden: torch.Tensor
    pose: torch.Tensor
    shape: torch.Tensor


class Compact(FaceNetwork):
    """Front photo and optional side photo in; position map out."""

    name = "compact"
    side_photo = "optional"
    predicts_vertices = True
    predicts_confidence = True

    def __init__(self, size: int = 256, confidence: bool = False) -> None:
        """Draw fresh weights from torch's global generator; the output starts as the mean face.

        Untrained heat maps are nearly flat, so the face starts at the crop's centre.

        Args:
            size: px, side of the photos.
            confidence: add the layer that predicts the map's error.
        """
        super().__init__(size, confidence)
        channels, self.stages = 3, nn.ModuleList()
        for width, repeats in STAGES:
            residual = [ResidualBlock(width) for _ in range(repeats)]
            self.stages.append(nn.Sequential(ConvBlock(channels, width, 2), *residual))
            channels = width
        self.lateral = nn.Conv2d(channels, HEAT_WIDTH, 1)
        self.mix = ResidualBlock(HEAT_WIDTH)
        reference = mean_keypoints()
        self.front = View(channels, reference)
        # A profile may face either way: its mean has only heights.
        middle = reference[:, 0].mean().expand(N_KEYPOINTS)
        self.side = View(channels, torch.stack([middle, reference[:, 1]], dim=1))
        described = 2 * N_KEYPOINTS + POOLED
        self.no_side = nn.Parameter(torch.zeros(described))
        self.hidden = nn.Sequential(
            nn.Linear(2 * described, EMBEDDING),
            nn.SiLU(),
            nn.Linear(EMBEDDING, EMBEDDING),
            nn.SiLU(),
        )
        mean_head, directions = shape_directions()
        # Not parameters, but stored with the weights, which are useless without them.
        self.register_buffer("mean_head", mean_head)
        self.register_buffer("directions", directions)
        pose = mean_pose()
        # The descriptions themselves are inputs, too: most of the relation is linear.
        self.pose = nn.Linear(EMBEDDING + 2 * described, len(pose))
        self.shape = nn.Linear(EMBEDDING + 2 * described, len(directions))
        for layer in (self.pose, self.shape):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.pose.bias.copy_(pose)
        if confidence:  # last, so that it does not change the draws of the other weights
            self.log_deviation = nn.Linear(EMBEDDING, CONFIDENCE_GRID**2)
            nn.init.zeros_(self.log_deviation.weight)
            nn.init.constant_(self.log_deviation.bias, np.log(TYPICAL_DEVIATION))

    def forward(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> torch.Tensor:
        """Predict the position map; pixels of side photos marked as missing are ignored."""
        size = photos.shape[-1]
        return position_maps(self._vertices(self._encode(photos, has_side), size), size)

    def maps_of(self, fronts: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
        """Predict position maps, as `forward`; sides are like the (B, 3, S, S) fronts, or none."""
        size = fronts.shape[-1]
        return position_maps(self._vertices(self._encode_apart(fronts, sides), size), size)

    def answer(
        self, photos: torch.Tensor, has_side: torch.Tensor | None = None, draw_maps: bool = True
    ) -> Answer:
        """Predict maps, vertices, heat maps and, if built with it, confidence.

        Args:
            photos: (B, 6, S, S) or (B, 3, S, S) float32.
            has_side: (B,) bool or None.
            draw_maps: False skips the maps, which makes training at vertices faster.
        """
        encoding, size = self._encode(photos, has_side), photos.shape[-1]
        vertices, log_deviation = self._vertices(encoding, size), None
        maps = position_maps(vertices, size) if draw_maps else None
        if self.confidence:
            grid = self.log_deviation(encoding.hidden)
            grid = grid.view(-1, 1, CONFIDENCE_GRID, CONFIDENCE_GRID)
            log_deviation = functional.interpolate(grid, size, mode="bilinear")
        side = None if encoding.side is None else encoding.side.heat_maps
        return Answer(maps, log_deviation, encoding.front.heat_maps, side, vertices)

    def set_heatmap_gradient(self, flows: bool) -> None:
        """Set whether the map's gradient reaches the heat maps.

        Early in training it would destroy them, since it improves the map regardless of the true
        keypoints; later it moves the keypoints to where they help the map most.
        """
        self.front.heatmap_gradient = self.side.heatmap_gradient = flows

    def describe(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> Description:
        """Return the numbers behind the map; photos and has_side are as in `forward`."""
        encoding, size = self._encode(photos, has_side), photos.shape[-1]
        front = size * encoding.front.keypoints - 0.5
        side = torch.full_like(front, torch.nan)
        if encoding.side is not None:
            side[... if has_side is None else has_side] = size * encoding.side.keypoints - 0.5
        return Description(front, side, encoding.pose, encoding.shape)

    def _vertices(self, encoding: _Encoding, size: int) -> torch.Tensor:
        """Compute the layout's vertices (B, V, 3), in the unit of maps of `size`."""
        with torch.autocast(encoding.pose.device.type, enabled=False):
            offsets = (encoding.shape @ self.directions.flatten(1)).unflatten(1, (-1, 3))
            points = place_head(self.mean_head + offsets, encoding.pose)
            # The crop frame's origin is the centre of its first pixel, not that pixel's corner.
            return (points - points.new_tensor((0.5, 0.5, 0.0)) / size) / POSITION_SCALE

    def _encode(self, photos: torch.Tensor, has_side: torch.Tensor | None) -> _Encoding:
        """Find keypoints, pose and shape in photos; arguments as in `forward`."""
        check_photos(photos, self.side_photo)
        front, side = photos[:, :3], photos[:, 3:]
        if has_side is not None:
            return self._encode_apart(front, side[has_side], has_side)
        return self._encode_apart(front, side if side.shape[1] else front[:0])

    def _encode_apart(
        self, front: torch.Tensor, side: torch.Tensor, has_side: torch.Tensor | None = None
    ) -> _Encoding:
        """Find keypoints, pose and shape in (B, 3, S, S) photos.

        Args:
            front: one per person.
            side: those that exist.
            has_side: (B,) bool, whose they are; None if there is one per person, or none at all.
        """
        # Not len(): tracing for ONNX would fix the batch size to that of the example.
        n_front, n_side = front.shape[0], side.shape[0]
        levels = self.features(torch.cat([front, side]) if n_side else front)
        # Not slices, whose gradients are whole batches of zeros in a slower memory order.
        of_front, of_side = zip(*(level.split((n_front, n_side)) for level in levels), strict=True)
        front_view = self.front(*of_front)
        side_view = self.side(*of_side) if n_side else None
        with torch.autocast(front.device.type, enabled=False):
            side_numbers = self.no_side.expand(n_front, -1)
            if side_view is not None and has_side is None:
                # One formula with and without sides, since an exported network has no branches.
                side_numbers = torch.cat([side_view.numbers, side_numbers])[:n_front]
            elif side_view is not None:
                side_numbers = side_numbers.masked_scatter(has_side[:, None], side_view.numbers)
            described = torch.cat([front_view.numbers, side_numbers], dim=1)
            hidden = self.hidden(described)
            numbers = torch.cat([hidden, described], dim=1)
            pose = move_pose(self.pose(numbers), front_view.scale_roll, front_view.shift)
            return _Encoding(front_view, side_view, hidden, pose, self.shape(numbers))

    def features(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map (N, 3, S, S) photos, of either kind, to features at 1/8 and 1/16 of their size."""
        x = photos - 0.5  # around zero, as BatchNorm leaves the input of every later layer
        for stage in self.stages:
            finer, x = x, stage(x)
        # The coarse features, which cover the whole face, are added to every fine pixel.
        above = functional.interpolate(self.lateral(x), scale_factor=2, mode="bilinear")
        return self.mix(finer + above), x
