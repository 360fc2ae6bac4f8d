"""Train a network on stored pairs: weighted loss, rate schedule, early stop, exact resume.

The same on one device and on many, see `processes`: a step's numbers follow from its batch, and a
sample from its number, however many processes share them.
"""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from facelib.networks.base import Answer
from facelib.networks.catalogue import create
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.weights import load_weights, save_weights
from facelib.pairs.store import ShardedPairs, split_by_identity
from facelib.training.checkpoint import Resumable
from facelib.training.config import Progress, TrainConfig, learning_rate_at, rate_groups
from facelib.training.encoder_start import start_encoder
from facelib.training.log import append_line, continue_log, end_log, read_log, start_log
from facelib.training.loss_terms import weighted_squared_error
from facelib.training.losses import TrainingLoss, loss_mask, vertex_columns
from facelib.training.processes import Processes
from facelib.training.stream import Batch, Layout, TrainStream, make_batch, prefetch
from facelib.training.weight_average import WeightAverage

BEST, CHECKPOINT, DIVERGED = "best.safetensors", "checkpoint.pt", "diverged.pt"
YOUNG_SAMPLES = 20_000  # after which fresh heat maps find their keypoints to a few pixels
BASELINE_PAIRS = 1000  # enough for a mean face; reading more only costs time

__all__ = [
    "Progress",
    "TrainConfig",
    "TrainingDivergedError",
    "learning_rate_at",
    "read_log",
    "train",
    "weighted_squared_error",
]


class TrainingDivergedError(ArithmeticError):
    """The loss became infinite or not a number."""


def train(config: TrainConfig, layout: Layout | None = None) -> Path:
    """Train, or continue, a run until it is done.

    Args:
        config: the run.
        layout: of `config.size`; None loads the shipped one.
    Returns:
        Weights with the lowest validation loss, `run_dir/best.safetensors`.
    Raises:
        ValueError: if data, layout, or an earlier run in `run_dir` do not fit the configuration.
        TrainingDivergedError: if the loss is no longer finite.
    """
    threads = torch.get_num_threads()
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)  # denormal numbers slow processors down many times
    try:
        return _Run(config, layout or _shipped_layout(config.size)).train()
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def _shipped_layout(size: int) -> Layout:
    from facelib.face.layout import load_layout

    return load_layout(size)


class _Answering(torch.nn.Module):
    """Asks a network for its `Answer`: what wraps it for many devices sees only calls."""

    def __init__(self, network: torch.nn.Module, draw_maps: bool) -> None:
        """Take the network, and whether maps are wanted of one that has vertices to compare."""
        super().__init__()
        self.network, self.side_photo, self.draw_maps = network, network.side_photo, draw_maps

    def forward(self, *inputs: torch.Tensor) -> Answer:
        """Return what the network has to say, be it only the maps."""
        answer = getattr(self.network, "answer", None)
        if answer is None:
            return Answer(self.network(*inputs))
        return answer(*inputs, draw_maps=self.draw_maps)


