"""Train a network on stored pairs: weighted loss, learning-rate schedule, early stop, exact resume.

A step depends only on its batch, and a sample only on its number, so a run gives the same numbers
with any number of processes (`processes`) and any number of stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch

from facelib.face.layout import UVLayout, load_layout
from facelib.files.lock import locked
from facelib.training.config import TrainConfig
from facelib.training.opened_run import OpenedRun
from facelib.training.processes import Processes
from facelib.training.settings import RunSettings


def train(config: TrainConfig, layout: UVLayout | None = None) -> Path:
    """Train, or continue, a run until it is done.

    A run validates at the end of every epoch, and once more if it stops inside an epoch. Each
    validation may replace the best weights. A run may be stopped at any point and resumed any
    number of times, by the same command or with later limits. It ends with the same weights, best
    weights, early stop and log as an uninterrupted run: on resuming, the validation inside an epoch
    is removed from the log, and its weights from `best.safetensors`. Schedules that end with the
    run, "cosine" and "one_cycle", use the limits of the current call.

    Args:
        config: the run's configuration.
        layout: of the run's size; by default the shipped one.
    Returns:
        Path of the weights with the lowest validation loss, `best.safetensors` in the run's folder.
    Raises:
        ValueError: if data, layout, or an earlier run in the folder do not fit the configuration,
            or the run ends without weights.
        FolderInUseError: if another program trains in the run's folder.
        TrainingDivergedError: if the loss is no longer finite.
    """
    processes = Processes(config.run.device)
    lock = locked(config.run.run_dir) if processes.is_main else nullcontext()
    with _processor_settings(config.run), lock:
        run = OpenedRun(config, layout or load_layout(config.model.size), processes)
        run.begin()
        with closing(run.batches()) as batches, run.progress_bar() as bar:
            while not run.is_done() and (batch := run.clock.next_batch(batches)) is not None:
                loss = run.step(batch)
                bar.set_postfix_str(f"epoch {run.progress.epoch} loss {loss:.5f}")
                bar.update(config.optimiser.batch_size)
                if run.progress.epoch_steps == run.steps_per_epoch:
                    run.progress.end_epoch(run.validate_and_log())
                    run.save()
                    continue
                if run.progress.step % config.run.log_steps == 0:
                    run.log_line(loss=float(np.mean(run.progress.line_losses)))
                if run.checkpoint.is_due():
                    run.save()
        return run.end()


@contextmanager
def _processor_settings(settings: RunSettings) -> Iterator[None]:
    """Configure torch for training, and restore its settings afterwards."""
    threads = torch.get_num_threads()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)  # denormal numbers slow processors down many times over
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
