"""Dense points: some hundred points of the face located in one photo, each with its uncertainty.

The input is one photo of any yaw. Heat maps find the 68 keypoints roughly. The similarity that fits
a mean face to them defines the face's own frame, and everything else is computed in that frame, so
that tilted and distant faces are no harder than others. A first guess gives all points at once.
Then the network refines them, twice: it samples its features at the current points and moves every
point by what it has sampled. Each point has a Gaussian, the 2 × 2 covariance of its error: a point
on the outline of a cheek is certain across the outline and uncertain along it, which one number
could not express. Hidden points are predicted, too, from what is visible.

Cascades that sample features at the current points: Xiong and De la Torre 2013. Dense landmarks
with uncertainty, learned from synthetic faces: Wood et al. 2022.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.files.atomic import replacing
from facelib.imaging.crop import Crop
from facelib.networks.compact import ConvBlock, ResidualBlock, Whitening
from facelib.networks.found_points import FoundPoints, find_in_both_mirrors
from facelib.networks.keypoints import complex_product, fit_similarity_2d, residual_shape
from facelib.networks.precision import rotate_root

# Channels at a half, a quarter, an eighth and a sixteenth of the crop, and the residual
# convolutions after the one that halves the picture.
STAGES = ((16, 0), (48, 1), (96, 2), (192, 2))
GRID = 4  # the coarsest features are pooled to GRID × GRID
POOLED = 96  # channels of them that the first guess uses
HIDDEN = 256
READ = 8  # features per point in each refinement
LOOKS = 2
TYPICAL = 0.01  # crop sides: typical error of a point in a trained network
LARGEST_LOG = 5.0  # a root of the precision lies within e^±5 of 1 / TYPICAL


class DenseAnswer(NamedTuple):
    """The points of `face.dense_points` in N photos.

    Attributes:
        points: (N, P, 2) crop sides from the crop's corner, x right, y down.
        root: (N, P, 3), 1 / crop sides: the root of each point's precision, see `precision`.
        visible: (N, P), log odds that the photo shows the point.
        guesses: (N, P, 2) each, the points before each refinement.
        heat_maps: (N, 68, h, w), log-weights of each keypoint's position.
    """

    points: torch.Tensor
    root: torch.Tensor
    visible: torch.Tensor
    guesses: tuple[torch.Tensor, ...]
    heat_maps: torch.Tensor

    def in_pixels(self, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return places (N, P, 2) px, roots (N, P, 3) 1 / px and visibility (N, P) in 0..1.

        Args:
            size: px, side of the photos.
        """
        return self.points * size - 0.5, self.root / size, self.visible.sigmoid()


