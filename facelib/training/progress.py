"""The counters of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Progress:
    """The counters of a run; all of them are stored in the checkpoint.

    Attributes:
        step: steps done.
        epoch: epochs done.
        seconds: of training so far.
        best_loss: lowest validation loss at the end of an epoch.
        epochs_without_better: epochs since then.
        epoch_loss: sum of the losses of this epoch's steps.
        epoch_steps: steps done in this epoch.
        line_losses: losses since the last line of the log.
    """

    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf
    epochs_without_better: int = 0
    epoch_loss: float = 0.0
    epoch_steps: int = 0
    line_losses: list[float] = field(default_factory=list)

    def add_step(self, loss: float) -> None:
        """Count one step."""
        self.step += 1
        self.epoch_loss += loss
        self.epoch_steps += 1
        self.line_losses.append(loss)

    def end_epoch(self, validation_loss: float) -> None:
        """Count one epoch."""
        better = validation_loss < self.best_loss
        self.best_loss = min(self.best_loss, validation_loss)
        self.epochs_without_better = 0 if better else self.epochs_without_better + 1
        self.epoch += 1
        self.epoch_loss, self.epoch_steps = 0.0, 0
