"""Training runs of the tests, small, in this process or in real ones; limits of the system."""

import os
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import torch

from examples.common.progress import read_jsonl
from examples.common.run import CHECKPOINT, Run, read_checkpoint
from examples.object_discovery.train import options_for, train

ROOT = Path(__file__).resolve().parents[2]
RECIPE = "tetrominoes-attn-tiny"
SMALL = {
    "model": {"channels": 16, "num_heads": 2, "num_steps": 2},
    "data": {"num_images": 64},
    # Epochs of 8 steps; without a cooldown a run does not depend on its end.
    "training": {"batch_size": 8, "cooldown": 0.0, "muon_learning_rate": None},
    "compile": "off",
    "device": "cpu",
    "log_every": 1,
}
TRAIN = "examples.object_discovery.train"
EVALUATE = "examples.object_discovery.evaluate"


def torchrun(count: int, *options: str) -> tuple[str, ...]:
    words = f"-m torch.distributed.run --standalone --nproc-per-node {count}"
    return (*words.split(), *options)


def fields(out, root, **changes) -> dict:
    """Fields of a small run; given fields of `model`, `data` and `training` are added."""
    merged = {**SMALL, **changes, "out": out}
    for part in ("model", "data", "training"):
        merged[part] = {**SMALL[part], **changes.get(part, {})}
    merged["data"].setdefault("root", root)
    return merged


def run(out, root, *, recipe=RECIPE, **changes) -> Run:
    """Train in this process."""
    return train(options_for(recipe, **fields(out, root, **changes)))


def python(*words, shell=(), **options) -> subprocess.Popen:
    """Start Python in processes of their own, in a group of their own."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    given = {**pipes, "cwd": ROOT, "env": environment, "start_new_session": True, **options}
    return subprocess.Popen([*shell, sys.executable, *map(str, words)], text=True, **given)


def start(module, *words, launcher=(), **options) -> subprocess.Popen:
    """Start a script."""
    return python(*launcher, "-m", module, *words, **options)


def start_training(
    out, root, *, recipe=RECIPE, launcher=(), shell=(), **changes
) -> subprocess.Popen:
    """Start the same run from the command line."""
    words = [recipe]
    for name, value in fields(out, root, **changes).items():
        options = {f"{name}.{n}": v for n, v in value.items()} if isinstance(value, dict) else None
        for option, setting in (options or {name: value}).items():
            words += [f"--{option.replace('_', '-')}", setting]
    return start(TRAIN, *words, launcher=launcher, shell=shell)


def wait_until(ready, seconds: float = 60) -> None:
    """Wait until a function returns something true."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def wait_for_step(out, step: int, process: subprocess.Popen, seconds: float = 120) -> None:
    """Wait until a run has logged a step."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if any(record["step"] >= step for record in read_jsonl(out / "log.jsonl")):
            return
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"no step {step} in {out}: {process.communicate()}")


def finish(process: subprocess.Popen, text=None, *, code: int = 0) -> tuple[str, str]:
    """Send a text, wait for the end and expect an exit code; returns what was printed."""
    output, errors = process.communicate(text, timeout=180)
    assert process.returncode == code, output + errors
    return output, errors


def only_line(errors: str) -> str:
    """The one line that a process printed, besides the note that images are drawn."""
    (line,) = (line for line in errors.strip().splitlines() if "drawn with seed" not in line)
    return line


@contextmanager
def largest_file(size: int):
    """The system refuses to write a file beyond a size, as it does on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def umask(mask: int):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def saved(out) -> dict:
    return read_checkpoint(out / CHECKPOINT)


def assert_same_run(first, second):
    """Weights, average, moments and losses agree bit for bit."""
    a, b = saved(first), saved(second)
    assert a["step"] == b["step"]
    for part in ("model", "average"):
        for name, value in a[part].items():
            assert torch.equal(value, b[part][name]), (part, name)
    torch.testing.assert_close(a["optimizer"], b["optimizer"], rtol=0, atol=0)
    losses = [
        [(r["step"], r["loss"]) for r in read_jsonl(f / "log.jsonl")] for f in (first, second)
    ]
    assert losses[0] == losses[1]


def largest_difference(first, second) -> float:
    """Of two runs' weights."""
    a, b = saved(first)["model"], saved(second)["model"]
    return max((a[name] - b[name]).abs().max().item() for name in a)
