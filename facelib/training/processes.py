"""The processes that train one network together, each on a device and on its share of every batch.

Plain data parallelism: every process holds the whole network, computes the gradient of its share,
and takes the same step with the gradient of the whole batch. All read the same files. Hugging Face
Accelerate finds the devices, connects the processes that `accelerate launch` (or `torchrun`)
started, and wraps the network. Without a launcher it is not imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import nn

from facelib.networks.base import Answer, FaceNetwork

if TYPE_CHECKING:
    from accelerate import Accelerator


class Processes:
    """This process among those that were launched together, or alone without a launcher.

    Attributes:
        device: the device of this process.
        count: number of processes.
        is_main: whether this process validates and writes files.
        share: slice of this process's samples in a batch.
    """

    def __init__(self, device: str) -> None:
        """Join the others.

        Args:
            device: used without a launcher; a launcher gives each process its own.
        Raises:
            ValueError: if there is no such device here, or the launched processes cannot be
                connected.
        """
        self.count, index = 1, 0
        self._accelerator = _accelerator() if _is_launched() else None
        if self._accelerator is None:
            found = _usable(device)
        else:
            found = self._accelerator.device
            self.count, index = self._accelerator.num_processes, self._accelerator.process_index
        # Accelerate also numbers CPU devices, which torch.load does not understand.
        self.device = torch.device("cpu") if found.type == "cpu" else found
        self.is_main = index == 0
        self.share = slice(index, None, self.count)

    def check_batch_size(self, batch_size: int) -> None:
        """Raise ValueError unless every process gets at least one sample of each batch."""
        if batch_size < self.count:
            raise ValueError(
                f"batch_size must be at least 1 for each of {self.count} processes, got "
                f"{batch_size}"
            )

    def facts(self) -> dict[str, object]:
        """Return the number of processes and the device, for a log."""
        return {"processes": self.count, "device": str(self.device)}

    def connected(self, network: FaceNetwork) -> Callable[..., Answer]:
        """Return the network's `answer`, connected with its copies in the other processes.

        All start from the main process's weights. `backward` through the answer gives every process
        the mean of all gradients. On CUDA, BatchNorm computes its statistics from the whole batch.
        On a processor torch cannot do that: each share has its own statistics, and the main
        process's running statistics are saved.

        Args:
            network: on `device`; changed in place, its parameters stay the same tensors.
        """
        if self.count == 1:
            return network.answer
        from accelerate import DistributedDataParallelKwargs

        # A share without side photos leaves the layers for them without a gradient.
        unused = DistributedDataParallelKwargs(
            find_unused_parameters=network.side_photo == "optional"
        )
        self._accelerator.ddp_handler = unused
        module: nn.Module = _AnswerModule(network)
        if self.device.type == "cuda":
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return self._accelerator.prepare(module)

    def total(self, value: torch.Tensor) -> float:
        """Add up a scalar over all processes."""
        if self.count > 1:
            value = self._accelerator.reduce(value, reduction="sum")
        return value.item()

    def agree(self, value: float) -> float:
        """Return the main process's value in all processes."""
        if self.count == 1:
            return value
        from accelerate.utils import broadcast

        # In eight bytes the number is not rounded.
        return broadcast(torch.tensor(value, dtype=torch.float64, device=self.device)).item()

    def wait(self) -> None:
        """Wait until all processes reach this call."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()


class _AnswerModule(nn.Module):
    """A module whose `forward`, which DistributedDataParallel wraps, is a network's `answer`."""

    def __init__(self, network: FaceNetwork) -> None:
        """Take the network."""
        super().__init__()
        self.network = network

    def forward(
        self, photos: torch.Tensor, has_side: torch.Tensor | None, draw_maps: bool
    ) -> Answer:
        """Return the network's answer."""
        return self.network.answer(photos, has_side, draw_maps)


def _usable(name: str) -> torch.device:
    """Return a device after a test."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device {name} cannot be used here: {str(error).splitlines()[0].rstrip('.')}; give cpu"
        ) from error
    return device


def _is_launched() -> bool:
    """Return whether torchrun, or accelerate with or without it, started this process."""
    return not os.environ.keys().isdisjoint({"LOCAL_RANK", "ACCELERATE_MIXED_PRECISION"})


def _accelerator() -> Accelerator:
    from accelerate import Accelerator
    from accelerate.utils import parse_flag_from_env

    on_cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available()
    accelerator = Accelerator(cpu=on_cpu, mixed_precision="no")  # precision is the learner's
    # A rendezvous port means several processes. `accelerate launch --cpu` starts only one without
    # MPI, and processes that are not connected would each train alone.
    announced = "MASTER_PORT" in os.environ
    if announced and accelerator.num_processes != int(os.environ.get("WORLD_SIZE", "0")):
        raise ValueError(
            f"several processes were launched, but accelerate connects {accelerator.num_processes} "
            f"on {accelerator.device}: on processors use ACCELERATE_USE_CPU=true accelerate launch "
            "--multi_gpu, not --cpu"
        )
    return accelerator
