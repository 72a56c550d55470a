"""Peak memory of training and inference as T grows, each measured in a process of its own.

A peak is the memory beyond that of the same work with one step: allocated memory on a GPU, and
resident memory on a CPU. The latter is also measured with a mapping of its own for every tensor
(`Job.exact`), so that holes in malloc's heap do not count.
"""

import ctypes
import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
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
"""Option of glibc's mallopt: bytes from which an allocation is a mapping of its own."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work of one process: T updates of a layer on a square grid, with or without gradients."""

    device: torch.device
    threads: int
    kind: str = OURS
    """`BASELINE`, `OURS`, or `SAVING` to recompute steps in the backward pass."""
    num_steps: int = 128
    train: bool = True
    channels: int = 128
    side: int = 8
    batch: int = 32
    limit_gigabytes: float | None = None
    """Memory that the process may take; None for all."""
    exact: bool = False

    @property
    def size(self) -> str:
        """Size of the layer, for the names of the rows."""
        return f"ch {self.channels}, {self.side}x{self.side} sites, batch {self.batch}"


def run(report: Report) -> None:
    """Measure training with and without step checkpointing, and inference."""
    job = Job(device=report.device, threads=torch.get_num_threads())
    if report.quick:
        job = replace(job, num_steps=8, channels=32, side=4, batch=2)
    compare_training(report, job)
    if not report.quick:
        train_long(report, replace(job, num_steps=1000, limit_gigabytes=8.0))
    compare_inference(report, replace(job, train=False), (8,) if report.quick else (16, 64, 256))


def compare_training(report: Report, job: Job) -> None:
    """Backpropagate through T steps: the plain layer, ours, and ours with checkpoints."""
    row = report.add(f"training at T = {job.num_steps}, {job.size}")
    plain, ours, saving = (start(row, replace(job, kind=k)) for k in (BASELINE, OURS, SAVING))
    share = saving["bytes"] / max(ours["bytes"], 1)
    report.expect(row, "checkpointed: share of the resident memory", share, most=0.25)
    times = saving["seconds"] / ours["seconds"]
    report.expect(row, "checkpointed: times the time", times, most=1.4)
    if job.device.type == "cpu":
        ours, saving = (in_process(replace(job, kind=k, exact=True)) for k in (OURS, SAVING))
        share = saving["bytes"] / max(ours["bytes"], 1)
        report.expect(row, "checkpointed: share of the tensors' memory", share, most=0.25)


def train_long(report: Report, job: Job) -> None:
    """Train where plain backpropagation runs out of memory."""
    row = report.add(f"training at T = {job.num_steps} in {job.limit_gigabytes:g} GB, {job.size}")
    for kind, goal in ((OURS, {"least": 1}), (SAVING, {"most": 0})):
        out = start(row, replace(job, kind=kind))["out_of_memory"]
        report.expect(row, f"{kind}: runs out of memory", out, **goal)


def compare_inference(report: Report, job: Job, lengths: tuple[int, ...]) -> None:
    """Run without gradients for growing T."""
    row = report.add(f"inference, {job.size}")
    peaks = []
    for num_steps in lengths:
        for kind in (BASELINE, OURS):
            result = start(row, replace(job, num_steps=num_steps, kind=kind), f", T = {num_steps}")
        peaks.append(result["bytes"])
    state = 4 * job.batch * job.channels * job.side**2
    growth = (peaks[-1] - peaks[0]) / state / max(lengths[-1] - lengths[0], 1)
    report.expect(row, "ours: states kept per further step", growth, most=0.05)


def start(row: Row, job: Job, suffix: str = "") -> dict[str, Any]:
    """Do a job in a new process, and note its memory and its seconds."""
    result, name = in_process(job), job.kind + suffix
    if result["out_of_memory"]:
        row.note(name, "out of memory")
    else:
        row.note(f"{name} [MB]", result["bytes"] / 2**20)
        row.note(f"{name} [s]", result["seconds"])
    return result


def in_process(job: Job) -> dict[str, Any]:
    """Do a job in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(do, job).result()


def do(job: Job) -> dict[str, Any]:
    """Do a job in this process: its bytes beyond those of one step, and seconds of further runs."""
    if job.exact:
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**17)
    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    if job.limit_gigabytes is not None:
        limit_memory(int(job.limit_gigabytes * GIB), job.device)
    layer = PlainKuramoto(sized(job.channels, job.side)).to(job.device)
    if job.kind != BASELINE:
        layer = layer.to_library().to(job.device)
        layer.checkpoint_steps = job.kind == SAVING
    x, c = torch.randn(2, job.batch, job.channels, job.side, job.side, device=job.device)
    c.requires_grad_(job.train)

    def work(num_steps: int) -> None:
        with torch.set_grad_enabled(job.train):
            result = layer(x, c, num_steps=num_steps)
            last = result[0][-1] if job.kind == BASELINE else result
            if job.train:
                last.sum().backward()

    work(1)
    before = peak_memory(job.device)
    try:
        work(job.num_steps)
        times = [seconds(lambda: work(job.num_steps), device=job.device) for _ in range(RUNS)]
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if "memory" not in str(error):
            raise
        return {"out_of_memory": True}
    taken = peak_memory(job.device) - before
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
