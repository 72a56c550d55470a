"""Training runs of the tests: small, in this process or in real ones of their own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import torch

from examples.object_discovery.train import train
from examples.object_discovery.train_options import TrainOptions
from examples.object_discovery.weights import TASK
from examples.training.log import read_jsonl
from examples.training.run_state import CHECKPOINT, read

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "preset": "tetrominoes-attn-tiny",
    "num_images": 64,  # epochs of 8 steps
    "batch_size": 8,
    "compile": "off",
    "device": "cpu",
    "log_every": 1,
}
TRAIN = "examples.object_discovery.train"
EVALUATE = "examples.object_discovery.evaluate"


def torchrun(count: int, *options: str) -> tuple[str, ...]:
    return (
        *("-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(count), *options),
    )


def run(out, data, **options):
    """Train in this process."""
    return train(TrainOptions(**{**SMALL, "out": out, "data": data, **options}))


def start(module, *, launcher=(), shell=(), **options) -> subprocess.Popen:
    """Start a script in processes of their own, in a group of their own."""
    arguments = [*shell, sys.executable, *launcher, "-m", module]
    for name, value in options.items():
        words = value if isinstance(value, list) else [value]
        arguments += [f"--{name.replace('_', '-')}", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start_training(out, data, *, launcher=(), shell=(), **options) -> subprocess.Popen:
    given = {**SMALL, "out": out, "data": data, **options}
    return start(TRAIN, launcher=launcher, shell=shell, **given)


def wait_for_step(out, step: int, process: subprocess.Popen, seconds: float = 120) -> None:
    """Wait until a run has logged a step."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if any(record["step"] >= step for record in read_jsonl(out / "log.jsonl")):
            return
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"no step {step} in {out}: {process.communicate()}")


def finish(process: subprocess.Popen, *, code: int = 0) -> tuple[str, str]:
    """Wait for the end and expect an exit code; returns what was printed."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == code, output + errors
    return output, errors


def saved(out) -> dict:
    return read(out / CHECKPOINT, task=TASK)


def assert_same_run(first, second):
    """Weights, average, moments and losses agree bit for bit."""
    a, b = saved(first), saved(second)
    assert a["step"] == b["step"]
    for part in ("model", "average"):
        for name, value in a[part].items():
            assert torch.equal(value, b[part][name]), (part, name)
    for index, moments in a["optimizer"]["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, b["optimizer"]["state"][index][name]), (index, name)
    losses = [
        [(r["step"], r["loss"]) for r in read_jsonl(f / "log.jsonl")] for f in (first, second)
    ]
    assert losses[0] == losses[1]


def largest_difference(first, second) -> float:
    """Of two runs' weights."""
    a, b = saved(first)["model"], saved(second)["model"]
    return max((a[name] - b[name]).abs().max().item() for name in a)
