"""Checkpoints: everything that a run needs to resume as if it had not stopped."""

from __future__ import annotations

import io
import math
import time
import zipfile
from dataclasses import asdict, fields
from pathlib import Path

import torch

from facelib.files.atomic import replacing
from facelib.files.reading import in_a_line, regular_file
from facelib.training.config import BEST, GROUP_OF, PATHS, TrainConfig
from facelib.training.learner import Learner
from facelib.training.progress import Progress
from facelib.training.settings import StopSettings

CHECKPOINT = "checkpoint.pt"
PARTS = {"config", "progress", "network", "optimizer", "average", "best"}
# Settings that may differ between a run and its continuation.
FREE_ON_RESUME = {
    *PATHS,
    *(entry.name for entry in fields(StopSettings)),
    "verify",
    "threads",
    "checkpoint_minutes",
    "log_steps",
    "progress",
}


class Checkpoint:
    """The checkpoint of one run.

    Order and augmentation of the samples need no state: they follow from the step. The best weights
    of complete epochs are part of the state: a run that stops inside an epoch validates there and
    may replace `best.safetensors`, which a resumed run must undo.
    """

    def __init__(
        self,
        config: TrainConfig,
        learner: Learner,
        progress: Progress,
        pairs: str,
        writes: bool = True,
    ) -> None:
        """Take the objects that change from step to step; `load` restores them in place.

        Args:
            config: the run's configuration.
            learner: network, optimiser and mean weights.
            progress: the run's counters.
            pairs: fingerprint of the pairs.
            writes: whether this process writes files.
        """
        self._config, self._learner, self._progress = config, learner, progress
        self._pairs = pairs
        self._path, self._best = config.run.run_dir / CHECKPOINT, config.run.run_dir / BEST
        self._writes, self._saved = writes, time.monotonic()

    def exists(self) -> bool:
        """Return whether there is a checkpoint to resume from."""
        return self._path.exists()

    def is_due(self) -> bool:
        """Return whether the last one is older than `checkpoint_minutes`."""
        return time.monotonic() - self._saved >= 60 * self._config.run.checkpoint_minutes

    def save(self) -> None:
        """Write the state, whole or not at all."""
        self._saved = time.monotonic()
        if not self._writes:
            return
        learner, best = self._learner, None
        if self._progress.best_loss < math.inf:
            best = torch.frombuffer(bytearray(self._best.read_bytes()), dtype=torch.uint8)
        state = {
            "config": self._config.to_dict(),
            "pairs": self._pairs,
            "progress": asdict(self._progress),
            "network": learner.network.state_dict(),
            "optimizer": learner.optimizer.state_dict(),
            "average": None if learner.average is None else learner.average.state_dict(),
            "best": best,
        }
        save(state, self._path)

    def load(self, device: torch.device) -> None:
        """Restore the state, and `best.safetensors` as it was then.

        Args:
            device: the network's device.
        Raises:
            ValueError: if the run had other settings or other pairs, the file is damaged, or an
                older version of the code wrote it.
        """
        state = self._read(device)
        self._check(state)
        learner = self._learner
        try:
            learner.network.load_state_dict(state["network"])
            learner.optimizer.load_state_dict(state["optimizer"])
            if learner.average is not None:
                learner.average.load_state_dict(state["average"])
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(f"{self._path} does not fit this run; use a new run_dir") from error
        for name, value in state["progress"].items():
            setattr(self._progress, name, value)
        if not self._writes:
            return
        if state["best"] is None:
            self._best.unlink(missing_ok=True)
            return
        with replacing(self._best) as temporary:
            temporary.write_bytes(state["best"].cpu().numpy().tobytes())

    def _read(self, device: torch.device) -> dict:
        try:
            regular_file(self._path, "a checkpoint")
            with zipfile.ZipFile(self._path) as file:
                if file.testzip() is not None:  # torch does not compare checksums
                    raise zipfile.BadZipFile
            return torch.load(self._path, map_location=device, weights_only=True)
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as error:  # torch and zipfile pass on any exception of their parsers
            raise ValueError(
                f"{self._path} is damaged: restore it from a copy, or remove it to begin the run "
                "anew"
            ) from error

    def _check(self, state: dict) -> None:
        if not isinstance(state, dict) or not state.keys() >= PARTS:
            raise ValueError(
                f"{self._path} is of an older version or another program; use a new run_dir"
            )
        if not (_is_progress(state["progress"]) and _is_best(state["best"])):
            raise ValueError(f"{self._path} is damaged; use a new run_dir")
        try:
            mine, theirs = self._config, TrainConfig.from_dict(state["config"])
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self._path} was made with settings that facelib refuses: {in_a_line(error)}"
            ) from error
        changed = {
            group if group in ("loss", "augmentation") else name
            for name, group in GROUP_OF.items()
            if name not in FREE_ON_RESUME
            and getattr(getattr(mine, group), name) != getattr(getattr(theirs, group), name)
        }
        if changed:
            names = ", ".join(sorted(changed))
            raise ValueError(f"{self._path} was made with another {names}; use a new run_dir")
        # Checkpoints of older versions do not know their pairs.
        if state.get("pairs", self._pairs) != self._pairs:
            raise ValueError(
                f"{self._path} was made with other pairs than those in {mine.data.data_dir}; give "
                "its own, or use a new run_dir"
            )


def _is_progress(values: object) -> bool:
    """Whether values can be a run's counters."""
    started = asdict(Progress())
    return (
        isinstance(values, dict)
        and values.keys() == started.keys()
        and all(isinstance(values[name], type(each)) for name, each in started.items())
        and all(isinstance(loss, float) for loss in values["line_losses"])
    )


def _is_best(value: object) -> bool:
    """Whether a value can be the bytes of a weights file, or None."""
    return value is None or (isinstance(value, torch.Tensor) and value.dtype == torch.uint8)


def save(state: dict, path: Path) -> None:
    """Write tensors and plain values for `torch.load`, whole or not at all.

    Raises:
        OSError: if the disk is full, which torch itself reports as a RuntimeError without a reason.
    """
    content = io.BytesIO()
    torch.save(state, content)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
