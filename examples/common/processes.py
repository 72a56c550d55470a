"""Processes of a run: rank, device, and exchange between ranks."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from examples.common.device import pick_device


@dataclass(frozen=True)
class Processes:
    """This process (its rank, from 0, and its device) among those of the run."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice:
        """This process's share of a global batch."""
        if batch_size % self.world_size:
            raise ValueError(
                f"the batch size must be a multiple of the number of processes: got {batch_size} "
                f"and {self.world_size}; try {-(-batch_size // self.world_size) * self.world_size}"
            )
        share = batch_size // self.world_size
        return slice(self.rank * share, (self.rank + 1) * share)

    def gather(self, local: Tensor, dim: int) -> Tensor:
        """Concatenate every process's tensor along ``dim``; gradients reach the local part only.

        As each process computes the whole loss, that is its exact gradient: the sum over processes
        is complete. DDP divides by their number, so the loss must be multiplied by it.
        """
        if self.world_size == 1:
            return local
        parts = [torch.empty_like(local) for _ in range(self.world_size)]
        dist.all_gather(parts, local.detach().contiguous())
        parts[self.rank] = local
        return torch.cat(parts, dim)

    def largest(self, value: float) -> float:
        """Largest value of any process; exchanged by the CPU, so that no GPU waits."""
        if self.world_size == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return shared.item()

    def wait(self) -> None:
        """Wait until every process has arrived."""
        self.largest(0.0)


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the run that torchrun started, or run alone, on a device of `pick_device`."""
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    world_size = int(os.environ.get("WORLD_SIZE", 1))
    chosen = pick_device(device, local_rank)
    if world_size == 1:
        yield Processes(0, 1, chosen)
        return
    _join("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo", world_size)
    try:
        yield Processes(dist.get_rank(), world_size, chosen)
    finally:
        # A DistributedDataParallel that outlives its group sometimes makes gloo's threads abort
        # the interpreter at its exit. It is part of a cycle of references.
        gc.collect()
        dist.destroy_process_group()


def _join(backend: str, world_size: int) -> None:
    """Join the process group that torchrun's environment describes.

    torchrun keeps its store over restarts, with the addresses of dead processes in it, and a
    process that reads such an address waits forever. On one machine every attempt gets its own
    keys. On several machines the number of the attempt is not known to all; there
    `TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1` makes torchrun start a new store each time.
    """
    if int(os.environ.get("LOCAL_WORLD_SIZE", 0)) != world_size:
        dist.init_process_group(backend)
        return
    store, rank, _ = next(iter(rendezvous("env://")))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = PrefixStore(f"attempt-{attempt}", store)
    dist.init_process_group(backend, store=store, rank=rank, world_size=world_size)
