"""Our network: where the face is, and how it differs from the mean face, as some hundred numbers.

Three decisions make it small and quick to train. One encoder sees both photos, and its layers are
wide only where the picture is already small. The map is not drawn texel by texel: one layer says
where the head is (scale, rotation, translation), another how far it lies from the mean head along
the directions in which heads differ, and their product is the position map, as smooth as a head
from the first step on. And a side photo that is missing is not a black one: a learned vector
stands for it, and the network is told. Chapter 07 builds it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from facelib.headmodel import load_head
from facelib.networks.convention import POSITION_SCALE, check_photos
from facelib.transforms import Crop
from facelib.uvmap import load_layout

# Channels, and residual convolutions after the one that halves the picture.
STAGES = ((16, 0), (32, 1), (64, 1), (128, 1))
GRID = 4  # the encoder's last features are pooled to GRID × GRID
EMBEDDING = 256  # numbers that describe one photo, and both
EXPRESSION_DEVIATION = 0.3  # of the strength of a facial action, beside 1 of a shape coefficient
MM_PER_UNIT = 100.0  # points inside the network are in decimetres, near 1
HEAD_TO_CROP = (1.0, -1.0, 1.0)  # the head frame's y points up, the crop frame's down


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
    """The same, added to its input: what it need not change passes."""

    def __init__(self, channels: int) -> None:
        """Take the channels, which stay."""
        super().__init__(channels, channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to the same shape."""
        return features + super().forward(features)


