"""A run that is being trained: its data, its learner, its log and its checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from facelib.face.layout import UVLayout
from facelib.files.atomic import remove_unfinished
from facelib.networks.weights import save_weights
from facelib.pairs.store import ShardedPairs
from facelib.training.checkpoint import Checkpoint, save
from facelib.training.clock import Clock
from facelib.training.config import BEST, TrainConfig
from facelib.training.learner import Learner, TrainingDivergedError
from facelib.training.log import Log
from facelib.training.processes import Processes
from facelib.training.progress import Progress
from facelib.training.schedule import learning_rate_at
from facelib.training.stream import Batch, TrainStream, prefetch
from facelib.training.validation import mean_face_error_px, split_pairs, validate

DIVERGED = "diverged.pt"


class OpenedRun:
    """The state of `loop.train` between steps.

    Attributes:
        config: of the run.
        layout: of its size.
        processes: that share it.
        pairs: stored pairs.
        split: the people to train on and those held out.
        learner: network, optimiser and mean weights.
        stream: of training batches.
        steps_per_epoch: steps between validations.
        total_steps: steps of the run, unless time or patience ends it.
        progress: the run's counters.
        checkpoint: on disk.
        log: on disk.
        is_resumed: whether an earlier call began the run.
        encoder_start: the result of training the encoder alone, or None.
        answer: the network's `answer`, connected with those of the other processes.
        clock: of the run.
    """

    def __init__(self, config: TrainConfig, layout: UVLayout, processes: Processes) -> None:
        """Open the data, make the network, and restore the state of an earlier call."""
        if layout.size != config.model.size:
            raise ValueError(f"layout must be of {config.model.size} px, got {layout.size} px")
        self.config, self.layout, self.processes = config, layout, processes
        self.processes.check_batch_size(config.optimiser.batch_size)
        self.pairs = ShardedPairs(config.data.data_dir)
        if config.data.verify and processes.is_main:
            self.pairs.verify()
        self.split = split_pairs(self.pairs, config.data)
        self.learner = Learner(config, layout, self.processes)
        optional = self.learner.network.side_photo == "optional"
        self.stream = TrainStream(
            self.pairs,
            self.split.train_idx,
            layout,
            config.augmentation,
            config.optimiser.batch_size,
            config.run.seed,
            config.data.side_dropout if optional else 0.0,
        )
        self.steps_per_epoch, self.total_steps = _count_steps(config, len(self.split.train_idx))
        self.progress = Progress()
        is_main = self.processes.is_main
        self.checkpoint = Checkpoint(
            config, self.learner, self.progress, self.pairs.fingerprint, is_main
        )
        self.log = Log(config.run.run_dir, self.processes.facts(), is_main)
        self.is_resumed = self.checkpoint.exists()
        self.encoder_start = None
        if self.is_resumed:
            self.checkpoint.load(self.processes.device)
        else:
            self.encoder_start = self.learner.prepare(self.stream)
        self.answer = self.processes.connected(self.learner.network)
        self.clock = Clock(self.progress.seconds)

    def begin(self) -> None:
        """Start the log, or resume it."""
        if self.processes.is_main:
            remove_unfinished(self.config.run.run_dir)
        if self.is_resumed:
            self.log.resume(self.progress.step)
            return
        network, started = self.learner.network, self.encoder_start
        self.log.start(
            {
                "config": self.config.to_dict(),
                "encoder_start": None if started is None else asdict(started),
                "data": self.pairs.settings,
                "n_train": len(self.split.train_idx),
                "n_valid": len(self.split.valid_idx),
                "knows_keypoints_side": self.pairs.has_views,
                "mean_face_error_px": mean_face_error_px(self.pairs, self.split, network.size),
                "parameters": sum(p.numel() for p in network.parameters()),
            }
        )

    def batches(self) -> Iterator[Batch]:
        """Make this process's share of the remaining batches, a few in advance."""
        steps = range(self.progress.step, self.total_steps)
        return prefetch(partial(self.stream.batch, share=self.processes.share), steps)

    def progress_bar(self) -> tqdm:
        """Return a progress bar over all samples."""
        batch_size = self.config.optimiser.batch_size
        return tqdm(
            total=self.total_steps * batch_size,
            initial=self.progress.step * batch_size,
            unit="pair",
            disable=not (self.config.run.progress and self.processes.is_main),
            smoothing=0.05,
        )

    def is_done(self) -> bool:
        """Return whether time or patience has run out.

        The clock is the main process's: if one stopped a step early, the others would wait for it.
        """
        stop, progress = self.config.stop, self.progress
        progress.seconds = self.processes.agree(self.clock.seconds())
        out_of_time = stop.max_hours is not None and progress.seconds >= 3600 * stop.max_hours
        return out_of_time or progress.epochs_without_better >= stop.patience

    def step(self, batch: Batch) -> float:
        """Take one step; returns its loss."""
        step, config = self.progress.step, self.config
        samples = self.total_steps * config.optimiser.batch_size
        rate = learning_rate_at(config, self.progress, samples)
        try:
            loss = self.learner.step(self.answer, batch, step, rate)
        except TrainingDivergedError as error:
            self._save_diverged()
            raise TrainingDivergedError(
                f"{error}: start again with a lower learning_rate, or set max_grad_norm; "
                f"{DIVERGED} has the batch"
            ) from error
        self.progress.add_step(loss)
        return loss

    def validate_and_log(self, final: bool = False) -> float:
        """Validate, log the result, and save the weights if they are the best so far.

        Args:
            final: whether the run stops here, inside an epoch.
        Returns:
            The validation loss.
        """
        loss = 0.0
        if self.processes.is_main:
            loss = self._validate_and_keep({"final": True} if final else {})
        return self.processes.agree(loss)

    def _validate_and_keep(self, mark: dict[str, bool]) -> float:
        progress, config, network = self.progress, self.config, self.learner.validated
        found = validate(
            network, self.pairs, self.split.valid_idx, self.layout, config.optimiser.batch_size
        )
        line = self.log_line(
            loss=progress.epoch_loss / progress.epoch_steps,
            validation_loss=found.loss,
            validation_error_px=found.error_px,
            validation_error_mm=found.error_mm,
            **mark,
        )
        if found.loss < progress.best_loss:
            card = {"result": line, "config": config.to_dict(), "data": self.pairs.settings}
            save_weights(config.run.run_dir / BEST, network, card)
        return found.loss

    def log_line(self, **values: float) -> dict[str, object]:
        """Write a line of the log, and return it."""
        progress = self.progress
        line = {
            "step": progress.step,
            "samples": progress.step * self.config.optimiser.batch_size,
            "epoch": progress.epoch,
            "loss": None,
            "validation_loss": None,
            "validation_error_px": None,
            "validation_error_mm": None,
            "learning_rate": self.learner.optimizer.param_groups[0]["lr"],
            **self.clock.columns(),
            **values,
        }
        self.log.write(line)
        progress.line_losses.clear()
        return line

    def save(self) -> None:
        """Write a checkpoint."""
        self.progress.seconds = self.clock.seconds()
        self.checkpoint.save()

    def end(self) -> Path:
        """Save, validate if the last epoch is not complete, and close the log."""
        self.save()  # before the last validation, which a resumed run must not contain
        if self.progress.epoch_steps:
            self.validate_and_log(final=True)
        self.log.end()
        self.processes.wait()
        best = self.config.run.run_dir / BEST
        if not best.is_file():
            reason = "no validation loss was finite" if self.progress.step else "it took no step"
            raise ValueError(f"the run ended without {best}: {reason}")
        return best

    def _save_diverged(self) -> None:
        """Save what is needed to investigate a loss that is not finite."""
        if self.processes.is_main:
            batch = self.stream.batch(self.progress.step)  # all of it, not one process's share
            state = {
                "step": self.progress.step,
                "photos": batch.photos,
                "maps": batch.maps,
                "has_side": batch.has_side,
                "keypoints_side": torch.from_numpy(batch.keypoints_side),
                "network": self.learner.network.state_dict(),
            }
            save(state, self.config.run.run_dir / DIVERGED)
        self.processes.wait()  # a launcher ends all processes as soon as one fails


def _count_steps(config: TrainConfig, n_train: int) -> tuple[int, int]:
    """Return the steps of an epoch, and of the whole run unless time or patience ends it."""
    batch_size, stop = config.optimiser.batch_size, config.stop
    per_epoch = max(1, round((config.data.samples_per_epoch or n_train) / batch_size))
    total = stop.epochs * per_epoch
    if stop.max_samples is not None:
        total = min(total, math.ceil(stop.max_samples / batch_size))
    return per_epoch, total
