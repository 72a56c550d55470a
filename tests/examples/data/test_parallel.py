"""Decoding in processes: order, errors, interruption, and workers that die or are left alone."""

import os
import signal
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from examples.object_discovery.data import clevrtex
from examples.object_discovery.data.cache import decode_scenes, decode_split
from examples.object_discovery.data.sets import Source
from tests.examples.data.scenes import write_clevrtex
from tests.examples.runs import finish, python, wait_until


def planes(number: int) -> np.ndarray | None:
    """Scenes 3, 13, … are no part of the set; 5, 105, … are damaged."""
    if number % 10 == 3:
        return None
    if number % 100 == 5:
        raise ValueError(f"scene {number} is damaged")
    return np.full((4, 2, 2), number % 256, np.uint8)


def whole(number: int) -> np.ndarray | None:
    return None if number % 3 == 2 else np.full((4, 2, 2), number, np.uint8)


def numbers(blocks: Iterator[np.ndarray]) -> list[int]:
    return np.concatenate([*blocks])[:, 0, 0, 0].tolist()


def source(scenes: Iterable[int], **fields: Any) -> Source:
    defaults: dict = {"decode": planes, "identity": "", "dropped": "with a 3", "workers": 1}
    return Source(scenes=scenes, **{**defaults, **fields})


def test_what_is_left_keeps_its_order(capsys):
    found = decode_split(source(range(300)), None, title="a", skip_damaged=True)
    assert numbers(found) == [n % 256 for n in range(300) if n % 10 != 3 and n % 100 != 5]
    said = capsys.readouterr().err
    assert "a: 3 damaged scenes left out:" in said
    assert "a: 30 scenes with a 3 left out" in said
    assert "scene 105 is damaged" in said
    with pytest.raises(ValueError, match=r"scene 5 is damaged; .*--data\.bad skip"):
        list(decode_split(source(range(300)), None, title="a"))


@given(
    number=st.integers(0, 60),
    skip=st.integers(0, 40),
    count=st.none() | st.integers(1, 40),
    limit=st.none() | st.integers(1, 40),
)
def test_a_split_is_cut_out_of_the_scenes(number, skip, count, limit):
    split = source(range(number), decode=whole, skip=skip, limit=limit)
    expected = [n for n in range(number) if n % 3 != 2][skip:][:limit]
    if len(expected) < (count or 1) or (limit or 99) < (count or 1):
        message = r"a train has \d+ scenes: (got --data\.num-images|too few)"
        with pytest.raises(ValueError, match=message):
            list(decode_split(split, count, title="a train"))
    else:
        assert numbers(decode_split(split, count, title="a train")) == expected[:count]


def test_damaged_scenes_keep_their_place():
    for first in (0, 100):
        part = source(range(first, 200), limit=20)
        found = numbers(decode_split(part, None, title="a", skip_damaged=True))
        kept = [n for n in range(first, 200) if n % 10 != 3][:20]
        assert found == [n for n in kept if n % 100 != 5]


def test_no_more_is_read_than_needed():
    def scenes() -> Iterator[int]:
        yield from range(4)
        raise AssertionError("read too far")

    split = source(scenes(), decode=lambda n: np.full((4, 2, 2), n, np.uint8), dropped="")
    assert numbers(decode_split(split, 4, title="a")) == [0, 1, 2, 3]
    assert numbers(decode_split(source(range(300)), 3, title="a")) == [0, 1, 2]  # 5 is damaged


SCRIPT = """
import multiprocessing, os, signal, sys
from functools import partial
from pathlib import Path
from examples.object_discovery.data import clevrtex
from examples.object_discovery.data.cache import decode_scenes

if __name__ == "__main__":
    folder, task = Path(sys.argv[1]), sys.argv[2]
    scenes, _ = clevrtex.find_scenes(folder / "clevrtex_full", "full")
    decode = partial(clevrtex.decode_scene, size=8)
    def stream():  # without an end, so that the workers always have something to do
        while True:
            yield from scenes
    for number, _ in enumerate(decode_scenes(stream(), decode, workers=2)):
        if number == 30 and task == "forever":
            Path(folder / "running").touch()
        elif number == 30:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parallel")
    write_clevrtex(folder, range(400), width=20)
    (folder / "job.py").write_text(SCRIPT)
    return folder


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


def test_two_processes_give_what_one_gives(job):
    scenes, _ = clevrtex.find_scenes(job / "clevrtex_full", "full")
    decode = partial(clevrtex.decode_scene, size=8)
    state = torch.random.get_rng_state()
    found = [*decode_scenes(scenes, decode, workers=2)]
    np.testing.assert_array_equal(found, [decode(scene) for scene in scenes])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_killed_worker_is_said(job):
    _, errors = finish(python(job / "job.py", job, "killed"), code=1)
    assert "OSError: a process that decodes scenes was killed (is the memory full?)" in errors


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(number, job):
    (job / "running").unlink(missing_ok=True)
    process = python(job / "job.py", job, "forever")
    wait_until((job / "running").exists, 100)
    assert len(alive(process.pid)) >= 3
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    wait_until(lambda: not alive(process.pid))
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