class Dense(nn.Module):
    """One photo in; some hundred points out, with covariances and visibility.

    Attributes:
        size: px, side of the photos that it has learned from; set by `load_dense`. It takes other
            sizes, too, but is best at this one.
    """

    name, engine = "dense", "torch"
    size: int

    def __init__(self) -> None:
        """Draw fresh weights from torch's global generator; the output starts as the mean face."""
        super().__init__()
        reference = _mean_points()
        self.trunk = Trunk()
        self.heat = nn.Conv2d(STAGES[2][0], N_KEYPOINTS, 1)
        self.pool = nn.Conv2d(STAGES[3][0], POOLED, 1)
        self.whiten = Whitening(2 * N_KEYPOINTS)
        self.hidden = nn.Linear(POOLED * GRID**2 + 2 * N_KEYPOINTS, HIDDEN)
        self.first = nn.Linear(HIDDEN, 2 * len(reference))
        nn.init.normal_(self.first.weight, std=1e-3)
        nn.init.zeros_(self.first.bias)
        # Only the last refinement predicts more than positions.
        outputs = [2] * (LOOKS - 1) + [6]
        self.looks = nn.ModuleList([Look(reference, n) for n in outputs])
        self.register_buffer("reference", reference)
        # Deviations are multiplied by this; measured on held-out people.
        self.register_buffer("calibration", torch.ones(len(reference)))

    def forward(self, photos: torch.Tensor) -> DenseAnswer:
        """Find the points in (N, 3, S, S) float32 photos, 0..1; S divisible by 64."""
        fine, middle, coarse = self.trunk(photos)
        heat_maps = self.heat(middle)
        pooled = self.pool(functional.adaptive_avg_pool2d(coarse, GRID))
        # Half precision is enough for features; it would round positions to half a pixel.
        with torch.autocast(photos.device.type, enabled=False):
            heat_maps, fine, guesses = heat_maps.float(), _in_order(fine.float()), []
            points = self._first_guess(soft_argmax(heat_maps.detach()), pooled.float())
            for look in self.looks:
                guesses.append(points)
                points, numbers, scale_roll = look(fine, points.detach())
            a, b = numbers[..., :2].clamp(-LARGEST_LOG, LARGEST_LOG).exp().unbind(-1)
            root = torch.stack([a, b, numbers[..., 2]], dim=-1) / TYPICAL
            root = rotate_root(root, scale_roll[:, None]) / self.calibration[:, None]
            return DenseAnswer(points, root, numbers[..., 3], tuple(guesses), heat_maps)

    def find_points(self, photos: np.ndarray) -> FoundPoints:
        """Find the points in (N, S, S, 3) float32 photos, 0..1, and in their mirror images.

        S must be divisible by 64, and the network in evaluation mode.
        """
        return find_in_both_mirrors(self.find_once, photos)

    def find_once(self, photos: np.ndarray) -> FoundPoints:
        """Find the points in the photos alone: half the time, a little less precise."""
        photos = np.ascontiguousarray(photos)  # torch takes no views with negative steps
        with torch.inference_mode():
            answer = self(torch.from_numpy(photos).permute(0, 3, 1, 2).float())
            outputs = answer.in_pixels(photos.shape[1])
        return FoundPoints.from_outputs(*(output.numpy() for output in outputs))

    def _first_guess(self, keypoints: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
        """Predict all points from the (N, 68, 2) keypoints and from pooled features."""
        reference = self.reference[:N_KEYPOINTS]
        scale_roll, shift = fit_similarity_2d(keypoints, reference)
        placed = self.whiten(residual_shape(keypoints, scale_roll, shift, reference).flatten(1))
        numbers = torch.cat([functional.silu(pooled).flatten(1), placed], dim=1)
        away = self.first(functional.silu(self.hidden(numbers))).unflatten(1, (-1, 2))
        return complex_product(self.reference + away, scale_roll[:, None]) + shift[:, None]


class Trunk(nn.Module):
    """Photos in; features at 1/4, 1/8 and 1/16 of the crop's size out.

    The coarser ones are added to the finer two (Lin et al. 2017).
    """

    def __init__(self) -> None:
        """Draw fresh weights."""
        super().__init__()
        channels, self.stages = 3, nn.ModuleList()
        for width, repeats in STAGES:
            residual = [ResidualBlock(width) for _ in range(repeats)]
            self.stages.append(nn.Sequential(ConvBlock(channels, width, 2), *residual))
            channels = width
        _, fine, middle, coarse = (width for width, _ in STAGES)
        self.to_middle, self.mix_middle = nn.Conv2d(coarse, middle, 1), ResidualBlock(middle)
        self.to_fine, self.mix_fine = nn.Conv2d(middle, fine, 1), ResidualBlock(fine)

    def forward(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map (N, 3, S, S) to (N, 48, S/4, S/4), (N, 96, S/8, S/8) and (N, 192, S/16, S/16)."""
        x, levels = photos - 0.5, []  # around zero, as BatchNorm leaves every later input
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        _, fine, middle, coarse = levels
        middle = self.mix_middle(middle + _doubled(self.to_middle(coarse)))
        fine = self.mix_fine(fine + _doubled(self.to_fine(middle)))
        return fine, middle, coarse


class Look(nn.Module):
    """One refinement: sample features at the current points, and move all points."""

    def __init__(self, reference: torch.Tensor, outputs: int) -> None:
        """Take the points of the mean face, (P, 2), and the number of outputs per point."""
        super().__init__()
        n_points, channels, self.outputs = len(reference), STAGES[1][0], outputs
        # Every point has its own filter.
        self.read = nn.Parameter(torch.randn(n_points, channels, READ) * channels**-0.5)
        self.read_bias = nn.Parameter(torch.zeros(n_points, READ))
        self.own = nn.Parameter(torch.zeros(n_points, READ, outputs))
        self.whiten = Whitening(2 * n_points)
        self.hidden = nn.Linear(n_points * (READ + 2), HIDDEN)
        self.mixed = nn.Linear(HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, n_points * outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("reference", reference)

    def forward(
        self, fine: torch.Tensor, points: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Refine points by (N, C, h, w) features.

        Args:
            fine: the features.
            points: (N, P, 2) crop sides, the current points.
        Returns:
            The moved points; further numbers (N, P, outputs − 2), in the face's frame; and
            scale_roll (N, 2) of `fit_similarity_2d`, from that frame to the crop.
        """
        scale_roll, shift = fit_similarity_2d(points, self.reference)
        at = (2 * points - 1)[:, :, None]
        found = functional.grid_sample(fine, at, padding_mode="border", align_corners=False)
        found = found[..., 0].permute(2, 0, 1).contiguous()  # (P, N, C)
        read = functional.silu(torch.bmm(found, self.read) + self.read_bias[:, None])
        placed = self.whiten(residual_shape(points, scale_roll, shift, self.reference).flatten(1))
        hidden = torch.cat([read.transpose(0, 1).flatten(1), placed], dim=1)
        hidden = functional.silu(self.hidden(hidden))
        hidden = hidden + functional.silu(self.mixed(hidden))
        # One part of the motion from all points together, one from each point's own features.
        together = self.out(hidden).unflatten(1, (-1, self.outputs))
        numbers = together + torch.bmm(read, self.own).transpose(0, 1)
        return (
            points + TYPICAL * complex_product(numbers[..., :2], scale_roll[:, None]),
            numbers[..., 2:],
            scale_roll,
        )


def save_dense(path: Path, network: Dense, card: Mapping[str, object]) -> None:
    """Write weights, with kernels in half precision, and their card: JSON-able facts."""
    state = network.state_dict().items()
    tensors = {k: (v.half() if v.ndim > 1 else v).contiguous() for k, v in state}
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"network": network.name, "card": json.dumps(card)})


