"""Designs of a network for dense points that were tried; `try_dense.py` compares them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from facelib.face.dense_points import load_dense_points
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.networks.compact import ConvBlock, ResidualBlock, Whitening
from facelib.networks.dense import Dense, DenseAnswer

WIDTHS = (16, 48, 96, 192)
REPEATS = (0, 1, 2, 2)
HIDDEN = 384
READ = 16
TYPICAL = 0.01


def mean_points() -> torch.Tensor:
    """The points of the mean face in a crop around its keypoints, (P, 2)."""
    dense = load_dense_points()
    points = dense.matrix @ (load_layout().from_head @ load_head().mean_head)
    points = points[:, :2] * [1, -1]
    box = points[:68].min(axis=0), points[:68].max(axis=0)
    side = 1.5 * (box[1] - box[0]).mean()
    return torch.from_numpy((points - (box[0] + box[1]) / 2) / side + 0.5).float()


def in_order(features):
    """Keep the gradient channels last: otherwise all earlier layers take a quarter longer."""
    if features.requires_grad:
        features.register_hook(lambda g: g.contiguous(memory_format=torch.channels_last))
    return features


class Trunk(nn.Module):
    """Photos to features at a quarter (WIDTHS[1] channels) and a sixteenth (WIDTHS[3])."""

    def __init__(self) -> None:
        """Draw fresh weights."""
        super().__init__()
        channels, self.stages = 3, nn.ModuleList()
        for width, repeats in zip(WIDTHS, REPEATS, strict=True):
            residual = [ResidualBlock(width) for _ in range(repeats)]
            self.stages.append(nn.Sequential(ConvBlock(channels, width, 2), *residual))
            channels = width
        self.lateral = nn.ModuleList(
            [nn.Conv2d(WIDTHS[3], WIDTHS[2], 1), nn.Conv2d(WIDTHS[2], WIDTHS[1], 1)]
        )
        self.mix = nn.ModuleList([ResidualBlock(WIDTHS[2]), ResidualBlock(WIDTHS[1])])

    def forward(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map (B, 3, S, S) to fine (B, C, S/4, S/4) and coarse (B, C, S/16, S/16)."""
        fine, _, coarse = self.levels(photos)
        return fine, coarse

    def levels(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map (B, 3, S, S) to features at a quarter, an eighth and a sixteenth."""
        x, levels = photos - 0.5, []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        found = [x]
        for level, lateral, mix in zip(levels[2:0:-1], self.lateral, self.mix, strict=True):
            above = functional.interpolate(lateral(found[-1]), scale_factor=2.0)
            found.append(mix(level + above))
        return found[2], found[1], found[0]


def soft_argmax(maps):
    """Mean position of each heat map, as one product: sums over rows and columns took 4 times."""
    height, width = maps.shape[2:]
    x = (torch.arange(width) + 0.5) / width
    y = (torch.arange(height) + 0.5) / height
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).view(-1, 2)
    return maps.contiguous().flatten(2).softmax(dim=2) @ grid


class Heat(nn.Module):
    """First guess: one heat map per point, and its mean position."""

    def __init__(self, n_points: int) -> None:
        """Draw fresh weights."""
        super().__init__()
        self.heat = nn.Conv2d(WIDTHS[1], n_points, 1)

    def forward(self, fine, coarse):
        """Return points, (N, P, 2) crop sides, and the heat maps that they are the means of."""
        maps = self.heat(fine)
        with torch.autocast("cpu", enabled=False):
            maps = maps.float()
            return soft_argmax(maps.detach()), maps


class Regress(nn.Module):
    """First guess: all coordinates from the coarse features."""

    def __init__(self, n_points: int, size: int) -> None:
        """Draw fresh weights."""
        super().__init__()
        self.pool = nn.Conv2d(WIDTHS[3], 32, 1)
        self.hidden = nn.Linear(32 * (size // 16) ** 2, HIDDEN)
        self.out = nn.Linear(HIDDEN, 2 * n_points)
        nn.init.normal_(self.out.weight, std=1e-3)
        with torch.no_grad():
            self.out.bias.copy_(mean_points().flatten())

    def forward(self, fine, coarse):
        """Return points, (N, P, 2) crop sides, and None: there are no heat maps."""
        x = functional.silu(self.pool(coarse))
        with torch.autocast("cpu", enabled=False):
            hidden = functional.silu(self.hidden(x.float().flatten(1)))
            return self.out(hidden).unflatten(1, (-1, 2)), None


class Look(nn.Module):
    """Sample features at the current points, and move all points."""

    def __init__(self, n_points: int, outputs: int) -> None:
        """Draw fresh weights."""
        super().__init__()
        self.read = nn.Parameter(torch.randn(n_points, WIDTHS[1], READ) * WIDTHS[1] ** -0.5)
        self.read_bias = nn.Parameter(torch.zeros(n_points, READ))
        self.whiten = Whitening(2 * n_points)
        self.hidden = nn.Linear(n_points * (READ + 2), HIDDEN)
        self.mixed = nn.Linear(HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, n_points * outputs)
        self.own = nn.Parameter(torch.zeros(n_points, READ, outputs))
        self.outputs = outputs
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, fine, points):
        """Return (N, P, outputs): moves in TYPICAL, and further numbers."""
        at = (2 * points - 1).unsqueeze(2)
        seen = functional.grid_sample(fine, at, padding_mode="border", align_corners=False)
        rows = seen[..., 0].permute(2, 0, 1).contiguous()  # (P, B, C)
        read = torch.bmm(rows, self.read) + self.read_bias[:, None]
        read = functional.silu(read)
        centred = (points - points.mean(dim=1, keepdim=True)).flatten(1)
        numbers = torch.cat([read.transpose(0, 1).flatten(1), self.whiten(centred)], dim=1)
        hidden = functional.silu(self.hidden(numbers))
        hidden = hidden + functional.silu(self.mixed(hidden))
        own = torch.bmm(read, self.own).transpose(0, 1)
        return self.out(hidden).unflatten(1, (-1, self.outputs)) + own


class Design(nn.Module):
    """A first guess and some refinements."""

    def __init__(self, first: str, looks: int, size: int) -> None:
        """Draw fresh weights."""
        super().__init__()
        n_points = len(load_dense_points())
        self.trunk = Trunk()
        self.first = Heat(n_points) if first == "heat" else Regress(n_points, size)
        self.looks = nn.ModuleList(
            [Look(n_points, 2 if k < looks - 1 else 6) for k in range(looks)]
        )

    def forward(self, photos):
        """Answer (N, 3, S, S) photos."""
        fine, coarse = self.trunk(photos)
        (points, maps), guesses = self.first(fine, coarse), []
        with torch.autocast("cpu", enabled=False):
            fine = in_order(fine.float())
            for look in self.looks:
                guesses.append(points)
                points = points.detach()
                moved = look(fine, points)
                points = points + TYPICAL * moved[..., :2]
        return finish(points, moved[..., 2:], tuple(guesses), maps)


def finish(points, numbers, guesses=(), heat_maps=None):
    """Make a prediction from raw numbers (B, P, 4)."""
    a, b = numbers[..., :2].clamp(-5, 5).exp().unbind(-1)
    root = torch.stack([a, b, numbers[..., 2]], dim=-1) / TYPICAL
    return DenseAnswer(points, root, numbers[..., 3], guesses, heat_maps)


class MapDesign(nn.Module):
    """A coarse position map over the layout, decoded from a vector, and read at the points."""

    def __init__(self, size: int) -> None:
        """Draw fresh weights."""
        super().__init__()
        dense = load_dense_points()
        self.trunk = Trunk()
        self.pool = nn.Conv2d(WIDTHS[3], 32, 1)
        self.hidden = nn.Linear(32 * (size // 16) ** 2, HIDDEN)
        self.unfold = nn.Linear(HIDDEN, 96 * 64)
        self.up = nn.ModuleList([ConvBlock(96, 64), ConvBlock(64, 48)])
        self.out = nn.Conv2d(48, 6, 3, 1, 1)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)
        uv = torch.from_numpy(dense.matrix @ load_layout().uv).float()
        self.register_buffer("at", (2 * uv - 1)[None, :, None])
        self.register_buffer("mean", mean_points())

    def forward(self, photos):
        """Answer (N, 3, S, S) photos."""
        _, coarse = self.trunk(photos)
        x = functional.silu(self.pool(coarse).flatten(1).float())
        x = functional.silu(self.hidden(x))
        x = functional.silu(self.unfold(x)).view(-1, 96, 8, 8)
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.up:
            x = functional.interpolate(block(x), scale_factor=2.0, mode="bilinear")
        with torch.autocast("cpu", enabled=False):
            maps = self.out(x.float())
            at = self.at.expand(len(maps), -1, -1, -1)
            rows = functional.grid_sample(maps, at, padding_mode="border", align_corners=False)[
                ..., 0
            ].transpose(1, 2)
            return finish(self.mean + 0.1 * rows[..., :2], rows[..., 2:])


# Each as a function of the crop's side, px.
DESIGNS = {
    "heat maps, one look": lambda size: Design("heat", 1, size),
    "regression, two looks": lambda size: Design("regress", 2, size),
    "coarse position map": MapDesign,
    "dense": lambda size: Dense(),
}
# Number of photos for about four minutes on one core, at 128 px.
SAMPLES = {
    "heat maps, one look": 20_000,
    "regression, two looks": 40_000,
    "coarse position map": 40_000,
    "dense": 40_000,
}
