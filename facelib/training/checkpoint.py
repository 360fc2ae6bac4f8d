"""Checkpoints of a training run: everything that it takes to go on as if it had not stopped."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from facelib.training.config import FREE_ON_RESUME, Progress, TrainConfig
from facelib.training.weight_average import WeightAverage


@dataclass(frozen=True)
class Resumable:
    """What a run changes from step to step; `load` sets it in place.

    Order and augmentation of the samples need no state: they follow from the step.

    Attributes:
        config: the run's.
        progress: where it stands.
        network: its weights and statistics.
        optimizer: its moments.
        average: of the weights, or None.
    """

    config: TrainConfig
    progress: Progress
    network: torch.nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "config": self.config.to_dict(),
            "progress": asdict(self.progress),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def load(self, path: Path, device: torch.device) -> None:
        """Go on from a checkpoint.

        Args:
            path: that `save` wrote.
            device: of the network.
        Raises:
            ValueError: if the checkpoint's run was set up otherwise.
        """
        state = torch.load(path, map_location=device, weights_only=True)
        mine = self.config.to_dict()
        theirs = TrainConfig.from_dict(state["config"]).to_dict()
        changed = [
            name for name in sorted(mine.keys() - FREE_ON_RESUME) if mine[name] != theirs[name]
        ]
        if changed:
            raise ValueError(
                f"{path} was made with another {', '.join(changed)}; use a new run_dir"
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        for name, value in state["progress"].items():
            setattr(self.progress, name, value)
