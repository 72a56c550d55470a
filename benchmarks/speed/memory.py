"""Peak memory of training and inference as T grows, each job in a process of its own.

    python -m benchmarks.speed.memory [--quick] [--device cuda] [--threads 2]

A peak is the memory beyond that of the same job with one step: allocated memory on a GPU, and
resident memory on a CPU. The latter is also measured with every tensor in a mapping of its own
(`EXACT`), so that holes in malloc's heap do not count. ``--job JSON`` starts one job.
"""

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.baseline import PlainAttention, PlainKuramoto, to_library
from benchmarks.speed.measure import seconds
from benchmarks.speed.report import BASELINE, OURS, Report, Row, main
from examples.common.device import GIB, peak_memory

EXACT = {"MALLOC_MMAP_THRESHOLD_": "131072"}
SAVING = "ours, checkpointed"
SIDES: dict[str, Any] = {BASELINE: {"plain": True}, OURS: {}, SAVING: {"checkpoint": True}}
RUNS = 3
"""Timed runs of a job; their median is reported."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work of one process: T updates of a layer on a square grid, with or without gradients."""

    num_steps: int
    train: bool
    plain: bool = False
    """Whether the baseline is measured."""
    checkpoint: bool = False
    """Whether our layer recomputes its steps in the backward pass."""
    channels: int = 128
    side: int = 8
    batch: int = 32
    device: str = "cpu"
    threads: int = 2
    limit_gigabytes: float | None = None
    """Memory that the process may take; None for all."""

    @property
    def size(self) -> str:
        """Size of the layer, for the names of the rows."""
        return f"ch {self.channels}, {self.side}x{self.side} sites, batch {self.batch}"


def run(report: Report) -> None:
    """Measure training with and without step checkpointing, and inference."""
    quick = report.options.quick
    device, threads = str(report.device), torch.get_num_threads()
    job = Job(num_steps=128, train=True, device=device, threads=threads)
    if quick:
        job = replace(job, num_steps=8, channels=32, side=4, batch=2)
    compare_training(report, job)
    if not quick:
        train_long(report, replace(job, num_steps=1000, limit_gigabytes=8.0))
    compare_inference(report, replace(job, train=False), (8,) if quick else (16, 64, 256))


def compare_training(report: Report, job: Job) -> None:
    """Backpropagate through T steps: the plain layer, ours, and ours with checkpoints."""
    row = Row(f"training at T = {job.num_steps}, {job.size}")
    report.add(row)
    results = {name: start(replace(job, **side)) for name, side in SIDES.items()}
    for name, result in results.items():
        note_result(report, row, name, result)
    share = results[SAVING]["bytes"] / max(results[OURS]["bytes"], 1)
    times = results[SAVING]["seconds"] / results[OURS]["seconds"]
    report.expect(row, "checkpointed: share of the resident memory", share, most=0.25)
    report.expect(row, "checkpointed: times the time", times, most=1.4)
    if job.device == "cpu":
        exact = {n: start(replace(job, **SIDES[n]), EXACT)["bytes"] for n in (OURS, SAVING)}
        share = exact[SAVING] / max(exact[OURS], 1)
        report.expect(row, "checkpointed: share of the tensors' memory", share, most=0.25)


def train_long(report: Report, job: Job) -> None:
    """Train where plain backpropagation runs out of memory."""
    row = Row(f"training at T = {job.num_steps} in {job.limit_gigabytes:g} GB, {job.size}")
    report.add(row)
    for name in (OURS, SAVING):
        result = start(replace(job, **SIDES[name]))
        note_result(report, row, name, result)
        most, least = (0, None) if name == SAVING else (None, 1)
        out = result["out_of_memory"]
        report.expect(row, f"{name}: runs out of memory", out, most=most, least=least)


def compare_inference(report: Report, job: Job, lengths: tuple[int, ...]) -> None:
    """Run without gradients for growing T."""
    row = Row(f"inference, {job.size}")
    report.add(row)
    peaks = {}
    for num_steps in lengths:
        for name in (BASELINE, OURS):
            result = start(replace(job, num_steps=num_steps, **SIDES[name]))
            note_result(report, row, f"{name}, T = {num_steps}", result)
            peaks[name, num_steps] = result["bytes"]
    state = 4 * job.batch * job.channels * job.side**2
    steps = max(lengths[-1] - lengths[0], 1)
    growth = (peaks[OURS, lengths[-1]] - peaks[OURS, lengths[0]]) / state / steps
    report.expect(row, "ours: states kept per further step", growth, most=0.05)


def note_result(report: Report, row: Row, name: str, result: dict[str, Any]) -> None:
    """Note the memory and the seconds of a job in a row."""
    if result["out_of_memory"]:
        report.note(row, name, "out of memory")
        return
    report.note(row, f"{name} [MB]", result["bytes"] / 2**20)
    report.note(row, f"{name} [s]", result["seconds"])


def start(job: Job, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Do a job in a new process."""
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.memory", "--job", json.dumps(asdict(job))],
        env=os.environ | (environment or {}),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return json.loads(output.splitlines()[-1])


def do(job: Job) -> dict[str, Any]:
    """Do a job in this process: its bytes beyond those of one step, and seconds of further runs."""
    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    device = torch.device(job.device)
    limit_memory(job, device)
    layer = build(job).to(device)
    x, c = torch.randn(2, job.batch, job.channels, job.side, job.side, device=device)
    c.requires_grad_(job.train)

    def work(num_steps: int) -> None:
        with torch.set_grad_enabled(job.train):
            result = layer(x, c, num_steps=num_steps)
            last: Tensor = result[0][-1] if job.plain else result
            if job.train:
                last.sum().backward()

    work(1)
    before = peak_memory(device)
    try:
        work(job.num_steps)
        times = [seconds(lambda: work(job.num_steps), device=device) for _ in range(RUNS)]
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if "memory" not in str(error):
            raise
        return {"out_of_memory": True}
    taken = peak_memory(device) - before
    return {"out_of_memory": False, "seconds": median(times), "bytes": taken}


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


def limit_memory(job: Job, device: torch.device) -> None:
    """Make allocations beyond the job's limit fail."""
    if job.limit_gigabytes is None:
        return
    limit = job.limit_gigabytes * GIB
    if device.type == "cpu":
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
    else:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(limit / total, device)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(do(Job(**json.loads(sys.argv[2])))))
    else:
        main("memory", run)
