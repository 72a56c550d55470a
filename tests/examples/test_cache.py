"""The cache of built arrays: damage, concurrency, failure."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from examples.object_discovery.data import load
from examples.object_discovery.data.cache import load_or_build


def test_two_builders_at_once_are_harmless(tmp_path: Path) -> None:
    path, barrier, results = tmp_path / "array.npy", threading.Barrier(2), []

    def build() -> np.ndarray:
        barrier.wait(timeout=20)
        return np.arange(60, dtype=np.uint8).reshape(3, 20)

    def work() -> None:
        results.append(load_or_build(path, build, shape=(3, 20)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.sum() for result in results] == [1770, 1770]
    assert [file.name for file in tmp_path.iterdir()] == ["array.npy"]


def test_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        load_or_build(tmp_path / "a.npy", lambda: np.zeros(3, np.uint8), shape=(3,))
    with pytest.raises(ValueError, match=r"must give uint8 of shape \(4,\)"):
        load_or_build(tmp_path / "a.npy", lambda: np.zeros(3, np.uint8), shape=(4,))
    assert not list(tmp_path.iterdir())


def test_writing_to_the_map_spares_the_file(tmp_path: Path) -> None:
    data = load("tetrominoes", "test", root=tmp_path, count=5, seed=0)
    data.images.zero_()
    assert load("tetrominoes", "test", root=tmp_path, count=5, seed=0).images.any()


@pytest.mark.parametrize("damage", ["empty", "header", "cut", "text", "other shape", "other type"])
def test_damaged_cache_is_rebuilt(damage: str, tmp_path: Path) -> None:
    before = load("tetrominoes", "test", root=tmp_path, count=5, seed=0).images.clone()
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    if damage.startswith("other"):
        shape = (5, 4, 32, 32) if damage == "other type" else (4, 5, 32, 32)
        with path.open("wb") as file:
            np.save(file, np.zeros(shape, np.int8 if damage == "other type" else np.uint8))
    else:
        kept = {"empty": b"", "header": content[:50], "cut": content[:-1], "text": b"hello" * 99}
        path.write_bytes(kept[damage])
    with pytest.warns(UserWarning, match="is not the expected cache"):
        after = load("tetrominoes", "test", root=tmp_path, count=5, seed=0)
    torch.testing.assert_close(after.images, before)
    assert path.read_bytes() == content
