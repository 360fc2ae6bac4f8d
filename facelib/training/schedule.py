"""The learning rate: its schedule, and the share of it that each layer gets."""

from __future__ import annotations

import math

import torch

from facelib.networks.base import FaceNetwork
from facelib.training.config import TrainConfig
from facelib.training.progress import Progress

# one_cycle: share of the run during which the rate rises, and the start as a share of the peak.
RISING, LOWEST = 0.3, 1 / 25


def learning_rate_at(config: TrainConfig, progress: Progress, total_samples: float) -> float:
    """Return the rate of the next step.

    Args:
        config: schedule and rates.
        progress: the run's counters; with `max_hours`, time may end the run before samples do.
        total_samples: samples of the whole run.
    """
    samples = progress.step * config.optimiser.batch_size
    warm = min(1.0, (samples + 1) / (config.schedule.warmup_samples + 1))
    rate = config.optimiser.learning_rate * warm
    if config.schedule.schedule == "halve":
        return rate * 0.5 ** (progress.epoch // config.schedule.halve_every)
    done = samples / total_samples
    if config.stop.max_hours is not None:
        done = max(done, progress.seconds / 3600 / config.stop.max_hours)
    done = min(done, 1.0)
    if config.schedule.schedule == "cosine":
        return rate * _fall(done)
    if done < RISING:
        return rate * (1 - (1 - LOWEST) * _fall(done / RISING))
    return rate * _fall((done - RISING) / (1 - RISING))


def _fall(share: float) -> float:
    """Fall from 1 to 0 along half a cosine as the share goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * share))


def rate_groups(network: FaceNetwork, reference_fan_in: int | None) -> list[dict]:
    """Sort parameters by the share of the learning rate that they get.

    Adam moves every weight by about the rate, regardless of its gradient. Toward the mean face all
    weights of a layer move together, so a layer that sums n inputs moves its output by n times the
    rate: in layers of 8,192 inputs that hides the differences between photos. A share of
    reference_fan_in / n gives the steps of all layers a similar effect (Yang et al. 2022).

    Args:
        network: the network; its kernels are the parameters with more than one axis.
        reference_fan_in: layers of at most this many inputs get the full rate; None: all layers do.
    Returns:
        Optimizer groups, the one with the full rate first, each with its `rate_share`.
    """
    groups: dict[float, list[torch.nn.Parameter]] = {1.0: []}
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            share = 1.0
            if reference_fan_in is not None and parameter.ndim > 1:
                # Kernels are (in, out, k, k) in a transposed convolution, else (out, in, k, k).
                outputs_axis = 1 if isinstance(module, torch.nn.ConvTranspose2d) else 0
                fan_in = parameter.numel() / parameter.shape[outputs_axis]
                share = min(1.0, reference_fan_in / fan_in)
            groups.setdefault(share, []).append(parameter)
    return [{"params": members, "rate_share": share} for share, members in groups.items()]
