"""Training in processes that ``torchrun`` starts: ranks, and collectives, which do nothing in a single process."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn import functional as differentiable
from torch.nn.parallel import DistributedDataParallel

from sartext.errors import TrainingError

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The ``world`` processes of one training, of which this is number ``rank``; only the first, 0, writes."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def gather(self, features: Tensor) -> Tensor:
        """Return the rows of all processes in rank order; gradients flow back to where rows came from."""
        if self.world == 1:
            return features
        return torch.cat(differentiable.all_gather(features))  # type: ignore[no-untyped-call]

    def gather_plain(self, values: Tensor) -> Tensor:
        """Return the rows of all processes in rank order, without gradients."""
        if self.world == 1:
            return values
        rows = [torch.empty_like(values) for _ in range(self.world)]
        dist.all_gather(rows, values.contiguous())
        return torch.cat(rows)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over the processes, element by element."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def broadcast(self, value: T) -> T:
        """Return the value of process 0: decisions on time or files are its alone."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def gather_objects(self, values: Sequence[T]) -> list[T]:
        """Return the items of all processes in rank order."""
        if self.world == 1:
            return list(values)
        parts: list[Sequence[T]] = [[] for _ in range(self.world)]
        dist.all_gather_object(parts, list(values))
        return [value for part in parts for value in part]

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Return a module whose backward pass averages the gradients of all processes."""
        if self.world == 1:
            return network
        devices = [device] if device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices, gradient_as_bucket_view=True)


def rank() -> int:
    """Return this process's rank, which ``torchrun`` sets; 0 without it."""
    return int(os.environ.get("RANK", "0"))


def local_device(device: torch.device) -> torch.device:
    """Return the GPU of this process among those of its machine; a CPU stays what it is.

    Raises:
        TrainingError: there are more processes than GPUs.
    """
    if device.type != "cuda" or device.index is not None:
        return device
    own = int(os.environ.get("LOCAL_RANK", "0"))
    if own >= torch.cuda.device_count():
        raise TrainingError(
            f"process {own} of this machine has no GPU of its own; there are {torch.cuda.device_count()}",
            way_out=f"torchrun --nproc-per-node {torch.cuda.device_count()}",
        )
    return torch.device("cuda", own)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, for the length of the block: nccl on GPUs, gloo on CPUs."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