class Compact(nn.Module):
    """Front photo, and a side photo if there is one, in; position map out."""

    name = "compact"
    size = 256
    side_photo = "optional"

    def __init__(self) -> None:
        """Draw fresh weights from torch's global generator; the output starts at the mean face."""
        super().__init__()
        channels, blocks = 3, []
        for width, repeats in STAGES:
            blocks.append(ConvBlock(channels, width, 2))
            blocks += [ResidualBlock(width) for _ in range(repeats)]
            channels = width
        self.encoder = nn.Sequential(*blocks)
        self.front = nn.Linear(channels * GRID**2, EMBEDDING)
        self.side = nn.Linear(channels * GRID**2, EMBEDDING)
        self.no_side = nn.Parameter(torch.zeros(EMBEDDING))
        self.fuse = nn.Linear(2 * EMBEDDING, EMBEDDING)
        mean_head, directions = shape_directions()
        # Not parameters, but stored with the weights, which mean nothing without them.
        self.register_buffer("mean_head", mean_head)
        self.register_buffer("directions", directions)
        pose = mean_pose()
        self.pose = nn.Linear(EMBEDDING, len(pose))
        self.shape = nn.Linear(EMBEDDING, len(directions))
        for layer in (self.pose, self.shape):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.pose.bias.copy_(pose)

    def forward(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> torch.Tensor:
        """Predict the position map of the front photo's face.

        Args:
            photos: (B, 6, S, S) float32 in 0..1, front RGB then side RGB, or (B, 3, S, S): the
                front alone; S divisible by 32.
            has_side: (B,) bool, whether each side photo is one; what the others hold is not looked
                at. None says that all are.
        Returns:
            (B, 3, S, S), about 0..1; times S · POSITION_SCALE it is (x, y, z) in px, crop frame.
        Raises:
            ValueError: if the photos have another shape.
        """
        check_photos(photos, self.side_photo)
        size = photos.shape[-1]
        fused = self.fused(photos, has_side)
        # Half precision will do for features; positions would be rounded to half a pixel.
        with torch.autocast(photos.device.type, enabled=False):
            fused = fused.float()
            away = torch.einsum("bk,kvc->bvc", self.shape(fused), self.directions)
            points = place_head(self.mean_head + away, self.pose(fused))
        # The crop frame's origin is the centre of its first pixel, not that pixel's corner.
        points = points - points.new_tensor((0.5, 0.5, 0.0)) / size
        return texels(points, size) / POSITION_SCALE

    def fused(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> torch.Tensor:
        """Describe a face, as `forward` takes it, by (B, 256) features."""
        front, side = photos[:, :3], photos[:, 3:]
        if has_side is not None:
            side = side[has_side]
        # Not len(): it would tie a network that is traced, for ONNX, to the batch it was traced on.
        n_front = front.shape[0]
        n_side = side.shape[0] if side.shape[1] else 0
        features = self.features(torch.cat([front, side]) if n_side else front)
        # Not ReLU: its units fell silent in training, those of the side photo all of them.
        described = functional.silu(self.front(features[:n_front]))
        beside = self.no_side.expand(n_front, -1)
        if n_side:
            seen = functional.silu(self.side(features[n_front:]))
            beside = seen if has_side is None else beside.masked_scatter(has_side[:, None], seen)
        return functional.silu(self.fuse(torch.cat([described, beside], dim=1)))

    def features(self, photos: torch.Tensor) -> torch.Tensor:
        """Reduce (N, 3, S, S) photos, of either kind, to (N, 2048)."""
        # Around zero, as BatchNorm leaves the input of every later layer.
        return functional.adaptive_avg_pool2d(self.encoder(photos - 0.5), GRID).flatten(1)


def rotation_from_6d(numbers: torch.Tensor) -> torch.Tensor:
    """Make a rotation of two vectors by Gram-Schmidt (Zhou et al. 2019): every rotation, no jumps.

    Args:
        numbers: (B, 6), two vectors that are not parallel.
    Returns:
        (B, 3, 3), the vectors' directions in the first two columns; (1, 0, 0, 0, 1, 0) gives 1.
    """
    x = functional.normalize(numbers[:, :3], dim=1)
    y = numbers[:, 3:]
    y = functional.normalize(y - (x * y).sum(dim=1, keepdim=True) * x, dim=1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=2)


def place_head(points_head: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """Turn, scale and move points into the crop: weak perspective.

    Args:
        points_head: (B, N, 3), head frame.
        pose: (B, 10): log of the scale (crop sides per unit), `rotation_from_6d`'s six numbers,
            and where the head's origin lands (crop sides).
    Returns:
        (B, N, 3), crop frame but for its origin, which is the crop's corner; crop sides.
    """
    turned = points_head @ rotation_from_6d(pose[:, 1:7]).transpose(1, 2)
    scale, translation = pose[:, None, :1].exp(), pose[:, None, 7:]
    return scale * turned * turned.new_tensor(HEAD_TO_CROP) + translation


def texels(points: torch.Tensor, size: int) -> torch.Tensor:
    """Write layout vertices into maps, as `UVLayout.position_map` does.

    Args:
        points: (B, V, 3).
        size: px, side of the maps.
    Returns:
        (B, 3, size, size).
    """
    corners, weights = (part.to(points.device) for part in _texel_corners(size))
    # One row a vertex: a texel then copies whole rows, three of them.
    rows = points.permute(1, 2, 0).flatten(1)[corners]  # (3, S², 3B)
    blended = (rows * weights[..., None]).sum(dim=0)
    return blended.view(size, size, 3, points.shape[0]).permute(3, 2, 0, 1)


@lru_cache(maxsize=8)
def _texel_corners(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The vertices (3, S²) that each texel blends, and their weights (3, S²)."""
    matrix = load_layout(size).matrix
    corners = torch.from_numpy(matrix.indices.astype(np.int64)).view(-1, 3)
    # A sum over the first axis adds whole rows; over a short inner one it took half of the time.
    return corners.T.contiguous(), torch.from_numpy(matrix.data).view(-1, 3).T.contiguous()


def shape_directions() -> tuple[torch.Tensor, torch.Tensor]:
    """Find the directions in which the head model's faces differ: principal components.

    Returns:
        The mean head's layout vertices (V, 3) and the directions (K, V, 3), the widest first, as
        long as their standard deviation; float32 decimetres, head frame.
    """
    head, to_layout = load_head(), load_layout().from_head
    basis = [*head.shape_basis, *(EXPRESSION_DEVIATION * head.expression_basis)]
    rows = np.stack([to_layout @ row for row in basis]).reshape(len(basis), -1) / MM_PER_UNIT
    _, turn = np.linalg.eigh(rows @ rows.T)
    directions = np.ascontiguousarray((turn.T @ rows)[::-1]).reshape(len(basis), -1, 3)
    mean_head = to_layout @ head.mean_head / MM_PER_UNIT
    return torch.from_numpy(mean_head).float(), torch.from_numpy(directions).float()


def mean_pose() -> torch.Tensor:
    """Where the mean head lies in the crop about its own keypoints: (10,), see `place_head`."""
    layout = load_layout()
    points = layout.from_head @ load_head().mean_head / MM_PER_UNIT * HEAD_TO_CROP
    crop = Crop.around_keypoints(layout.keypoints(points), 1)
    x, y = -crop.corner_px * crop.scale
    z = -points[:, 2].min() * crop.scale
    return torch.tensor([np.log(crop.scale), 1, 0, 0, 0, 1, 0, x, y, z], dtype=torch.float32)
