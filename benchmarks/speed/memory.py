"""Peak memory of training and inference as T grows, each measured in a process of its own.

A peak is the memory beyond that of the same work with one step: allocated memory on a GPU, and
resident memory on a CPU.
"""

import resource
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any

import torch

from benchmarks.baseline.models import PlainKuramoto
from benchmarks.speed.layer import sized
from benchmarks.speed.measure import seconds
from benchmarks.speed.report import BASELINE, OURS, Report, Row, main
from examples.common.device import GIB, peak_memory

SAVING = "ours, checkpointed"
RUNS = 3
"""Timed runs of a job; their median is reported."""
Job = partial[tuple[int, float] | None]
"""A call of `do`, to be run in its own process."""


def run(report: Report) -> None:
    """Measure training with and without step checkpointing, and inference."""
    shape, lengths = ((32, 4, 2), (8,)) if report.quick else ((128, 8, 32), (16, 64, 256))
    channels, side, batch = shape
    job = partial(do, shape=shape, device=report.device, threads=torch.get_num_threads())
    size = f"ch {channels}, {side}x{side} sites, batch {batch}"
    num_steps = 8 if report.quick else 128
    row = report.add(f"training at T = {num_steps}, {size}")
    for kind in (BASELINE, OURS, SAVING):
        start(row, job, kind, num_steps)
    if not report.quick:
        row = report.add(f"training at T = 1000 in 8 GB, {size}")
        for kind in (OURS, SAVING):
            start(row, job, kind, 1000, limit_gigabytes=8.0)
    row = report.add(f"inference, {size}")
    for num_steps in lengths:
        for kind in (BASELINE, OURS):
            start(row, job, kind, num_steps, f", T = {num_steps}", train=False)


def start(row: Row, job: Job, kind: str, num_steps: int, suffix: str = "", **options: Any) -> None:
    """Do a job in a new process, and note its memory and its seconds."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        result, name = pool.submit(job, kind, num_steps, **options).result(), kind + suffix
    if result is None:
        row.note(name, "out of memory")
    else:
        row.note(f"{name} [MB]", result[0] / 2**20)
        row.note(f"{name} [s]", result[1])


def do(
    kind: str,
    num_steps: int,
    *,
    shape: tuple[int, int, int],
    device: torch.device,
    threads: int,
    train: bool = True,
    limit_gigabytes: float | None = None,
) -> tuple[int, float] | None:
    """Take T steps here: bytes beyond those of one step, and seconds; None if out of memory."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if limit_gigabytes is not None:
        limit_memory(int(limit_gigabytes * GIB), device)
    channels, side, batch = shape
    layer: Any = PlainKuramoto(sized(channels, side)).to(device)
    if kind != BASELINE:
        layer = layer.to_library().to(device)
        layer.checkpoint_steps = kind == SAVING
    x, c = torch.randn(2, batch, channels, side, side, device=device)
    c.requires_grad_(train)

    def work(num_steps: int) -> None:
        with torch.set_grad_enabled(train):
            result = layer(x, c, num_steps=num_steps)
            if train:
                (result[0][-1] if kind == BASELINE else result).sum().backward()

    work(1)
    before = peak_memory(device)
    try:
        work(num_steps)
        times = [seconds(lambda: work(num_steps), device=device) for _ in range(RUNS)]
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if "memory" not in str(error):
            raise
        return None
    return peak_memory(device) - before, median(times)


def limit_memory(limit: int, device: torch.device) -> None:
    """Make allocations beyond so many bytes fail."""
    if device.type == "cpu":
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    else:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(limit / total, device)


if __name__ == "__main__":
    main("memory", run)
