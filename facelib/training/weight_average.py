"""A running mean of a network's weights: steadier than the weights of any single step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

START = 10  # steps after which the mean begins to reach back as far as its decay says


class WeightAverage:
    """Exponential moving average of all floating-point weights and statistics of a network."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start at the network's own weights.

        Args:
            network: whose weights are followed.
            decay: how much of the mean stays at each step, 0..1.
        """
        self.decay = decay
        self._live = {k: v for k, v in network.state_dict().items() if v.is_floating_point()}
        self._mean = {key: value.clone() for key, value in self._live.items()}

    def update(self, step: int) -> None:
        """Take in the weights after a step, the first of which is 1.

        Early on the mean reaches back over a tenth of the steps so far, or it would long remember
        the weights that were drawn.
        """
        decay = min(self.decay, step / (step + START))
        torch._foreach_lerp_(list(self._mean.values()), list(self._live.values()), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the network the mean weights for a while."""
        kept = {key: value.clone() for key, value in self._live.items()}
        self._copy_to_network(self._mean)
        try:
            yield
        finally:
            self._copy_to_network(kept)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the mean weights, as a checkpoint keeps them."""
        return self._mean

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from a checkpoint."""
        for key, value in self._mean.items():
            value.copy_(state[key])

    def _copy_to_network(self, weights: dict[str, torch.Tensor]) -> None:
        for key, value in self._live.items():
            value.copy_(weights[key])
