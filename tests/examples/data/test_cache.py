"""The cache of built arrays: damage, two builders at once, a builder that dies, failures."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from examples.object_discovery.data.cache import load_or_build
from tests.examples.data.scenes import read
from tests.examples.runs import largest_file, python, wait_until

BUILDER = """
import sys, time
from pathlib import Path
import numpy as np
from examples.object_discovery.data.cache import load_or_build

folder, who = Path(sys.argv[1]), sys.argv[2]

def blocks():
    (folder / f"built-by-{who}").touch()
    for start in range(0, 60, 20):
        yield np.arange(start, start + 20, dtype=np.uint8).reshape(1, 20)
        (folder / f"half-by-{who}").touch()
        for _ in range(6000):  # a minute, should the test be gone
            if (folder / f"{who}-may-go-on").exists():
                break
            time.sleep(0.01)

print(load_or_build(folder / "cache" / "a.npy", blocks(), row=(20,), count=3).sum())
"""


def start_second(folder: Path) -> subprocess.Popen:
    return python("-c", BUILDER, folder, "second")


def start_first(folder: Path) -> subprocess.Popen:
    """Start a builder and wait until it has built a part."""
    process = python("-c", BUILDER, folder, "first")
    wait_until((folder / "half-by-first").exists)
    return process


def ones(count: int) -> Iterator[np.ndarray]:
    yield np.ones((count, 3), np.uint8)


def test_of_two_processes_one_builds_and_the_other_waits(tmp_path):
    first, second = start_first(tmp_path), start_second(tmp_path)
    assert "another process is making" in second.stderr.readline()
    (tmp_path / "first-may-go-on").touch()
    for process in (first, second):
        out, errors = process.communicate(timeout=60)
        assert out == "1770\n", errors
    assert not (tmp_path / "built-by-second").exists()
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["a.npy"]


def test_a_killed_builder_is_followed_by_one_who_waits(tmp_path):
    (tmp_path / "second-may-go-on").touch()
    first, second = start_first(tmp_path), start_second(tmp_path)
    assert "waiting" in second.stderr.readline()
    assert len([*(tmp_path / "cache").glob(".a.npy.*")]) == 2  # lock and half of the array
    first.send_signal(signal.SIGKILL)
    out, errors = second.communicate(timeout=60)
    first.communicate()
    assert out == "1770\n", errors
    assert (tmp_path / "built-by-second").exists()
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["a.npy"]


def test_what_a_killed_builder_left_is_removed(tmp_path):
    process = start_first(tmp_path)
    process.kill()
    process.communicate()
    lock, half = sorted((tmp_path / "cache").iterdir(), key=lambda file: file.suffix != ".lock")
    assert lock.name == ".a.npy.lock" and half.name.startswith(".a.npy.")
    path = tmp_path / "cache" / "a.npy"
    assert load_or_build(path, ones(2), row=(3,)).sum() == 6
    assert os.listdir(path.parent) == ["a.npy"]


def test_failed_build_leaves_nothing(tmp_path):
    path = tmp_path / "a.npy"
    with pytest.raises(ValueError, match="needs 4 rows: got 2"):
        load_or_build(path, ones(2), row=(3,), count=4)
    with pytest.raises(ValueError, match="needs some rows: got 0"):
        load_or_build(path, ones(0), row=(3,))
    with pytest.raises(ValueError, match=r"uint8 rows of shape \(4,\): got uint8 \(3,\)"):
        load_or_build(path, ones(2), row=(4,))
    message = r"cannot write .*a\.npy: .*File too large.*--data\.cache"
    with largest_file(100_000), pytest.raises(OSError, match=message):  # as on a full disk
        load_or_build(path, ones(100_000), row=(3,))
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_source_is_passed_on(tmp_path):
    def blocks() -> Iterator[np.ndarray]:
        yield from ones(1)
        raise OSError(5, "Input/output error", "picture.png")

    with pytest.raises(OSError, match=r"Input/output error: 'picture\.png'"):
        load_or_build(tmp_path / "a.npy", blocks(), row=(3,))


@pytest.mark.parametrize("lengths", [[5], [1, 9], [0, 3, 0, 4], [1000, 1]])
def test_blocks_of_any_length_become_one_array(lengths, tmp_path):
    rows = np.random.default_rng(0).integers(256, size=(sum(lengths), 2, 3), dtype=np.uint8)
    blocks = np.split(rows, np.cumsum(lengths)[:-1])
    for count in (None, len(rows)):
        found = load_or_build(tmp_path / "a.npy", blocks, row=(2, 3), count=count)
        np.testing.assert_array_equal(found, rows)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)


def test_a_cache_is_read_where_nothing_can_be_written(tmp_path):
    load_or_build(tmp_path / "a.npy", ones(2), row=(3,))
    (tmp_path / "a.npy").chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        before = os.listdir(tmp_path)
        assert load_or_build(tmp_path / "a.npy", ones(0), row=(3,)).sum() == 6
        assert os.listdir(tmp_path) == before
    finally:
        tmp_path.chmod(0o755)


def test_writing_to_the_map_spares_the_file(tmp_path):
    data = read("tetrominoes", "test", tmp_path, 5)
    data.images.zero_()
    assert read("tetrominoes", "test", tmp_path, 5).images.any()


@pytest.mark.parametrize("damage", ["empty", "header", "cut", "text", "other shape", "other type"])
def test_damaged_cache_is_rebuilt(damage, tmp_path):
    before = read("tetrominoes", "test", tmp_path, 5).images.clone()
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    if damage.startswith("other"):
        shape = (5, 4, 32, 32) if damage == "other type" else (4, 4, 32, 32)
        with path.open("wb") as file:
            np.save(file, np.zeros(shape, np.int8 if damage == "other type" else np.uint8))
    else:
        kept = {"empty": b"", "header": content[:50], "cut": content[:-1], "text": b"hello" * 99}
        path.write_bytes(kept[damage])
    with pytest.warns(UserWarning, match="is not the expected cache"):
        after = read("tetrominoes", "test", tmp_path, 5)
    torch.testing.assert_close(after.images, before)
    assert path.read_bytes() == content


def test_a_read_only_root_names_the_option_for_caches():
    with tempfile.TemporaryDirectory() as name:  # unlike tmp_path, others may enter it
        folder = Path(name)
        folder.chmod(0o755)
        for part, mode in (("root", 0o555), ("cache", 0o777)):
            (folder / part).mkdir()
            (folder / part).chmod(mode)
        user = os.geteuid()
        os.seteuid(user or 65534)  # root may write anywhere
        try:
            with pytest.raises(OSError, match=r"cannot write .*/root.* with --data\.cache"):
                read("tetrominoes", "test", folder / "root", 5)
            assert len(read("tetrominoes", "test", folder / "root", 5, cache=folder / "cache")) == 5
        finally:
            os.seteuid(user)
        assert len(os.listdir(folder / "cache")) == 1
        assert not os.listdir(folder / "root")


def test_where_no_cache_can_be_written_the_option_is_named(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(OSError, match=r"cannot write into .*taken: .* with --data\.cache"):
        read("tetrominoes", "test", tmp_path, 5, cache=tmp_path / "taken")
    assert len(read("tetrominoes", "test", tmp_path / "gone", 5, cache=tmp_path / "new")) == 5