def is_dense(path: Path) -> bool:
    """Whether `save_dense` wrote a file; False also if there is no such file."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("network") == Dense.name
    except (OSError, SafetensorError):
        return False


def load_dense(path: Path) -> tuple[Dense, dict]:
    """Read a file of `save_dense`: the network in evaluation mode, float32, and its card.

    Raises:
        ValueError: if the file holds anything else.
    """
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("network") != Dense.name:
            raise ValueError(f"expected weights of {Dense.name} in {path}, got {metadata}")
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    network = Dense()
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    )
    card = json.loads(metadata["card"])
    network.size = card["size"]
    return network.eval(), card


def _in_order(features: torch.Tensor) -> torch.Tensor:
    """Keep the gradient channels last: otherwise all earlier layers take a quarter longer."""
    if features.requires_grad:
        features.register_hook(lambda g: g.contiguous(memory_format=torch.channels_last))
    return features


def _doubled(features: torch.Tensor) -> torch.Tensor:
    """Repeat every pixel of (N, C, h, w) features: (N, C, 2h, 2w)."""
    return functional.interpolate(features, scale_factor=2.0)


def soft_argmax(heat_maps: torch.Tensor) -> torch.Tensor:
    """`keypoints.soft_argmax` as one product, for half-precision maps with channels last."""
    height, width = heat_maps.shape[2:]
    x = (torch.arange(width, device=heat_maps.device) + 0.5) / width
    y = (torch.arange(height, device=heat_maps.device) + 0.5) / height
    places = torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1)
    return heat_maps.contiguous().flatten(2).softmax(dim=2) @ places


def _mean_points() -> torch.Tensor:
    """The mean face's points in a crop around its own keypoints: (P, 2) crop sides."""
    dense = load_dense_points()
    points = dense.matrix @ (load_layout().from_head @ load_head().mean_head) * [1, -1, 1]
    crop = Crop.around_keypoints(points[:N_KEYPOINTS], 1)
    return torch.from_numpy(crop.image_to_crop(points[:, :2]) + 0.5).float()
