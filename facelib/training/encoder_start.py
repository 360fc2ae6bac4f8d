"""Train the encoder alone, before the whole network: find the face first, then draw its map.

Trained as a whole from fresh weights, the network predicts the mean face for tens of thousands of
samples: the decoder cannot use the photo until the encoder's features are informative, and the
encoder learns nothing until the decoder passes a useful gradient. A linear layer directly on the
encoder's features has no such deadlock. It predicts the position map at 4 × 4 texels, and is
then discarded.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from facelib.networks.base import FaceNetwork
from facelib.training.stream import TrainStream, prefetch

COARSE_SIZE = 4  # texels per side of the map that the linear layer predicts
ENCODER_RATE = 1e-3
WARMUP_STEPS = 30
STATISTICS_BATCHES = 8  # for the mean and spread of the coarse maps
RECENT_STEPS = 50


@dataclass(frozen=True)
class EncoderStart:
    """The result of training the encoder alone.

    Attributes:
        samples: samples seen.
        seconds: time it took.
        unexplained: unexplained share of the coarse maps' variance, mean of the last steps; the
            mean face has 1.
    """

    samples: int
    seconds: float
    unexplained: float


def start_encoder(network: FaceNetwork, stream: TrainStream, samples: int) -> EncoderStart:
    """Train the network's encoder alone, in place.

    Args:
        network: one that has an encoder.
        stream: of training batches.
        samples: number of samples to train on.
    Returns:
            EncoderStart.
    """
    began = time.monotonic()
    device = next(network.parameters()).device
    several = torch.cat([_coarse(stream.batch(i).maps) for i in range(STATISTICS_BATCHES)])
    mean, deviation = several.mean(0).to(device), several.std(0).to(device)
    network.train()
    head: nn.Linear | None = None
    unexplained: list[float] = []
    steps = range(max(1, samples // stream.batch_size))
    for step, batch in zip(steps, prefetch(stream.batch, steps), strict=True):
        features = network.encode(batch.photos.to(device)).flatten(1)
        if head is None:
            head = nn.Linear(features.shape[1], mean.numel()).to(device)
            nn.init.zeros_(head.weight)
            parameters = [*network.parameters(), *head.parameters()]
            optimizer = torch.optim.Adam(parameters, ENCODER_RATE, fused=True)
        optimizer.param_groups[0]["lr"] = ENCODER_RATE * min(1, (step + 1) / WARMUP_STEPS)
        target = (_coarse(batch.maps).to(device) - mean) / deviation
        loss = functional.mse_loss(head(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # does not change the decoder, which has no gradient
        unexplained.append(loss.item())
    recent = unexplained[-RECENT_STEPS:]
    seen = len(unexplained) * stream.batch_size
    return EncoderStart(seen, round(time.monotonic() - began, 1), sum(recent) / len(recent))


def _coarse(maps: torch.Tensor) -> torch.Tensor:
    """Shrink (B, 3, S, S) maps to (B, 48)."""
    return functional.adaptive_avg_pool2d(maps, COARSE_SIZE).flatten(1)
