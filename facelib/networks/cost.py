"""The cost of a network: parameters, multiply-adds, bytes on disk, processor time."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from facelib.networks.base import FaceNetwork
from facelib.networks.weights import save_weights

WARM_UP = 1  # calls that are not timed


@dataclass(frozen=True)
class Cost:
    """The cost of one network at one photo size.

    Attributes:
        name: the network's name.
        size: px, side of the photos.
        parameters: learned numbers.
        multiply_adds: per pair, in convolutions and matrix products; the rest is negligible.
        megabytes: size of its file with kernels in half precision.
        milliseconds: processor time per pair, summed over threads, of the fastest call.
    """

    name: str
    size: int
    parameters: int
    multiply_adds: int
    megabytes: float
    milliseconds: float


def measure_cost(network: FaceNetwork, size: int, repeats: int = 3) -> Cost:
    """Count and time a network at one size.

    Args:
        network: its mode (train, eval) is restored.
        size: px, a multiple of 32.
        repeats: number of timed calls.
    """
    parameter = next(network.parameters())
    photos = torch.rand(1, 6, size, size, device=parameter.device)
    was_training = network.training
    network.eval()
    try:
        multiply_adds = count_multiply_adds(network, photos)
        milliseconds = _fastest_milliseconds(network, photos, repeats)
    finally:
        network.train(was_training)
    return Cost(
        name=network.name,
        size=size,
        parameters=sum(p.numel() for p in network.parameters()),
        multiply_adds=multiply_adds,
        megabytes=_file_bytes(network) / 1e6,
        milliseconds=milliseconds,
    )


@torch.no_grad()
def count_multiply_adds(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Run one call and count the multiply-adds of its convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() // 2


@torch.no_grad()
def _fastest_milliseconds(network: FaceNetwork, photos: torch.Tensor, repeats: int) -> float:
    times = []
    for _ in range(WARM_UP + repeats):
        start = time.process_time()
        network(photos)
        times.append(time.process_time() - start)
    return 1e3 * min(times[WARM_UP:])


def _file_bytes(network: FaceNetwork) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_weights(path, network, half=True)
        return path.stat().st_size


def count_parameters_as_keras(module: nn.Module) -> int:
    """Count parameters the way Keras's `Model.summary` does: BatchNorm's moving statistics too.

    Args:
        module: any module.
    Returns:
        Number of floats in parameters and floating-point buffers.
    """
    parameters = sum(p.numel() for p in module.parameters())
    return parameters + sum(b.numel() for b in module.buffers() if b.is_floating_point())
