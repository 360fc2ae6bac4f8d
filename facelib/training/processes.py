"""The processes that train one network together, each on a device and on its share of every batch.

Plain data parallelism: every process holds the whole network, computes the gradient of its share,
and takes the same step with the gradient of the whole batch; all see the same files. Hugging Face
Accelerate finds the devices and connects the processes that `accelerate launch` (or `torchrun`) has
started; precision, checkpoints and the order of samples stay training's own.
"""

from __future__ import annotations

import os

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


class Processes:
    """This process among those that were launched together; without a launcher, it alone.

    Attributes:
        device: that this process computes on.
        count: how many processes there are.
        is_main: whether this is the one that validates and writes files.
        share: the samples of a batch that are this process's, as a slice.
    """

    def __init__(self, device: str) -> None:
        """Join the others.

        Args:
            device: to compute on without a launcher; with one, each process gets its own.
        Raises:
            ValueError: if the launcher started several processes that cannot be connected.
        """
        self.device, self.count, index = torch.device(device), 1, 0
        self._state = _accelerate_state() if _is_launched() else None
        if self._state is not None:
            self.count, index = self._state.num_processes, self._state.process_index
            # Accelerate numbers processors too, which torch.load does not understand.
            on_cpu = self._state.device.type == "cpu"
            self.device = torch.device("cpu") if on_cpu else self._state.device
        self.is_main = index == 0
        self.share = slice(index, None, self.count)

    def facts(self) -> dict:
        """Say for a log how many processes train, and on what device."""
        return {"processes": self.count, "device": str(self.device)}

    def parallel(self, network: nn.Module) -> nn.Module:
        """Connect a network to its copies in the other processes.

        All start from the main process's weights. `backward` through the answer leaves in each the
        mean of all gradients. BatchNorm takes its statistics from the joined batch on CUDA; where
        torch cannot do so, on a processor, from each share alone, and the main process's running
        statistics are kept.

        Args:
            network: on `device`; changed in place, its parameters stay the same tensors.
        Returns:
            What to call in training steps; the network itself where there is one process.
        """
        if self.count == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        # A share without side photos leaves the layers for them without a gradient.
        optional = network.side_photo == "optional"
        return DistributedDataParallel(network, find_unused_parameters=optional)

    def total(self, value: torch.Tensor) -> float:
        """Add up a scalar over all processes."""
        if self.count > 1:
            value = value.clone()
            distributed.all_reduce(value)
        return value.item()

    def agree(self, value: float) -> float:
        """Return the main process's value in all."""
        if self.count == 1:
            return value
        # As one of eight bytes a number passes unrounded.
        told = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(told, src=0)
        return told.item()

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self._state is not None:
            self._state.wait_for_everyone()


def _is_launched() -> bool:
    """Tell whether torchrun, or accelerate with or without it, started this process."""
    return not os.environ.keys().isdisjoint({"LOCAL_RANK", "ACCELERATE_MIXED_PRECISION"})


def _accelerate_state():
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    on_cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available()
    state = PartialState(cpu=on_cpu)
    # A port to meet at announces several processes. `accelerate launch --cpu` starts but one
    # where there is no MPI, and several that do not meet would each train alone.
    announced = "MASTER_PORT" in os.environ
    if announced and state.num_processes != int(os.environ.get("WORLD_SIZE", "0")):
        raise ValueError(
            f"several processes were launched, but accelerate connects {state.num_processes} on "
            f"{state.device}: on processors use ACCELERATE_USE_CPU=true accelerate launch "
            "--multi_gpu, not --cpu"
        )
    return state
