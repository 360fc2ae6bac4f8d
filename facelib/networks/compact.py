"""Our network: landmarks first, and from them some hundred numbers that place and shape a head.

One encoder sees both photos and draws heat maps of 68 keypoints in each. Where those lie in the
front photo gives the head's scale, roll and place without anything learned; what that leaves of
them, in both photos, is a few pixels that tell how the head is turned and shaped, and from these a
small network tells the rest: the pose, and how far the face lies from the mean head along the
directions in which heads differ. Their product is the position map, as smooth as a head from the
first step on. A side photo that is missing is not a black one: a learned vector stands for it, and
the network is told. Chapter 07 builds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.imaging.crop import Crop
from facelib.networks.base import TYPICAL_DEVIATION, Answer, check_photos
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.keypoints import conjugate, in_place, in_plane, soft_argmax, times

# Channels, and residual convolutions after the one that halves the picture.
STAGES = ((16, 0), (32, 0), (64, 1), (128, 1))
HEAT_WIDTH = STAGES[-2][0]  # heat maps are as fine as the last stage but one
N_KEYPOINTS = 68
GRID = 4  # the encoder's last features are pooled to GRID × GRID
POOLED = 64  # numbers that describe a photo beside its keypoints
EMBEDDING = 256
EXPRESSION_DEVIATION = 0.3  # of the strength of a facial action, beside 1 of a shape coefficient
MM_PER_UNIT = 100.0  # points inside the network are in decimetres, near 1
HEAD_TO_CROP = (1.0, -1.0, 1.0)  # the head frame's y points up, the crop frame's down
CONFIDENCE_GRID = 8  # deviations are told on a grid over the map: they change slowly across a face


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


class Whitening(nn.BatchNorm1d):
    """Give each number mean 0 and deviation 1, and learn nothing: a few pixels count like many."""

    def __init__(self, numbers: int) -> None:
        """Take how many numbers a row has."""
        super().__init__(numbers, affine=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Map (N, numbers) to the same shape; a single row is seen by what earlier ones told."""
        if self.training and rows.shape[0] < 2:
            return functional.batch_norm(rows, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(rows)


@dataclass(frozen=True)
class Description:
    """The numbers from which `Compact` makes its map.

    Attributes:
        keypoints_front: (B, 68, 2) px, crop frame: where it found iBUG's keypoints.
        keypoints_side: (B, 68, 2) px, crop frame of the side photo; NaN where there is none.
        pose: (B, 10), see `place_head`; the whole way from the head to the front crop.
        shape: (B, K), how far along each of `Compact.directions`, in standard deviations.
    """

    keypoints_front: torch.Tensor
    keypoints_side: torch.Tensor
    pose: torch.Tensor
    shape: torch.Tensor


class _Sight(NamedTuple):
    """What is read off one kind of photo, N of them.

    Attributes:
        heat_maps: (N, 68, h, w), log of weights.
        keypoints: (N, 68, 2), crop sides.
        turn, shift: (N, 2) each, from `in_plane`.
        numbers: (N, 136 + POOLED), what the similarity leaves of the keypoints, pooled features.
    """

    heat_maps: torch.Tensor
    keypoints: torch.Tensor
    turn: torch.Tensor
    shift: torch.Tensor
    numbers: torch.Tensor


class View(nn.Module):
    """What is the front's own, or the side's: its heat maps, and what to make of them.

    Attributes:
        joint: whether heat maps learn from all that follows, too, or from the keypoints alone.
    """

    def __init__(self, channels: int, reference: torch.Tensor) -> None:
        """Take the channels of the coarse features, and where keypoints are expected, (68, 2)."""
        super().__init__()
        self.joint = True
        self.heat = nn.Conv2d(HEAT_WIDTH, N_KEYPOINTS, 1)
        self.whiten = Whitening(2 * N_KEYPOINTS)
        self.pool = nn.Linear(channels * GRID**2, POOLED)
        self.register_buffer("reference", reference)

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> _Sight:
        """Read (N, HEAT_WIDTH, h, w) and (N, C, h / 2, w / 2) features."""
        heat_maps = self.heat(fine).float()
        # Half precision will do for features; positions would be rounded to half a pixel.
        with torch.autocast(fine.device.type, enabled=False):
            keypoints = soft_argmax(heat_maps if self.joint else heat_maps.detach())
            turn, shift = in_plane(keypoints, self.reference)
            left = in_place(keypoints, turn, shift, self.reference).flatten(1)
            pooled = functional.adaptive_avg_pool2d(coarse.float(), GRID).flatten(1)
            # Not ReLU: its units fell silent in training, those of the side photo all of them.
            numbers = [self.whiten(left), functional.silu(self.pool(pooled))]
            return _Sight(heat_maps, keypoints, turn, shift, torch.cat(numbers, dim=1))


class _Reading(NamedTuple):
    """What is read off a batch of photos; pose and shape as in `Description`."""

    front: _Sight
    side: _Sight | None
    hidden: torch.Tensor
    pose: torch.Tensor
    shape: torch.Tensor


class Compact(nn.Module):
    """Front photo, and a side photo if there is one, in; position map out."""

    name = "compact"
    size = 256
    side_photo = "optional"

    def __init__(self, confidence: bool = False) -> None:
        """Draw fresh weights from torch's global generator; the output starts as the mean face.

        But not in its place: fresh heat maps put all keypoints in the middle, and the face there.

        Args:
            confidence: add the layer that tells how far off the map may be.
        """
        super().__init__()
        channels, self.stages = 3, nn.ModuleList()
        for width, repeats in STAGES:
            residual = [ResidualBlock(width) for _ in range(repeats)]
            self.stages.append(nn.Sequential(ConvBlock(channels, width, 2), *residual))
            channels = width
        self.lateral = nn.Conv2d(channels, HEAT_WIDTH, 1)
        self.mix = ResidualBlock(HEAT_WIDTH)
        reference = mean_keypoints()
        self.front = View(channels, reference)
        # A profile looks left or right: of its mean, only the heights are known.
        middle = reference[:, 0].mean().expand(N_KEYPOINTS)
        self.side = View(channels, torch.stack([middle, reference[:, 1]], dim=1))
        described = 2 * N_KEYPOINTS + POOLED
        self.no_side = nn.Parameter(torch.zeros(described))
        self.hidden = nn.Sequential(
            *(nn.Linear(2 * described, EMBEDDING), nn.SiLU()),
            *(nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU()),
        )
        mean_head, directions = shape_directions()
        # Not parameters, but stored with the weights, which mean nothing without them.
        self.register_buffer("mean_head", mean_head)
        self.register_buffer("directions", directions)
        pose = mean_pose()
        # From what is described itself, too: most of the way is straight.
        self.pose = nn.Linear(EMBEDDING + 2 * described, len(pose))
        self.shape = nn.Linear(EMBEDDING + 2 * described, len(directions))
        for layer in (self.pose, self.shape):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.pose.bias.copy_(pose)
        if confidence:  # last, so that all other weights are drawn as without it
            self.log_deviation = nn.Linear(EMBEDDING, CONFIDENCE_GRID**2)
            nn.init.zeros_(self.log_deviation.weight)
            nn.init.constant_(self.log_deviation.bias, np.log(TYPICAL_DEVIATION))

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
        size = photos.shape[-1]
        return texels(self._vertices(self._read(photos, has_side), size), size)

    def answer(
        self, photos: torch.Tensor, has_side: torch.Tensor | None = None, draw_maps: bool = True
    ) -> Answer:
        """Say all that can be compared with the truth; photos and has_side are as in `forward`.

        Args:
            photos: (B, 6, S, S) or (B, 3, S, S) float32.
            has_side: (B,) bool or None.
            draw_maps: whether maps are wanted; training at vertices is quicker without.
        Returns:
            All but the log deviation, which is told if the network was made with confidence.
        """
        reading, size = self._read(photos, has_side), photos.shape[-1]
        vertices, log_deviation = self._vertices(reading, size), None
        maps = texels(vertices, size) if draw_maps else None
        if hasattr(self, "log_deviation"):
            grid = self.log_deviation(reading.hidden)
            grid = grid.view(-1, 1, CONFIDENCE_GRID, CONFIDENCE_GRID)
            log_deviation = functional.interpolate(grid, size, mode="bilinear")
        side = None if reading.side is None else reading.side.heat_maps
        return Answer(maps, log_deviation, reading.front.heat_maps, side, vertices)

    def learn_jointly(self, joint: bool) -> None:
        """Choose whether the map's gradient reaches the heat maps.

        It would wreck them while they are young, for it wants a better map, wherever the keypoints
        go; later it brings them to where they serve the map best.
        """
        self.front.joint = self.side.joint = joint

    def describe(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> Description:
        """Say in numbers what was seen; photos and has_side are as in `forward`."""
        reading, size = self._read(photos, has_side), photos.shape[-1]
        front = size * reading.front.keypoints - 0.5
        side = torch.full_like(front, torch.nan)
        if reading.side is not None:
            side[... if has_side is None else has_side] = size * reading.side.keypoints - 0.5
        return Description(front, side, reading.pose, reading.shape)

    def _vertices(self, reading: _Reading, size: int) -> torch.Tensor:
        """Place the layout's vertices (B, V, 3), in the unit of maps of `size`."""
        with torch.autocast(reading.pose.device.type, enabled=False):
            away = torch.einsum("bk,kvc->bvc", reading.shape, self.directions)
            points = place_head(self.mean_head + away, reading.pose)
            # The crop frame's origin is the centre of its first pixel, not that pixel's corner.
            return (points - points.new_tensor((0.5, 0.5, 0.0)) / size) / POSITION_SCALE

    def _read(self, photos: torch.Tensor, has_side: torch.Tensor | None) -> _Reading:
        """Find keypoints, pose and shape in photos as `forward` takes them."""
        check_photos(photos, self.side_photo)
        front, side = photos[:, :3], photos[:, 3:]
        if has_side is not None:
            side = side[has_side]
        # Not len(): it would tie a network that is traced, for ONNX, to the batch it was traced on.
        n_front = front.shape[0]
        n_side = side.shape[0] if side.shape[1] else 0
        levels = self.features(torch.cat([front, side]) if n_side else front)
        # Not slices, whose gradients are whole batches of zeros in a slower memory order.
        of_front, of_side = zip(*(level.split((n_front, n_side)) for level in levels), strict=True)
        front_sight = self.front(*of_front)
        side_sight = self.side(*of_side) if n_side else None
        with torch.autocast(photos.device.type, enabled=False):
            beside = self.no_side.expand(n_front, -1)
            if side_sight is not None and has_side is None:
                beside = side_sight.numbers
            elif side_sight is not None:
                beside = beside.masked_scatter(has_side[:, None], side_sight.numbers)
            described = torch.cat([front_sight.numbers, beside], dim=1)
            hidden = self.hidden(described)
            numbers = torch.cat([hidden, described], dim=1)
            pose = move_pose(self.pose(numbers), front_sight.turn, front_sight.shift)
            return _Reading(front_sight, side_sight, hidden, pose, self.shape(numbers))

    def features(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn (N, 3, S, S) photos, of either kind, into features at an eighth and a sixteenth."""
        x = photos - 0.5  # around zero, as BatchNorm leaves the input of every later layer
        for stage in self.stages:
            finer, x = x, stage(x)
        # What the coarse features know of the whole face, at every pixel of the fine ones.
        above = functional.interpolate(self.lateral(x), scale_factor=2, mode="bilinear")
        return self.mix(finer + above), x


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


def move_pose(pose: torch.Tensor, turn: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Follow a pose by a similarity of the crop, see `keypoints.in_plane`; depth is scaled too.

    Args:
        pose: (B, 10), see `place_head`.
        turn: (B, 2).
        shift: (B, 2), crop sides.
    Returns:
        (B, 10): places a head where `pose` and then the similarity do.
    """
    length = torch.linalg.vector_norm(turn, dim=1, keepdim=True)
    # The head frame's y points up, so that the same turn goes the other way there.
    roll = conjugate(turn / length)[:, None]
    axes = pose[:, 1:7].unflatten(1, (2, 3))
    axes = torch.cat([times(axes[..., :2], roll), axes[..., 2:]], dim=2).flatten(1)
    place = times(pose[:, 7:9], turn) + shift
    return torch.cat([pose[:, :1] + length.log(), axes, place, length * pose[:, 9:]], dim=1)


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
@torch.inference_mode(False)  # kept tensors must serve a later training, too
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


def mean_keypoints() -> torch.Tensor:
    """Where the mean head's keypoints lie in `mean_pose`: (68, 2), crop sides from its corner."""
    layout = load_layout()
    points = torch.from_numpy(layout.keypoints(layout.from_head @ load_head().mean_head))
    return place_head(points[None].float() / MM_PER_UNIT, mean_pose()[None])[0, :, :2]
