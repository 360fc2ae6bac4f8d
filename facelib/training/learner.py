"""A network with its optimiser, its loss and the running mean of its weights."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

from facelib.face.layout import UVLayout
from facelib.networks.base import Answer, FaceNetwork
from facelib.networks.catalogue import create
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.weights import load_weights
from facelib.training.config import TrainConfig
from facelib.training.encoder_start import EncoderStart, start_encoder
from facelib.training.loss import TrainingLoss, vertex_columns
from facelib.training.processes import Processes
from facelib.training.schedule import rate_groups
from facelib.training.settings import ModelSettings
from facelib.training.stream import Batch, TrainStream

HEATMAP_WARMUP_SAMPLES = 20_000  # after these, heat maps find keypoints to a few pixels
AVERAGE_WARMUP_STEPS = 10  # until then the mean covers less than its decay implies


class TrainingDivergedError(ArithmeticError):
    """The loss became infinite or not a number."""


class Learner:
    """A network in training.

    Attributes:
        network: the network in training, on the process's device.
        optimizer: of its parameters.
        average: running mean of its weights, or None.
        loss: the loss that a step minimises.
    """

    def __init__(self, config: TrainConfig, layout: UVLayout, processes: Processes) -> None:
        """Draw or load the weights.

        Raises:
            ValueError: if the network does not support a setting, or `init_weights` are another's.
        """
        self._config, self._layout, self._processes = config, layout, processes
        order = torch.channels_last if config.run.channels_last else torch.contiguous_format
        network = _make_network(config)
        self.network = network.to(processes.device, memory_format=order)
        at_vertices = network.predicts_vertices and not config.loss.needs_maps
        self.loss = TrainingLoss(config.loss, layout, processes.device, at_vertices)
        # Fused: one pass over 12 million parameters instead of several; at small sizes it saves a
        # fifth of a step's time on a processor.
        self.optimizer = torch.optim.AdamW(
            rate_groups(network, config.optimiser.reference_fan_in),
            config.optimiser.learning_rate,
            weight_decay=config.optimiser.weight_decay,
            fused=True,
        )
        decay = config.optimiser.average_decay
        self.average = None if decay is None else weight_average(network, decay)

    @property
    def validated(self) -> FaceNetwork:
        """The network to validate and save: with the mean weights, if a mean is kept."""
        return self.network if self.average is None else self.average.module

    def prepare(self, stream: TrainStream) -> EncoderStart | None:
        """Train the encoder alone and calibrate the decoder, as the settings require.

        Args:
            stream: of training batches.
        Returns:
            The result of training the encoder alone; None without that step.
        """
        model, start = self._config.model, None
        if model.encoder_samples:
            start = start_encoder(self.network, stream, model.encoder_samples)
        if model.calibrate:
            self.network.calibrate(stream.batch(0).photos.to(self._processes.device))
        return start

    def step(self, answer: Callable[..., Answer], batch: Batch, step: int, rate: float) -> float:
        """Take one step; returns the loss of the whole batch.

        Args:
            answer: the network's `answer`, connected with those of the other processes.
            batch: this process's share of the batch.
            step: number of the step, from 0.
            rate: learning rate.
        Raises:
            TrainingDivergedError: if the loss is not finite; the weights are unchanged.
        """
        settings, processes = self._config.optimiser, self._processes
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate_share"]
        self.network.train()
        warmup = _heatmap_warmup_samples(self._config.model)
        self.network.set_heatmap_gradient(step * settings.batch_size >= warmup)
        self.optimizer.zero_grad()
        loss = self._loss(answer, batch)
        # A mean over this process's share, weighted so that all shares add up to the batch's mean.
        loss = loss * (len(batch.maps) / settings.batch_size)
        value = processes.total(loss.detach())
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"loss is {value} at step {step} with learning rate {rate:g}"
            )
        (loss * processes.count).backward()  # the processes' gradients are averaged
        if settings.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), settings.max_grad_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return value

    def _loss(self, answer: Callable[..., Answer], batch: Batch) -> torch.Tensor:
        device = self._processes.device
        half = self._config.optimiser.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            predicted = answer(
                batch.photos.to(device),
                batch.has_side.to(device),
                draw_maps=not self.loss.at_vertices,
            )
        heat_maps = []
        if predicted.heat_front is not None:
            vertices = batch.vertices_image
            front = np.stack([self._layout.keypoints(points)[:, :2] for points in vertices])
            heat_maps.append((predicted.heat_front, self._in_crop_sides(front)))
        if predicted.heat_side is not None:
            side = batch.keypoints_side[batch.has_side.numpy()]
            heat_maps.append((predicted.heat_side, self._in_crop_sides(side)))
        if self.loss.at_vertices:
            unit = self._layout.size * POSITION_SCALE
            truth = torch.from_numpy(batch.vertices_image / unit).float().to(device)
            prediction, target = vertex_columns(predicted.vertices), vertex_columns(truth)
        else:
            prediction, target = predicted.maps.float(), batch.maps.to(device)
        return self.loss(prediction, target, predicted.log_deviation, heat_maps)

    def _in_crop_sides(self, points: np.ndarray) -> torch.Tensor:
        """Convert px, from the first pixel's centre, to crop sides from that pixel's corner."""
        sides = torch.from_numpy((points + 0.5) / self._layout.size)
        return sides.float().to(self._processes.device)


def _make_network(config: TrainConfig) -> FaceNetwork:
    """Build the network, with fresh weights from the seed or with those of `init_weights`."""
    model = config.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.run.seed)
        network = create(model.network, model.size, config.loss.confidence)
    useless = {
        "encoder_samples": model.encoder_samples and not network.has_encoder,
        "calibrate": model.calibrate and not network.has_calibration,
    }
    if any(useless.values()):
        names = ", ".join(name for name, is_useless in useless.items() if is_useless)
        raise ValueError(f"{model.network} does not support {names}: leave it out")
    if model.init_weights is not None:
        start = load_weights(model.init_weights)
        if start.name != model.network:
            raise ValueError(f"init_weights must be {model.network}, got {start.name}")
        # If only one of the two has the confidence layer, it stays fresh or is dropped.
        known = start.state_dict()
        network.load_state_dict({k: known.get(k, v) for k, v in network.state_dict().items()})
    return network


def _heatmap_warmup_samples(model: ModelSettings) -> int:
    if model.heatmap_warmup_samples is not None:
        return model.heatmap_warmup_samples
    return HEATMAP_WARMUP_SAMPLES if model.init_weights is None else 0


def weight_average(network: FaceNetwork, decay: float) -> AveragedModel:
    """Start the running mean of a network's weights and statistics at its own.

    Early on the mean covers a tenth of the steps so far; otherwise the initial weights would
    influence it for too long.

    Args:
        network: the mean is a copy of it.
        decay: share of the mean that each step keeps, 0..1.
    """

    @torch.no_grad()
    def update(means: list[torch.Tensor], current: list[torch.Tensor], step: torch.Tensor) -> None:
        if not torch.is_floating_point(means[0]):  # BatchNorm's count of batches
            torch._foreach_copy_(means, current)
            return
        steps = int(step)
        kept = min(decay, steps / (steps + AVERAGE_WARMUP_STEPS))
        torch._foreach_lerp_(means, current, 1 - kept)

    average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    average.update_parameters(network)  # the first update copies
    return average
