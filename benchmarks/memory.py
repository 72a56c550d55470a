"""Peak memory of training and inference as T grows, each in a process of its own.

    python -m benchmarks.memory [--quick] [--device cuda] [--threads 2]

Peaks are what a job takes beyond the same job with one step: resident memory on the CPU, allocated
memory on a GPU. Times are of one run and only good for the ratio of long jobs.
"""

import inspect
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import torch

from benchmarks.memory_job import Job
from benchmarks.report import Report, Row, main
from kuramoto_nn import KuramotoLayer

MEGABYTE = 2**20
NO_OPTION = "not measured: KuramotoLayer has no option `checkpoint_steps` yet"


def run(report: Report) -> None:
    """Measure training with and without step checkpointing, and inference."""
    quick, options = report.options.quick, report.options
    job = Job(
        num_steps=8 if quick else 128,
        train=True,
        device=str(options.device),
        threads=torch.get_num_threads(),
    )
    job = replace(job, channels=32, side=4, batch=2) if quick else job
    compare_training(report, job)
    if not quick:
        train_long(report, replace(job, num_steps=1000, batch=64, limit_gigabytes=8.0))
    compare_inference(report, replace(job, train=False), (8,) if quick else (16, 64, 256))


def compare_training(report: Report, job: Job) -> None:
    """Backpropagate through T steps: the plain layer, ours, and ours with checkpoints."""
    row = Row(f"training at T = {job.num_steps}, {_size(job)}")
    report.add(row)
    note_result(report, row, "baseline", do(replace(job, plain=True)))
    ours = note_result(report, row, "ours", do(job))
    if not has_checkpoints():
        report.note(row, "ours, checkpointed", NO_OPTION)
        return
    saving = note_result(report, row, "ours, checkpointed", do(replace(job, checkpoint=True)))
    memory, seconds = (saving[key] / max(ours[key], 1e-9) for key in ("bytes", "seconds"))
    report.expect(row, "checkpointed: share of the memory", memory, most=0.25)
    report.expect(row, "checkpointed: times the time", seconds, most=1.4)


def train_long(report: Report, job: Job) -> None:
    """Train where plain backpropagation runs out of memory."""
    row = Row(f"training at T = {job.num_steps} in {job.limit_gigabytes:g} GB, {_size(job)}")
    report.add(row)
    note_result(report, row, "ours", do(job))
    if has_checkpoints():
        note_result(report, row, "ours, checkpointed", do(replace(job, checkpoint=True)))
    else:
        report.note(row, "ours, checkpointed", NO_OPTION)


def compare_inference(report: Report, job: Job, lengths: tuple[int, ...]) -> None:
    """Run without gradients for longer and longer."""
    row = Row(f"inference, {_size(job)}")
    report.add(row)
    peaks = []
    for num_steps in lengths:
        for plain in (True, False):
            name = f"{'baseline' if plain else 'ours'}, T = {num_steps}"
            result = do(replace(job, num_steps=num_steps, plain=plain))
            peaks.append(note_result(report, row, name, result)["bytes"])
    state = 4 * job.batch * job.channels * job.side**2
    growth = (peaks[-1] - peaks[1]) / state
    report.expect(row, "ours: growth from first to last, in states", growth, most=2)


def has_checkpoints() -> bool:
    """Whether the layer can recompute its steps in backward."""
    return "checkpoint_steps" in inspect.signature(KuramotoLayer).parameters


def do(job: Job) -> dict[str, Any]:
    """Do a job in a new process."""
    command = [sys.executable, "-m", "benchmarks.memory_job", job.to_json()]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def note_result(report: Report, row: Row, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Write what a job took into a row."""
    if result["out_of_memory"]:
        report.note(row, name, "out of memory")
        return result
    report.note(row, f"{name} [MB]", result["bytes"] / MEGABYTE)
    report.note(row, f"{name} [s]", result["seconds"])
    return result


def _size(job: Job) -> str:
    return f"ch {job.channels}, {job.side}x{job.side} sites, batch {job.batch}"


if __name__ == "__main__":
    main("memory", run)
