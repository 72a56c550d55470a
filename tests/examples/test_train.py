"""Training runs as users start them: resumed, killed, stopped, shared out, mistyped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from examples.object_discovery.train import TrainOptions, train
from examples.object_discovery.weights import TASK, load_model
from examples.training.lock import exclusive
from examples.training.log import read_jsonl
from examples.training.run_state import CHECKPOINT, read

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"preset": "tetrominoes-demo", "num_images": 64, "batch_size": 8, "compile": "off"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def run(out, data, **options):
    return train(TrainOptions(**{**SMALL, "out": out, "data": data, "log_every": 1, **options}))


def command(out, data, *options, module="examples.object_discovery.train", launcher=()):
    arguments = [
        *(sys.executable, *launcher, "-m", module, "--preset", "tetrominoes-demo"),
        *("--out", str(out), "--data", str(data), "--num-images", "64", "--batch-size", "8"),
        *("--compile", "off", "--device", "cpu", *options),
    ]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_same_run(first, second):
    a, b = read(first / CHECKPOINT, task=TASK), read(second / CHECKPOINT, task=TASK)
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


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted")
    run(out, data, max_steps=12)
    return out


def test_loss_falls(data, tmp_path):
    run(tmp_path, data, batch_size=16, max_steps=60, log_every=10)
    losses = [record["loss"] for record in read_jsonl(tmp_path / "log.jsonl")]
    assert losses[-1] < losses[0] - 0.1, losses


def test_resumed_equals_uninterrupted_bit_for_bit(data, tmp_path, uninterrupted):
    """Step 5 lies inside the first epoch of 8 steps, 12 inside the second."""
    assert run(tmp_path, data, max_steps=5).step == 5
    assert run(tmp_path, data, max_steps=12).step == 12
    assert_same_run(tmp_path, uninterrupted)


def test_a_killed_run_goes_on_from_its_checkpoint(data, tmp_path, uninterrupted):
    process = command(
        tmp_path, data, "--max-steps", "12", "--log-every", "1", "--checkpoint-seconds", "1e-9"
    )
    deadline = time.monotonic() + 120
    while len(read_jsonl(tmp_path / "log.jsonl")) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert 0 < read(tmp_path / CHECKPOINT, task=TASK)["step"]
    run(tmp_path, data, max_steps=12)
    assert_same_run(tmp_path, uninterrupted)


def test_sigterm_saves_and_exits_with_success(data, tmp_path):
    process = command(tmp_path, data, "--epochs", "1000", "--log-every", "1")
    deadline = time.monotonic() + 120
    while not read_jsonl(tmp_path / "log.jsonl") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "SIGTERM" in output
    last = read_jsonl(tmp_path / "log.jsonl")[-1]["step"]
    assert read(tmp_path / CHECKPOINT, task=TASK)["step"] == last


def test_two_gloo_processes_equal_one_with_the_same_global_batch(data, tmp_path, uninterrupted):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    process = command(tmp_path, data, "--max-steps", "12", "--log-every", "1", launcher=launcher)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    two, one = (read_jsonl(folder / "log.jsonl") for folder in (tmp_path, uninterrupted))
    assert [r["step"] for r in two] == [r["step"] for r in one]
    for ours, theirs in zip(two, one, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-4)
    assert two[0]["loss"] == pytest.approx(one[0]["loss"], abs=1e-6)
    weights = [
        read(folder / CHECKPOINT, task=TASK)["model"] for folder in (tmp_path, uninterrupted)
    ]
    for name, value in weights[0].items():
        assert_close(value, weights[1][name], atol=1e-4, rtol=1e-3, msg=name)


def test_time_limit_counts_earlier_sessions(data, tmp_path):
    first = run(tmp_path, data, time_limit=0.5, epochs=1000)
    assert first.step > 0 and first.seconds >= 0.5
    again = run(tmp_path, data, time_limit=0.5, epochs=1000)
    assert again.step == first.step
    longer = run(tmp_path, data, time_limit=first.seconds + 0.3, epochs=1000)
    assert longer.step > first.step and longer.seconds >= first.seconds + 0.3


def test_other_options_do_not_continue_a_run(data, tmp_path, uninterrupted):
    before = (uninterrupted / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match=r"batch_size = 8, this one has 16; choose another --out"):
        run(uninterrupted, data, batch_size=16, max_steps=13)
    assert (uninterrupted / CHECKPOINT).read_bytes() == before


def test_two_runs_do_not_share_a_folder(data, tmp_path):
    with exclusive(tmp_path), pytest.raises(ValueError, match="another run is training in"):
        run(tmp_path, data, max_steps=1)
    assert run(tmp_path, data, max_steps=1).step == 1


def test_a_diverged_run_keeps_its_last_good_checkpoint(data, tmp_path):
    run(tmp_path, data, max_steps=1, learning_rate=1e30)
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match="not finite|loss is"):
        run(tmp_path, data, max_steps=3, learning_rate=1e30)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_trained_models_load_averaged_or_last(uninterrupted):
    averaged, preset = load_model(uninterrupted / CHECKPOINT)
    last, _ = load_model(uninterrupted / CHECKPOINT, averaged=False)
    assert preset == "tetrominoes-demo" and not averaged.training
    saved = read(uninterrupted / CHECKPOINT, task=TASK)
    for model, part in ((averaged, "average"), (last, "model")):
        assert all(torch.equal(v, saved[part][k]) for k, v in model.state_dict().items())
    with pytest.raises(ValueError, match="trained with --preset tetrominoes-demo"):
        load_model(uninterrupted / CHECKPOINT, preset="tetrominoes-attn")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "tetris"], "unknown preset 'tetris'; known are tetrominoes-attn"),
        (["--batch-size", "128"], "a batch needs 128 images: got 64"),
        (["--source", "nowhere.tfrecords"], "nowhere.tfrecords"),
        (["--device", "tpu9"], "unknown device 'tpu9'"),
        (["--batch-size", "1"], "at least 2 images"),
        (["--device", "mps"], "device 'mps' is not supported"),
    ],
)
def test_mistakes_on_the_command_line_are_one_line(data, tmp_path, options, message):
    process = command(tmp_path, data, *options)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert message in errors
    assert "Traceback" not in errors and len(errors.strip().splitlines()) == 1, errors


def test_unknown_options_and_help(data, tmp_path):
    process = command(tmp_path, data, "--lerning-rate", "1")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "--lerning-rate" in errors and "Traceback" not in errors
    for option, value in (("--batch-size", "0"), ("--time-limit", "nan"), ("--seed", "-1")):
        process = command(tmp_path, data, option, value)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 2
        assert option in errors and value in errors and "Traceback" not in errors
    process = command(tmp_path, data, "--help")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "--time-limit" in output
