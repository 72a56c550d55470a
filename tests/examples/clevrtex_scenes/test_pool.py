"""Work in real processes: crashes, errors, stops, and the claims that keep them apart."""

import functools
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from examples.clevrtex_scenes.claims import claimed
from examples.clevrtex_scenes.pool import Outcome, run


def work(folder: Path, item: int) -> float | None:
    tried = folder / str(item)
    first = not tried.exists()
    tried.touch()
    if item == 5 or (item == 3 and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if item == 7:
        raise ValueError("seven")
    if item == 100:
        raise OSError("disk full")
    return None if item == 2 else item / 10


def never() -> bool:
    return False


def test_crashes_cost_only_their_own_item(tmp_path: Path) -> None:
    outcomes = run(functools.partial(work, tmp_path), range(9), processes=2, stopped=never)
    found = sorted(outcomes, key=lambda outcome: outcome.item)
    expected = [Outcome(item, seconds=item / 10) for item in range(9)]
    expected[2] = Outcome(2)
    expected[5] = Outcome(5, error="the process died 2 times")
    expected[7] = Outcome(7, error="ValueError: seven")
    assert found == expected
    assert not multiprocessing.active_children()


def test_a_disk_error_ends_all(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"):
        list(run(functools.partial(work, tmp_path), [100, 1, 4], processes=1, stopped=never))
    assert not multiprocessing.active_children()


def test_stop_finishes_what_has_begun(tmp_path: Path) -> None:
    done: list[Outcome] = []
    items = run(
        functools.partial(work, tmp_path), [0, 1, 4, 6, 8], processes=1, stopped=lambda: bool(done)
    )
    for outcome in items:
        done.append(outcome)
    # The second one was handed over before the first outcome could be seen.
    assert [outcome.item for outcome in done] in ([0], [0, 1])
    assert list(run(functools.partial(work, tmp_path), [], processes=2, stopped=never)) == []


def hold(folder: Path, index: int) -> None:
    with claimed(folder, index) as mine:
        (folder / "holds").write_text(str(mine))
        time.sleep(60)


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    holder = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path, 7))
    holder.start()
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "holds").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.05)
        assert (tmp_path / "holds").read_text() == "True"
        with claimed(tmp_path, 7) as mine:
            assert not mine
        with claimed(tmp_path, 8) as mine:
            assert mine
    finally:
        holder.kill()
        holder.join()
    with claimed(tmp_path, 7) as mine:
        assert mine