class _Run:
    """One run: what `train` holds between steps."""

    def __init__(self, config: TrainConfig, layout: Layout) -> None:
        """Open the data and draw or load the weights."""
        if layout.size != config.size:
            raise ValueError(f"layout must be of {config.size} px, got {layout.size} px")
        self.config, self.layout = config, layout
        self.processes = Processes(config.device)
        self.device = self.processes.device
        if config.batch_size < self.processes.count:
            raise ValueError(
                f"batch_size must be at least 1 for each of {self.processes.count} processes, got "
                f"{config.batch_size}"
            )
        self.pairs = ShardedPairs(config.data_dir)
        rng = np.random.default_rng([config.split_seed, 2])
        train_idx, valid_idx = split_by_identity(
            self.pairs.identities, config.validation_fraction, rng
        )
        self.train_idx = train_idx
        self.valid_idx = rng.permutation(valid_idx)[: config.validation_samples]
        if not len(self.valid_idx):
            raise ValueError("validation_fraction and validation_samples leave nothing to hold out")
        per_epoch = config.samples_per_epoch or len(train_idx)
        self.steps_per_epoch = max(1, round(per_epoch / config.batch_size))
        self.total_steps = config.epochs * self.steps_per_epoch
        if config.max_samples is not None:
            most = math.ceil(config.max_samples / config.batch_size)
            self.total_steps = min(self.total_steps, most)
        self.validation_mask = loss_mask(layout, "feathered").to(self.device)
        self.network = self._network()
        at_vertices = hasattr(self.network, "answer") and not config.loss.needs_maps
        self.loss = TrainingLoss(config.loss, layout, self.device, at_vertices)
        self.learner = _Answering(self.network, draw_maps=not at_vertices)
        fresh = YOUNG_SAMPLES if config.init_weights is None else 0
        self.young_samples = fresh if config.young_samples is None else config.young_samples
        self.stream = TrainStream(
            self.pairs,
            train_idx,
            layout,
            config.augmentation,
            config.batch_size,
            config.seed,
            config.side_dropout if self.network.side_photo == "optional" else 0.0,
        )
        # Fused: one pass over 12 million parameters instead of several, which at small sizes is
        # a fifth of a step's time on a processor.
        self.optimizer = torch.optim.AdamW(
            rate_groups(self.network, config.reference_fan_in),
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        decay = config.average_decay
        self.average = None if decay is None else WeightAverage(self.network, decay)
        self.progress = Progress()
        self.state = Resumable(config, self.progress, self.network, self.optimizer, self.average)

    def _network(self) -> torch.nn.Module:
        config = self.config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = create(config.network, config.size, config.loss.confidence)
        if config.init_weights is not None:
            start = load_weights(config.init_weights)
            if start.name != config.network:
                raise ValueError(f"init_weights must be {config.network}, got {start.name}")
            # A layer that tells confidence may be only in one of them: it is left fresh, or out.
            known = start.state_dict()
            network.load_state_dict({k: known.get(k, v) for k, v in network.state_dict().items()})
        order = torch.channels_last if config.channels_last else torch.contiguous_format
        return network.to(self.device, memory_format=order)

    def train(self) -> Path:
        """Run to the end."""
        run_dir, progress = self.config.run_dir, self.progress
        run_dir.mkdir(parents=True, exist_ok=True)
        self._resume() if (run_dir / CHECKPOINT).exists() else self._start()
        parallel = self.processes.parallel(self.learner)
        self._started = time.monotonic() - progress.seconds
        self._saved = time.monotonic()
        self._reset_clock()
        steps = range(progress.step, self.total_steps)
        bar = tqdm(
            total=self.total_steps * self.config.batch_size,
            initial=progress.step * self.config.batch_size,
            unit="pair",
            disable=not (self.config.progress and self.processes.is_main),
            smoothing=0.05,
        )
        batches = prefetch(partial(self.stream.batch, share=self.processes.share), steps)
        try:
            while not self._is_done() and (batch := self._wait_for(batches)) is not None:
                loss = self._step(parallel, batch)
                bar.set_postfix_str(f"epoch {progress.epoch} loss {loss:.5f}")
                bar.update(self.config.batch_size)
                self._after_step()
        finally:
            batches.close()
            bar.close()
        if progress.epoch_steps and self.processes.is_main:
            self._validate_and_log()  # the run ended inside an epoch
        self._save_checkpoint()
        if self.processes.is_main:
            end_log(run_dir)
        self.processes.wait()
        return run_dir / BEST

    def _is_done(self) -> bool:
        """Read the clock, and tell whether to stop.

        The clock is the main process's: if one stopped a step early, the others would wait for it.
        """
        config, progress = self.config, self.progress
        progress.seconds = self.processes.agree(self._seconds())
        out_of_time = config.max_hours is not None and progress.seconds >= 3600 * config.max_hours
        return out_of_time or progress.epochs_without_better >= config.patience

    def _wait_for(self, batches) -> Batch | None:
        start = time.monotonic()
        batch = next(batches, None)
        self._waited += time.monotonic() - start
        self._worked += batch.work_seconds if batch is not None else 0.0
        return batch

    def _step(self, network: torch.nn.Module, batch: Batch) -> float:
        progress, config = self.progress, self.config
        rate = learning_rate_at(config, progress, self.total_steps * config.batch_size)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate_share"]
        network.train()
        if hasattr(self.network, "learn_jointly"):
            self.network.learn_jointly(progress.step * config.batch_size >= self.young_samples)
        self.optimizer.zero_grad()
        half = config.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            answer = self._predict(network, batch)
        # A mean over this process's share: weighted so, all add up to the whole batch's.
        loss = self._loss(answer, batch) * (len(batch.maps) / config.batch_size)
        value = self.processes.total(loss.detach())
        if not math.isfinite(value):
            self._save_diverged()
            raise TrainingDivergedError(
                f"loss is {value} at step {progress.step} with learning rate {rate:g}: start again "
                f"with a lower learning_rate, or set max_grad_norm; {DIVERGED} has the batch"
            )
        (loss * self.processes.count).backward()  # leaves the mean over the processes
        if config.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.max_grad_norm)
        self.optimizer.step()
        progress.step += 1
        if self.average is not None:
            self.average.update(progress.step)
        progress.epoch_loss += value
        progress.epoch_steps += 1
        self._line_losses.append(value)
        return value

    def _predict(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor | Answer:
        photos = batch.photos.to(self.device)
        if self.network.side_photo == "optional":
            return network(photos, batch.has_side.to(self.device))
        return network(photos)

    def _loss(self, answer: Answer, batch: Batch) -> torch.Tensor:
        heat_maps = []
        if answer.heat_front is not None:
            vertices = batch.vertices_image
            front = np.stack([self.layout.keypoints(points)[:, :2] for points in vertices])
            heat_maps.append((answer.heat_front, self._in_crop_sides(front)))
        if answer.heat_side is not None:
            side = batch.keypoints_side[batch.has_side.numpy()]
            heat_maps.append((answer.heat_side, self._in_crop_sides(side)))
        if self.loss.at_vertices:
            unit = self.config.size * POSITION_SCALE
            truth = torch.from_numpy(batch.vertices_image / unit).float().to(self.device)
            prediction, target = vertex_columns(answer.vertices), vertex_columns(truth)
        else:
            prediction, target = answer.maps.float(), batch.maps.to(self.device)
        return self.loss(prediction, target, answer.log_deviation, heat_maps)

    def _in_crop_sides(self, points: np.ndarray) -> torch.Tensor:
        """Turn px, from the centre of the first pixel, into crop sides from that pixel's corner."""
        return torch.from_numpy((points + 0.5) / self.config.size).float().to(self.device)

    def _after_step(self) -> None:
        progress = self.progress
        if progress.epoch_steps == self.steps_per_epoch:
            better = self.processes.agree(self.processes.is_main and self._validate_and_log())
            progress.epochs_without_better = 0 if better else progress.epochs_without_better + 1
            progress.epoch += 1
            progress.epoch_loss, progress.epoch_steps = 0.0, 0
            self._save_checkpoint()
            return
        if progress.step % self.config.log_steps == 0:
            self._write_line(loss=float(np.mean(self._line_losses)))
        if time.monotonic() - self._saved >= 60 * self.config.checkpoint_minutes:
            self._save_checkpoint()

    def _validate_and_log(self) -> bool:
        with self.average.applied() if self.average is not None else nullcontext():
            return self._validate_and_keep()

    def _validate_and_keep(self) -> bool:
        loss, error_px, error_mm = self._validate()
        progress = self.progress
        better = loss < progress.best_loss
        line = self._write_line(
            loss=progress.epoch_loss / progress.epoch_steps,
            validation_loss=loss,
            validation_error_px=error_px,
            validation_error_mm=error_mm,
        )
        if better:
            progress.best_loss = loss
            card = {"result": line, "config": self.config.to_dict(), "data": self.pairs.settings}
            save_weights(self.config.run_dir / BEST, self.network, card)
        return better

    @torch.no_grad()
    def _validate(self) -> tuple[float, float, float]:
        config, total, errors_px, errors_mm = self.config, 0.0, [], []
        self.network.eval()
        parts = [
            self.valid_idx[i : i + config.batch_size]
            for i in range(0, len(self.valid_idx), config.batch_size)
        ]
        for batch in prefetch(
            lambda i: make_batch(self.pairs, parts[i], self.layout), range(len(parts))
        ):
            prediction = self._predict(self.network, batch)
            truth = batch.maps.to(self.device)
            loss = weighted_squared_error(prediction, truth, self.validation_mask)
            total += loss.item() * len(truth)
            maps = prediction.permute(0, 2, 3, 1).cpu().numpy() * (config.size * POSITION_SCALE)
            for position_map, truth in zip(maps, batch.vertices_image, strict=True):
                errors_px.append(_point_error(self.layout.vertices(position_map), truth))
            errors_mm += list(np.array(errors_px[-len(maps) :]) / batch.px_per_mm)
        return total / len(self.valid_idx), float(np.mean(errors_px)), float(np.mean(errors_mm))

    def _mean_face_error_px(self) -> float:
        """Error of always answering with the training pairs' mean vertices, on held-out pairs."""
        chosen = self.train_idx[:: max(1, len(self.train_idx) // BASELINE_PAIRS)]
        mean = np.mean([self.pairs.arrays(i)[2] for i in chosen], axis=0, dtype=np.float64)
        errors = [_point_error(mean, self.pairs.arrays(i)[2]) for i in self.valid_idx]
        return float(np.mean(errors)) * self.config.size / self.pairs.size

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _reset_clock(self) -> None:
        self._line_start, self._waited, self._worked = time.monotonic(), 0.0, 0.0
        self._line_losses: list[float] = []

    def _write_line(self, **values: float) -> dict:
        progress, elapsed = self.progress, max(time.monotonic() - self._line_start, 1e-9)
        line = {
            "step": progress.step,
            "samples": progress.step * self.config.batch_size,
            "epoch": progress.epoch,
            "loss": None,
            "validation_loss": None,
            "validation_error_px": None,
            "validation_error_mm": None,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "seconds": round(self._seconds(), 3),
            "data_share": round(self._waited / elapsed, 4),
            "data_work_share": round(self._worked / elapsed, 4),
            **values,
        }
        if self.processes.is_main:
            append_line(self.config.run_dir, line)
        self._reset_clock()
        return line

    def _start(self) -> None:
        config, encoder_start = self.config, None
        for option, method in (("encoder_samples", "encode"), ("calibrate", "calibrate")):
            if getattr(config, option) and not hasattr(self.network, method):
                raise ValueError(f"{config.network} has no use for {option}: leave it out")
        if config.encoder_samples:
            encoder_start = asdict(start_encoder(self.network, self.stream, config.encoder_samples))
        if config.calibrate:
            photos = self.stream.batch(0).photos.to(self.device)
            self.network.calibrate(photos)
        if not self.processes.is_main:
            return
        first = {
            "config": config.to_dict(),
            "encoder_start": encoder_start,
            "data": self.pairs.settings,
            "n_train": len(self.train_idx),
            "n_valid": len(self.valid_idx),
            "knows_keypoints_side": self.pairs.has_views,
            "mean_face_error_px": self._mean_face_error_px(),
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }
        start_log(self.config.run_dir, first, **self.processes.facts())

    def _save_checkpoint(self) -> None:
        if not self.processes.is_main:
            return
        self.progress.seconds = self._seconds()
        self.state.save(self.config.run_dir / CHECKPOINT)
        self._saved = time.monotonic()

    def _save_diverged(self) -> None:
        """Keep what is needed to look into a loss that is not finite."""
        if self.processes.is_main:
            batch = self.stream.batch(self.progress.step)  # all of it, not one process's share
            state = {
                "step": self.progress.step,
                "photos": batch.photos,
                "maps": batch.maps,
                "has_side": batch.has_side,
                "keypoints_side": torch.from_numpy(batch.keypoints_side),
                "network": self.network.state_dict(),
            }
            torch.save(state, self.config.run_dir / DIVERGED)
        self.processes.wait()  # a launcher ends all processes as soon as one fails

    def _resume(self) -> None:
        self.state.load(self.config.run_dir / CHECKPOINT, self.device)
        if self.processes.is_main:
            continue_log(self.config.run_dir, self.progress.step, **self.processes.facts())


def _point_error(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(predicted - truth, axis=1).mean())
