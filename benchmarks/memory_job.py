"""One piece of work in a process of its own, so that its peak memory can be read off.

Started by `benchmarks.memory`: takes a job as JSON, prints the result as JSON.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.baseline import PlainAttention, PlainKuramoto, to_library
from benchmarks.measure import synchronize

GIGABYTE = 2**30
RUNS = 3
"""Timed runs, whose median counts."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the process does.

    Attributes:
        num_steps: T.
        train: Whether gradients are taken.
        plain: Whether the baseline does it.
        checkpoint: Whether our layer recomputes its steps in backward.
        channels: Channels C.
        side: Height and width in sites.
        batch: Batch size.
        device: Where.
        threads: CPU threads.
        limit_gigabytes: Memory that the process may take; None for all.
    """

    num_steps: int
    train: bool
    plain: bool = False
    checkpoint: bool = False
    channels: int = 128
    side: int = 8
    batch: int = 32
    device: str = "cpu"
    threads: int = 2
    limit_gigabytes: float | None = None

    def to_json(self) -> str:
        """Write it for the process to read."""
        return json.dumps(asdict(self))


def build(job: Job) -> torch.nn.Module:
    """Build the layer of a job."""
    grid = (job.side, job.side)
    coupling = PlainAttention(job.channels, 8, grid)
    plain = PlainKuramoto(coupling, channels=job.channels, num_steps=job.num_steps)
    if job.plain:
        return plain
    ours = to_library(plain, grid)
    ours.checkpoint_steps = job.checkpoint
    return ours


def do(job: Job) -> dict[str, Any]:
    """Do the work; report the bytes it takes beyond one step, and the seconds of further runs."""
    device = torch.device(job.device)
    layer = build(job).to(device)
    x, c = torch.randn(2, job.batch, job.channels, job.side, job.side, device=device)
    c.requires_grad_(job.train)

    def work(num_steps: int) -> None:
        with torch.set_grad_enabled(job.train):
            result = layer(x, c, num_steps=num_steps)
            last: Tensor = result[0][-1] if job.plain else result
            if job.train:
                last.sum().backward()
        synchronize(device)

    work(1)
    before = _peak_bytes(device)
    try:
        work(job.num_steps)
        seconds = [_seconds(lambda: work(job.num_steps)) for _ in range(RUNS)]
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if "memory" not in str(error):
            raise
        return {"out_of_memory": True}
    return {
        "out_of_memory": False,
        "seconds": median(seconds),
        "bytes": _peak_bytes(device) - before,
    }


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _cap(job: Job) -> None:
    """Make allocations fail beyond the job's limit."""
    if job.limit_gigabytes is None:
        return
    limit = job.limit_gigabytes * GIGABYTE
    if job.device == "cpu":
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
    else:
        total = torch.cuda.get_device_properties(job.device).total_memory
        torch.cuda.set_per_process_memory_fraction(limit / total, torch.device(job.device))


if __name__ == "__main__":
    given = Job(**json.loads(sys.argv[1]))
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    _cap(given)
    print(json.dumps(do(given)))
