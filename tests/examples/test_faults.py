"""Faults in a long run, with real processes: nothing saved is lost, and the run resumes."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from examples.common.run import CHECKPOINT
from kuramoto_nn import load_model
from tests.examples.data.scenes import write_clevrtex
from tests.examples.runs import (
    assert_same_run,
    finish,
    largest_difference,
    only_line,
    run,
    saved,
    start_training,
    torchrun,
    wait_for_step,
)

STEPS = 20
EVERY_STEP = {"checkpoint_seconds": 1e-9}
DAMAGED = {"recipe": "clevrtex-vit-tiny", "model": {"num_steps": 1}, "data": {"num_images": 8}}
DAMAGED |= {"training": {"batch_size": 2}, "max_steps": 2}
CORRUPT, UNLABELLED = "CLEVRTEX_full_000005.png", "CLEVRTEX_full_000007_flat.png"


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    """Folders of a run of one process and of two, side by side."""
    alone, together = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("together")
    processes = [
        start_training(alone, data, max_steps=STEPS),
        start_training(together, data, launcher=torchrun(2), max_steps=STEPS),
    ]
    for process in processes:
        finish(process)
    return alone, together


@pytest.fixture
def alone(uninterrupted):
    return uninterrupted[0]


@pytest.fixture
def together(uninterrupted):
    return uninterrupted[1]


def workers(process: subprocess.Popen) -> dict[int, int]:
    """Process numbers of torchrun's workers by rank."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ranks = {}
    for pid in map(int, children):
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        ranks |= {int(v[5:]): pid for v in environment if v.startswith(b"RANK=")}
    return ranks


def test_two_gloo_processes_equal_one_with_the_same_global_batch(alone, together):
    assert largest_difference(alone, together) < 1e-6


def test_processes_with_micro_batches_equal_one_without(data, tmp_path):
    """With a cooldown, whose learning rates the processes agree on."""
    exact, cooldown = {"precision": "float64", "max_steps": 10}, {"cooldown": 0.5}
    training = {"micro_batch": 3, **cooldown}
    process = start_training(tmp_path / "2", data, launcher=torchrun(2), training=training, **exact)
    run(tmp_path / "1", data, training=cooldown, **exact)
    finish(process)
    assert largest_difference(tmp_path / "1", tmp_path / "2") < 1e-9


def test_torchrun_restarts_after_a_killed_rank(data, tmp_path, together):
    """The main one, which holds the folder's lock and writes the checkpoints."""
    launcher = torchrun(2, "--max-restarts", "2")
    process = start_training(tmp_path, data, launcher=launcher, max_steps=STEPS, **EVERY_STEP)
    wait_for_step(tmp_path, 5, process)
    os.kill(workers(process)[0], signal.SIGKILL)
    finish(process)
    assert_same_run(tmp_path, together)


def test_a_killed_process_resumes_from_its_checkpoint(data, tmp_path, alone):
    process = start_training(tmp_path, data, max_steps=STEPS, **EVERY_STEP)
    wait_for_step(tmp_path, 5, process)
    process.send_signal(signal.SIGSTOP)  # at any moment, also while it writes
    assert load_model(tmp_path).config.channels == 16
    process.kill()
    process.communicate()
    assert 0 < saved(tmp_path)["step"] < STEPS
    finish(start_training(tmp_path, data, max_steps=STEPS))
    assert_same_run(tmp_path, alone)


def test_sigterm_saves_and_exits_with_success(data, tmp_path, alone):
    process = start_training(tmp_path, data, max_steps=STEPS)
    wait_for_step(tmp_path, 3, process)
    process.send_signal(signal.SIGTERM)
    output, _ = finish(process)
    assert "SIGTERM" in output
    assert 3 <= saved(tmp_path)["step"] < STEPS
    finish(start_training(tmp_path, data, max_steps=STEPS))
    assert_same_run(tmp_path, alone)


def test_sigterm_to_one_rank_stops_all(data, tmp_path):
    process = start_training(tmp_path, data, launcher=torchrun(2), max_steps=STEPS)
    wait_for_step(tmp_path, 3, process)
    os.kill(workers(process)[1], signal.SIGTERM)
    finish(process)
    assert 3 <= saved(tmp_path)["step"] < STEPS


def test_sigterm_to_torchrun_and_its_workers_at_once(data, tmp_path):
    """As a scheduler does; torchrun then signals its workers again and reports the signal."""
    process = start_training(tmp_path, data, launcher=torchrun(2), max_steps=STEPS)
    wait_for_step(tmp_path, 3, process)
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert 3 <= saved(tmp_path)["step"] < STEPS, errors


def test_a_full_disk_stops_with_a_message_and_keeps_the_checkpoint(data, tmp_path, alone):
    """A file system of its own that has room for one checkpoint but not for a second beside it."""
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    finish(start_training(kept, data, max_steps=5))  # with as many threads as `alone`
    size = (kept / CHECKPOINT).stat().st_size // 2 * 3
    script = (
        f'mount -t tmpfs -o size={size} tmpfs {disk} && cp {kept}/*.* {disk} && "$@"; '
        f"code=$?; cp {disk}/*.* {kept}; exit $code"
    )
    unshare = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"]).returncode:
        pytest.skip("no file system can be mounted here")
    shell = (*unshare, "sh", "-c", script, "sh")
    process = start_training(disk, data, shell=shell, max_steps=STEPS, **EVERY_STEP)
    _, errors = finish(process, code=1)
    assert f"cannot write {disk / CHECKPOINT}" in only_line(errors) and "No space left" in errors
    assert saved(kept)["step"] == 5
    finish(start_training(kept, data, max_steps=STEPS))
    assert_same_run(kept, alone)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Ten scenes, eight of them for training; one image is cut short, one mask missing."""
    root = tmp_path_factory.mktemp("scenes")
    folder = write_clevrtex(root, range(10)) / "0"
    (folder / CORRUPT).write_bytes((folder / CORRUPT).read_bytes()[:100])
    (folder / UNLABELLED).unlink()
    return root


def test_a_damaged_scene_stops_the_run_with_its_name(scenes, tmp_path):
    _, errors = finish(start_training(tmp_path, scenes, **DAMAGED), code=1)
    assert "Traceback" not in errors and CORRUPT in errors, errors


def test_damaged_scenes_are_left_out_on_request(scenes, tmp_path):
    skipping = DAMAGED | {"data": {"num_images": 8, "bad": "skip"}}
    _, errors = finish(start_training(tmp_path, scenes, **skipping))
    assert CORRUPT in errors and UNLABELLED in errors and "2 damaged scenes" in errors, errors
    assert saved(tmp_path)["step"] == 2
    assert saved(tmp_path)["identity"]["data"]["count"] == 6
