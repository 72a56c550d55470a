"""Average-linkage clustering of the sites of an image.

The tree of merges comes from `chain` on a CPU with Numba, and from `rounds` elsewhere; for more
sites than a matrix of distances has room for, `condense` merges first. Cutting the tree at K
clusters is the same for all.
"""

import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from math import isqrt
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from kuramoto_nn._checks import with_float64
from kuramoto_nn._ops import rounds
from kuramoto_nn._ops.condense import condense
from kuramoto_nn.clustering._features import as_num_clusters, check_features

CHUNK_DISTANCES = {"cpu": 2**22, "cuda": 2**26}
"""Distances that `rounds` holds at once: many on a GPU (few launches), few on a CPU (its cache)."""
MOST_POINTS = 2**14
"""Clusters whose distances are kept as a matrix, which takes 2 GiB."""
COPIES = 4
"""Matrices of distances that `rounds` holds per image; `chain` holds one."""

ALWAYS_FREE = 2**23
"""Up to so many distances the memory is not checked: 64 MiB, or four times that with `rounds`."""


@torch.no_grad()
def average_linkage(features: Tensor, num_clusters: int) -> Tensor:
    r"""Cluster the sites of every image by exact average linkage (UPGMA).

    Starting from single sites, the two clusters with the least mean Euclidean distance

    $$d(A, B) = \frac{1}{|A||B|} \sum_{a \in A} \sum_{b \in B} |a - b|$$

    merge until K are left. The result is that of SciPy's ``linkage(method="average")`` cut to K
    clusters; where distances tie exactly, any order of merging is right and ours depends on the
    order of the sites only. Distances are float64 on every device. Memory grows with
    $P^2$ up to `MOST_POINTS` sites; beyond, distances are computed several times and kept in
    strips, until there are no more clusters than that; exact ties then also depend on the length of
    a strip, that is on the device. On a CPU, matrices take at most half of the available memory,
    and strips begin earlier where not even one fits. On a device without float64 the CPU computes.

    Args:
        features: One row per site, shape ``(B, P, D)``; float16 to float64.
        num_clusters: K, from 1 to P.

    Returns:
        Labels in ``0..K-1``, numbered by first appearance, shape ``(B, P)``, int64.

    Raises:
        ValueError: If ``features`` is not a finite, non-empty floating-point ``(B, P, D)`` tensor,
            or ``num_clusters`` is not in ``1..P``.

    Reference:
        Sokal and Michener, *A statistical method for evaluating systematic relationships* (1958).

    Examples:
        >>> features = torch.tensor([[[0.0], [9.0], [1.0], [8.0], [20.0]]])
        >>> average_linkage(features, 3)
        tensor([[0, 1, 0, 1, 2]])
    """
    check_features(features)
    num_clusters = as_num_clusters(num_clusters, features.shape[1])
    tree = merge_tree(with_float64(features))
    return cut_tree(*tree, num_clusters).to(features.device)


def merge_tree(features: Tensor) -> tuple[Tensor, Tensor]:
    """Merge all sites ``(B, P, D)`` of every image; parent and height as defined in `rounds`."""
    num_images, num_points, _ = features.shape
    device = features.device.type
    chain = load_chain() if device == "cpu" else None  # Numba's import takes as long as torch's
    most_points, most_matrices = MOST_POINTS, num_images
    wanted = min(num_images, torch.get_num_threads()) * num_points**2
    if device == "cpu" and wanted > ALWAYS_FREE:
        most_points, most_matrices = fitting(num_points, available_memory(), 1 if chain else COPIES)
    if num_points > most_points:
        finish = (chain or rounds).merge_clusters
        trees = [finish(*condense(image.double(), most_points)) for image in features]
    elif chain is not None:
        return chain.merge_tree(features, most_matrices)
    else:
        budget = CHUNK_DISTANCES.get(device, CHUNK_DISTANCES["cpu"])
        chunks = features.split(max(1, budget // num_points**2))
        trees = [rounds.merge_tree(rounds.pairwise_distances(chunk.double())) for chunk in chunks]
    parent, height = (torch.cat(parts) for parts in zip(*trees, strict=True))
    return parent, height


@cache
def load_chain() -> ModuleType | None:
    """The module `chain`; None without the extra `fast`, and with one warning if that is broken."""
    if not all(map(find_spec, ("numba", "scipy", "threadpoolctl"))):
        return None
    try:
        chain = import_module("kuramoto_nn._ops.chain")
        chain.merge_tree(torch.zeros(1, 2, 1), 1)  # compiles, or shows that Numba is broken
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        warnings.warn(
            f"average linkage runs in torch, several times slower, as Numba does not work here: "
            f"{type(error).__name__}: {reason}",
            stacklevel=5,
        )
        return None
    return chain


def fitting(num_points: int, memory: int, copies: int) -> tuple[int, int]:
    """Numbers of clusters and of matrices that fit into half of the memory, in bytes.

    Returns the number of clusters up to which an image's matrix of distances is kept, if there are
    ``copies`` of it, and the number of matrices of P points that are held at once.
    """
    distances = memory // 2 // 8
    most_points = min(MOST_POINTS, isqrt(distances // copies))
    return max(1, most_points), max(1, distances // num_points**2)


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that Linux has available and a container's limit allows; 16 GiB on other systems."""
    bounds = []
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # control groups 2 and 1
        with suppress(OSError, ValueError):  # no such file, or "max"
            bounds.append(int((root / "sys/fs/cgroup" / name).read_text()))
    with suppress(OSError, StopIteration):
        lines = (root / "proc/meminfo").read_text().splitlines()
        available = next(line for line in lines if line.startswith("MemAvailable:"))
        bounds.append(1024 * int(available.split()[1]))
    return min(bounds, default=2**34)


def cut_tree(parent: Tensor, height: Tensor, num_clusters: int) -> Tensor:
    """Undo the K - 1 highest merges of the trees ``(B, P)``; label by first appearance."""
    num_points = parent.shape[1]
    roots = height.sort(dim=1, descending=True, stable=True).indices[:, :num_clusters]
    is_root = torch.zeros_like(parent, dtype=torch.bool).scatter_(1, roots, True)
    own = torch.arange(num_points, device=parent.device)
    root = torch.where(is_root, own, parent)
    for _ in range(num_points.bit_length()):  # every pass doubles the distance jumped
        root = root.gather(1, root)
    return (is_root.cumsum(1) - 1).gather(1, root)
