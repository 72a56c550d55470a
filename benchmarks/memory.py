"""Peak memory of training and inference as T grows, each job in a process of its own.

    python -m benchmarks.memory [--quick] [--device cuda] [--threads 2]

Peaks are what a job takes beyond the same job with one step: allocated memory on a GPU; on the CPU
the resident memory, once as a user has it and once with every tensor in a mapping of its own
(`EXACT`), so that holes in malloc's heap do not count.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import torch

from benchmarks.memory_job import Job
from benchmarks.report import Report, Row, main

MEGABYTE = 2**20
EXACT = {"MALLOC_MMAP_THRESHOLD_": "131072"}
PLAIN, OURS, SAVING = "baseline", "ours", "ours, checkpointed"
SIDES: dict[str, dict[str, Any]] = {PLAIN: {"plain": True}, OURS: {}, SAVING: {"checkpoint": True}}


def run(report: Report) -> None:
    """Measure training with and without step checkpointing, and inference."""
    quick = report.options.quick
    device, threads = str(report.options.device), torch.get_num_threads()
    job = Job(num_steps=128, train=True, device=device, threads=threads)
    if quick:
        job = replace(job, num_steps=8, channels=32, side=4, batch=2)
    compare_training(report, job)
    if not quick:
        train_long(report, replace(job, num_steps=1000, limit_gigabytes=8.0))
    compare_inference(report, replace(job, train=False), (8,) if quick else (16, 64, 256))


def compare_training(report: Report, job: Job) -> None:
    """Backpropagate through T steps: the plain layer, ours, and ours with checkpoints."""
    row = Row(f"training at T = {job.num_steps}, {_size(job)}")
    report.add(row)
    results = {name: do(replace(job, **side)) for name, side in SIDES.items()}
    for name, result in results.items():
        note_result(report, row, name, result)
    share = results[SAVING]["bytes"] / max(results[OURS]["bytes"], 1)
    seconds = results[SAVING]["seconds"] / results[OURS]["seconds"]
    report.expect(row, "checkpointed: share of the resident memory", share, most=0.25)
    report.expect(row, "checkpointed: times the time", seconds, most=1.4)
    if job.device == "cpu":
        exact = {name: do(replace(job, **SIDES[name]), EXACT)["bytes"] for name in (OURS, SAVING)}
        share = exact[SAVING] / max(exact[OURS], 1)
        report.expect(row, "checkpointed: share of the tensors' memory", share, most=0.25)


def train_long(report: Report, job: Job) -> None:
    """Train where plain backpropagation runs out of memory."""
    row = Row(f"training at T = {job.num_steps} in {job.limit_gigabytes:g} GB, {_size(job)}")
    report.add(row)
    for name in (OURS, SAVING):
        result = do(replace(job, **SIDES[name]))
        note_result(report, row, name, result)
        most, least = (0, None) if name == SAVING else (None, 1)
        out = result["out_of_memory"]
        report.expect(row, f"{name}: runs out of memory", out, most=most, least=least)


def compare_inference(report: Report, job: Job, lengths: tuple[int, ...]) -> None:
    """Run without gradients for longer and longer."""
    row = Row(f"inference, {_size(job)}")
    report.add(row)
    peaks = {}
    for num_steps in lengths:
        for name in (PLAIN, OURS):
            result = do(replace(job, num_steps=num_steps, **SIDES[name]))
            note_result(report, row, f"{name}, T = {num_steps}", result)
            peaks[name, num_steps] = result["bytes"]
    state = 4 * job.batch * job.channels * job.side**2
    steps = max(lengths[-1] - lengths[0], 1)
    growth = (peaks[OURS, lengths[-1]] - peaks[OURS, lengths[0]]) / state / steps
    report.expect(row, "ours: states kept per further step", growth, most=0.05)


def do(job: Job, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Do a job in a new process."""
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory_job", job.to_json()],
        env=os.environ | (environment or {}),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return json.loads(output.splitlines()[-1])


def note_result(report: Report, row: Row, name: str, result: dict[str, Any]) -> None:
    """Write what a job took into a row."""
    if result["out_of_memory"]:
        report.note(row, name, "out of memory")
        return
    report.note(row, f"{name} [MB]", result["bytes"] / MEGABYTE)
    report.note(row, f"{name} [s]", result["seconds"])


def _size(job: Job) -> str:
    return f"ch {job.channels}, {job.side}x{job.side} sites, batch {job.batch}"


if __name__ == "__main__":
    main("memory", run)
