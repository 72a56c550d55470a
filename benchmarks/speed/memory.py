"""Peak memory of training and inference as T grows, each measured in a process of its own.

A peak is the memory beyond that of the same work with one step: allocated memory on a GPU, and
resident memory on a CPU. The latter is also measured with a mapping of its own for every tensor
(`exact`), so that holes in malloc's heap do not count.
"""

import ctypes
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
M_MMAP_THRESHOLD = -3
"""Option of glibc's mallopt: size from which an allocation gets its own mapping."""
Job = partial[dict[str, Any]]
"""A call of `do`, to be run in its own process."""


def run(report: Report) -> None:
    """Measure training with and without step checkpointing, and inference."""
    channels, side, batch = shape = (32, 4, 2) if report.quick else (128, 8, 32)
    job = partial(do, shape=shape, device=report.device, threads=torch.get_num_threads())
    size = f"ch {channels}, {side}x{side} sites, batch {batch}"
    compare_training(report, job, 8 if report.quick else 128, size)
    if not report.quick:
        row = report.add(f"training at T = 1000 in 8 GB, {size}")
        for kind, goal in ((OURS, {"least": 1}), (SAVING, {"most": 0})):
            out = start(row, job, kind, 1000, limit_gigabytes=8.0)["out_of_memory"]
            report.expect(row, f"{kind}: runs out of memory", out, **goal)

    row, peaks = report.add(f"inference, {size}"), []
    lengths = (8,) if report.quick else (16, 64, 256)
    for num_steps in lengths:
        suffix = f", T = {num_steps}"
        start(row, job, BASELINE, num_steps, suffix, train=False)
        peaks.append(start(row, job, OURS, num_steps, suffix, train=False)["bytes"])
    state = 4 * batch * channels * side**2
    growth = (peaks[-1] - peaks[0]) / state / max(lengths[-1] - lengths[0], 1)
    report.expect(row, "ours: states kept per further step", growth, most=0.05)


def compare_training(report: Report, job: Job, num_steps: int, size: str) -> None:
    """Backpropagate through T steps: the plain layer, ours, and ours with checkpoints."""
    row = report.add(f"training at T = {num_steps}, {size}")
    _, ours, saving = (start(row, job, kind, num_steps) for kind in (BASELINE, OURS, SAVING))
    share = saving["bytes"] / max(ours["bytes"], 1)
    report.expect(row, "checkpointed: share of the resident memory", share, most=0.25)
    times = saving["seconds"] / ours["seconds"]
    report.expect(row, "checkpointed: times the time", times, most=1.4)
    if report.device.type == "cpu":
        ours, saving = (in_process(job, kind, num_steps, exact=True) for kind in (OURS, SAVING))
        share = saving["bytes"] / max(ours["bytes"], 1)
        report.expect(row, "checkpointed: share of the tensors' memory", share, most=0.25)


def start(
    row: Row, job: Job, kind: str, num_steps: int, suffix: str = "", **options: Any
) -> dict[str, Any]:
    """Do a job in a new process, and note its memory and its seconds."""
    result, name = in_process(job, kind, num_steps, **options), kind + suffix
    if result["out_of_memory"]:
        row.note(name, "out of memory")
    else:
        row.note(f"{name} [MB]", result["bytes"] / 2**20)
        row.note(f"{name} [s]", result["seconds"])
    return result


def in_process(job: Job, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Do a job in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(job, *arguments, **options).result()


def do(
    kind: str,
    num_steps: int,
    *,
    shape: tuple[int, int, int],
    device: torch.device,
    threads: int,
    train: bool = True,
    exact: bool = False,
    limit_gigabytes: float | None = None,
) -> dict[str, Any]:
    """Take T steps here: bytes beyond those of one step, and the seconds of further runs."""
    if exact:
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**17)
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
        return {"out_of_memory": True}
    taken = peak_memory(device) - before
    return {"out_of_memory": False, "seconds": median(times), "bytes": taken}


def limit_memory(limit: int, device: torch.device) -> None:
    """Make allocations beyond so many bytes fail."""
    if device.type == "cpu":
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    else:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(limit / total, device)


if __name__ == "__main__":
    main("memory", run)
