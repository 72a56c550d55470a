"""Average linkage where Numba is broken, memory is short, or the device has no float64."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from kuramoto_nn.clustering import _linkage as linkage_module
from kuramoto_nn.clustering import average_linkage, kmeans, pca
from kuramoto_nn.metrics import (
    ForegroundARI,
    MeanBestOverlap,
    contingency_table,
    foreground_ari,
    mean_best_overlap,
)

FEATURES = torch.randn(16, 300, 8, generator=torch.Generator().manual_seed(0))

NO_PLACE = """
from numba.core.caching import CacheImpl
for cache in CacheImpl.__subclasses__():
    cache._locator_classes = []
"""
FULL_DISK = """
import numba.core.caching as caching
def save(*args):
    raise OSError(28, "No space left on device")
caching.IndexDataCacheFile.save = save
caching.IndexDataCacheFile.load = lambda *args: None
"""
CLUSTER = """
import torch, warnings
from kuramoto_nn.clustering import average_linkage
line = torch.tensor([[[0.0], [9.0], [1.0]]])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        assert average_linkage(line, 2).tolist() == [[0, 1, 0]]
print(*(warning.message for warning in caught), sep="\\n")
"""


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        ("", "ImportError: Numba needs NumPy 2.2 or less."),
        (NO_PLACE, "RuntimeError: cannot cache function"),
        (FULL_DISK, "OSError: [Errno 28] No space left on device"),
    ],
    ids=["stub", "no place", "full disk"],
)
def test_a_numba_that_does_not_work_is_told_once_and_torch_computes(breaks, reason, tmp_path):
    pytest.importorskip("numba")
    environment = os.environ.copy()
    if not breaks:
        (tmp_path / "numba").mkdir()
        message = "Numba needs NumPy 2.2 or less. Got NumPy 2.4."
        (tmp_path / "numba" / "__init__.py").write_text(f"raise ImportError({message!r})")
    source = Path(linkage_module.__file__).parents[2]
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{source}"
    ran = subprocess.run(
        [sys.executable, "-c", breaks + CLUSTER], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    start = "average linkage runs in torch, several times slower, as Numba does not work here: "
    assert ran.stdout.startswith(start + reason) and ran.stdout.count("\n") == 1, ran.stdout


@pytest.mark.parametrize(("fitting", "held"), [(100, 64), (3, 3), (1, 1), (0.5, 0.5)])
def test_memory_is_bounded_by_the_machine_and_not_by_the_threads(fitting, held, monkeypatch):
    """64 images on 64 threads, where memory has room for 200, 6, 2, 1 of their matrices."""
    if linkage_module.load_chain() is None:
        pytest.skip("Numba is not installed")
    features = FEATURES.repeat(4, 1, 1)
    expected = average_linkage(features, 5)
    matrix = 8 * 300**2
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(linkage_module, "ALWAYS_FREE", 0)
    monkeypatch.setattr(linkage_module, "available_memory", lambda: int(2 * matrix * fitting) + 16)
    tracemalloc.start()
    try:
        labels = average_linkage(features, 5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert torch.equal(labels, expected)
    assert peak < (1.1 * held + 1.5) * matrix


@pytest.mark.parametrize("copies", [1, 4])
@pytest.mark.parametrize("memory", [0, 2**20, 2**30, 2**34, 2**40])
def test_the_plan_takes_half_of_the_memory_at_most(memory, copies):
    for num_points in (2, 300, 4096, 16384, 10**5):
        most_points, most_matrices = linkage_module.fitting(num_points, memory, copies)
        assert 1 <= most_points <= linkage_module.MOST_POINTS
        assert copies * 8 * most_points**2 <= max(memory / 2, 8 * copies)
        if num_points <= most_points:  # else strips; a batch of 64 on 64 threads
            assert 8 * min(64, most_matrices) * num_points**2 <= max(memory / 2, 8)


def test_rounds_begin_in_strips_where_memory_is_short(monkeypatch):
    expected = average_linkage(FEATURES, 5)
    monkeypatch.setattr(linkage_module, "load_chain", lambda: None)
    monkeypatch.setattr(linkage_module, "ALWAYS_FREE", 0)
    monkeypatch.setattr(linkage_module, "available_memory", lambda: 2**17)
    assert torch.equal(average_linkage(FEATURES, 5), expected)
    monkeypatch.setattr(linkage_module, "available_memory", lambda: 0)
    assert torch.equal(average_linkage(FEATURES[:1], 5), expected[:1])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 2**34),
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   2048 kB\n"}, 2**21),
        ({"proc/meminfo": "MemAvailable: 2048 kB\n", "sys/fs/cgroup/memory.max": "max\n"}, 2**21),
        ({"proc/meminfo": "MemAvailable: 9048 kB\n", "sys/fs/cgroup/memory.max": "77\n"}, 77),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": "99\n"}, 99),
    ],
)
def test_memory_is_read_from_the_system_and_its_container(files, expected, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert linkage_module.available_memory(tmp_path) == expected


LABELS = torch.tensor([[[0, 1, 1, 2]]])
NUMBERS = [np.int64, np.uint8, np.array, torch.tensor]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.__name__)
def test_numbers_of_numpy_and_torch_are_numbers(number):
    for compute in (
        lambda two: pca(FEATURES, two),
        lambda two: kmeans(FEATURES, two, generator=torch.Generator().manual_seed(0)),
        lambda two: kmeans(FEATURES[:1, :3], 3, num_iterations=two).sort().values,
        lambda two: average_linkage(FEATURES, two),
        lambda two: contingency_table(LABELS, LABELS, ignore_index=two),
        lambda two: foreground_ari(LABELS, LABELS, ignore_index=two),
        lambda two: mean_best_overlap(LABELS, LABELS, ignore_index=two),
        lambda two: ForegroundARI(ignore_index=two)(LABELS, LABELS),
        lambda two: MeanBestOverlap(ignore_index=two)(LABELS, LABELS),
    ):
        assert torch.equal(compute(number(2)), compute(2))


class NoFloat64(TorchDispatchMode):
    """A device without float64, until something moves to the CPU."""

    moved = False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for value in out if isinstance(out, tuple | list) else [out]:
            if isinstance(value, Tensor) and value.dtype == torch.float64 and not self.moved:
                raise TypeError(f"no float64 on this device ({func})")
        return out


@pytest.mark.parametrize(
    "compute",
    [
        lambda: pca(FEATURES, 3),
        lambda: kmeans(FEATURES, 3, generator=torch.Generator().manual_seed(0)),
        lambda: average_linkage(FEATURES, 3),
        lambda: foreground_ari(LABELS, LABELS),
        lambda: mean_best_overlap(LABELS, LABELS),
        lambda: ForegroundARI()(LABELS, LABELS),
    ],
    ids=["pca", "kmeans", "average_linkage", "foreground_ari", "mean_best_overlap", "metric"],
)
def test_the_cpu_computes_for_a_device_without_float64(compute, monkeypatch):
    expected = compute()
    device = NoFloat64()

    def cpu(tensor: Tensor) -> Tensor:
        device.moved = True
        return tensor

    monkeypatch.setattr(Tensor, "cpu", cpu)
    with device:
        out = compute()
    assert device.moved and torch.equal(out, expected)
