"""Decoding in processes: order, errors, interruption, and workers that die or are left alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.object_discovery.data import clevrtex, parallel
from examples.object_discovery.data.parallel import decode_scenes, take_rows
from tests.examples.data.scenes import write_clevrtex

ROOT = Path(__file__).parents[3]


def planes(number: int) -> np.ndarray | None:
    """Scenes 3, 13, … are no part of the set; 5, 105, … are damaged."""
    if number % 10 == 3:
        return None
    if number % 100 == 5:
        raise ValueError(f"scene {number} is damaged")
    return np.full((4, 2, 2), number % 256, np.uint8)


def numbers(blocks: Iterator[np.ndarray]) -> list[int]:
    return np.concatenate([*blocks])[:, 0, 0, 0].tolist()


def test_what_is_left_keeps_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    found = decode_scenes(range(300), planes, total=300, title="a", bad="skip", workers=1)
    assert numbers(found) == [n % 256 for n in range(300) if n % 10 != 3 and n % 100 != 5]
    said = capsys.readouterr().err
    assert "a: 3 damaged scenes left out:" in said
    assert "scene 105 is damaged" in said
    with pytest.raises(ValueError, match=r"scene 5 is damaged; .*bad='skip'"):
        list(decode_scenes(range(300), planes, total=300, title="a", workers=1))


@given(
    lengths=st.lists(st.integers(0, 5), max_size=6),
    skip=st.integers(0, 12),
    count=st.none() | st.integers(0, 12),
)
def test_rows_are_cut_out_of_blocks(lengths: list[int], skip: int, count: int | None) -> None:
    rows = np.arange(sum(lengths))
    blocks = np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []
    found = [row for block in take_rows(blocks, skip=skip, count=count) for row in block]
    assert found == rows[skip:][:count].tolist()


def test_no_more_is_read_than_needed() -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.arange(5)
        raise AssertionError("read too far")

    assert len([*take_rows(blocks(), skip=1, count=4)]) == 1


SCRIPT = """
import os, signal, sys, time
from functools import partial
from pathlib import Path
from examples.object_discovery.data import clevrtex
from examples.object_discovery.data.parallel import decode_scenes

if __name__ == "__main__":
    folder, task = Path(sys.argv[1]), sys.argv[2]
    scenes, _ = clevrtex.find_scenes(folder / "clevrtex_full", "full")
    decode = partial(clevrtex.decode_scene, size=8)
    options = dict(total=None, title="a", workers=2)
    def stream():  # without an end, so that the workers always have something to do
        while True:
            yield from scenes
    if task == "forever":
        for number, _ in enumerate(decode_scenes(stream(), decode, **options)):
            if number == 3:
                Path(folder / "running").touch()
    elif task == "killed":
        import multiprocessing
        for number, _ in enumerate(decode_scenes(stream(), decode, **options)):
            if number == 3:
                os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parallel")
    write_clevrtex(folder, range(400), width=20)
    (folder / "job.py").write_text(SCRIPT)
    return folder


def command(job: Path, task: str) -> list[str]:
    return [sys.executable, str(job / "job.py"), str(job), task]


def start(job: Path, task: str) -> subprocess.Popen:
    return subprocess.Popen(
        command(job, task),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def alive(group: int) -> list[str]:
    """The processes of a session that run Python; zombies do not count."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if int(fields[3]) == group and fields[0] != "Z":
            found.append(entry.name)
    return found


def test_two_processes_give_what_one_gives(job: Path) -> None:
    scenes, _ = clevrtex.find_scenes(job / "clevrtex_full", "full")
    decode = partial(clevrtex.decode_scene, size=8)
    found = decode_scenes(scenes, decode, total=None, title="a", workers=2)
    np.testing.assert_array_equal(np.concatenate([*found]), [decode(scene) for scene in scenes])


def test_a_killed_worker_is_said(job: Path) -> None:
    process = start(job, "killed")
    _, errors = process.communicate(timeout=120)
    assert "OSError: a process that decodes scenes was killed (is the memory full?)" in errors


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(number: int, job: Path) -> None:
    (job / "running").unlink(missing_ok=True)
    process = start(job, "forever")
    limit = time.monotonic() + 100
    while not (job / "running").exists():
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.05)
    assert len(alive(process.pid)) >= 3
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    while alive(process.pid):
        assert time.monotonic() < limit
        time.sleep(0.05)
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in errors


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= parallel.cores() <= (os.cpu_count() or 1)
