"""Agglomeration along chains of nearest neighbours, compiled by Numba, for the CPU.

Start anywhere and go from every cluster to its nearest. Distances fall along the way, so it ends
in two clusters that are each other's nearest; they merge, and the walk continues before them.
Average linkage is reducible, which makes this the tree that merging the closest pair at a time
would give (see `rounds`, which finds the same pairs many at a time). It takes 3 P searches of a
row.

Loops run over whole slices where they can: with other bounds Numba guards every index against
negative ones, and vectorizes nothing. Numba caches what it compiles and looks for changes in the
file of a function only: touch this file when `CLOSE` or `FAR` change.

Reference: Müllner, *Modern hierarchical, agglomerative clustering algorithms* (2011), section 3.1;
Benzécri, *Construction d'une classification ascendante hiérarchique* (1982).
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  Numba's matrix products find it only once loaded
import torch
from numba import njit
from threadpoolctl import ThreadpoolController
from torch import Tensor

from kuramoto_nn._ops.condense import Condensed
from kuramoto_nn._ops.distances import CLOSE, FAR

STRIP = 256
"""Rows of distances that a thread computes at once, where threads share an image."""
SEARCHED = 32
"""Entries of a row that are searched at once."""
COMPACT_BELOW = 0.7
"""The matrix is packed once at most this share of its slots is in use."""
BLOCK = 32
"""Rows that are multiplied at once."""

# No NaN and no sign of zero to heed: what a vectorized minimum asks for. Sums keep their order.
compiled = njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})


def merge_tree(points: Tensor, most_matrices: int) -> tuple[Tensor, Tensor]:
    """Merge all points of every image by average linkage, on as many threads as torch uses.

    Threads take whole images, or share the distances of one where there are more threads than
    images. BLAS is held to one thread meanwhile.

    Args:
        points: Shape ``(B, P, D)``, floating point, on the CPU.
        most_matrices: Matrices of ``P^2`` distances that fit into memory, at least 1.

    Returns:
        ``parent`` and ``height``, as of `rounds.merge_tree`.

    Examples:
        >>> parent, height = merge_tree(torch.tensor([[[0.0], [1.0], [5.0]]]), 1)
        >>> parent.tolist(), height.tolist()
        ([[0, 0, 0]], [[inf, 1.0, 4.5]])
    """
    num_images, num_points, _ = points.shape
    parent = np.zeros((num_images, num_points), np.int64)
    height = np.full((num_images, num_points), np.inf)
    num_threads = torch.get_num_threads()
    num_matrices = min(num_threads, most_matrices) if num_images >= num_threads else 1
    together = num_matrices == 1
    # NumPy asks for huge pages, which spares most of the cost of fresh memory. An odd row length
    # spreads the entries of a column over the cache.
    matrices = np.empty((num_matrices, num_points, num_points | 1))

    if points.dtype == torch.bfloat16:  # which NumPy does not have
        points = points.float()
    images = points.detach().numpy()

    def merge_images(thread: int) -> None:
        matrix = matrices[thread]
        for i in range(thread, num_images, num_matrices):
            image = np.ascontiguousarray(images[i], dtype=np.float64)
            fill_distances(image, *centred(image), matrix, 0, num_points)
            _follow_chain(matrix, *_singles(num_points), parent[i], height[i])

    def share_image(i: int) -> None:
        image = np.ascontiguousarray(images[i], dtype=np.float64)
        moved, square = centred(image)

        def fill_strip(start: int) -> None:
            stop = min(start + STRIP, num_points)
            fill_distances(image, moved, square, matrices[0], start, stop)

        list(threads.map(fill_strip, range(0, num_points, STRIP)))
        _follow_chain(matrices[0], *_singles(num_points), parent[i], height[i])

    with ThreadPoolExecutor(num_threads) as threads, one_blas_thread:
        list(
            map(share_image, range(num_images))
            if together
            else threads.map(merge_images, range(num_matrices))
        )
    return torch.from_numpy(parent), torch.from_numpy(height)


def merge_condensed(clusters: Condensed) -> tuple[Tensor, Tensor]:
    """Merge what is left of one image, and complete its tree.

    Args:
        clusters: What is left; used up.

    Returns:
        ``parent`` and ``height`` as of `merge_tree`, of one image.
    """
    _follow_chain(*(values.numpy() for values in clusters))
    return clusters.parent[None], clusters.height[None]


def _singles(num_points):
    """Sizes, lowest members and heights of clusters of one point."""
    return np.ones(num_points), np.arange(num_points), np.full(num_points, -1.0)


class OneBlasThread:
    """Context that holds BLAS to one thread.

    The setting belongs to the process. With callers on several threads, therefore, the first to
    come saves it and the last to go restores it: one that came second would save the 1.
    """

    def __init__(self):
        self._lock, self._inside, self._limit = Lock(), 0, None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = _libraries().limit(limits=1)
            self._inside += 1

    def __exit__(self, *error: Any) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._limit is not None:
                self._limit.restore_original_limits()


@cache  # looking for libraries takes milliseconds
def _libraries() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


one_blas_thread = OneBlasThread()
"""For all callers."""


# Distances, as in `distances`, for threads that work side by side.


@compiled
def centred(points):
    """Move the origin into the mean of (P, D) points; also return their squared norms, (P,)."""
    centre = np.zeros(points.shape[1])
    for point in points:
        centre += point
    centre /= len(points)
    moved, square = np.empty_like(points), np.empty(len(points))
    for i in range(len(points)):
        np.subtract(points[i], centre, moved[i])
        square[i] = np.dot(moved[i], moved[i])
    return moved, square


@compiled
def fill_distances(points, moved, square, matrix, start, stop):
    """Fill the rows ``start`` to ``stop`` from the diagonal on, and the columns below them.

    Args:
        points: (P, D), float64.
        moved: The same, `centred`.
        square: Its squared norms, (P,).
        matrix: Distances, (P, P) or wider; the diagonal becomes `FAR`.
        start: First row.
        stop: Row after the last.
    """
    num_points = len(points)
    products = np.empty(BLOCK * num_points)
    for first in range(start, stop, BLOCK):
        block = moved[first : min(first + BLOCK, stop)]
        length = num_points - first
        product = products[: len(block) * length].reshape(len(block), length)
        np.dot(block, moved[first:].T, product)
        for i in range(len(block)):
            own = first + i
            row, others = product[i, i + 1 :], square[own + 1 :]
            least = np.inf
            for k in range(len(row)):
                row[k] = np.sqrt(max(square[own] + others[k] - 2.0 * row[k], 0.0))
            for k in range(len(row)):
                least = min(least, row[k] * row[k] - CLOSE * (square[own] + others[k]))
            if least < 0.0:
                for k in range(len(row)):
                    if row[k] * row[k] < CLOSE * (square[own] + others[k]):
                        row[k] = np.sqrt(np.square(points[own] - points[own + 1 + k]).sum())
            matrix[own, own] = FAR
            matrix[own, own + 1 : num_points] = row
        for k in range(1, length):
            above, left = product[:k, k], matrix[first + k, first : first + k]
            for i in range(len(above)):
                left[i] = above[i]


# The walk.


@compiled
def _follow_chain(matrix, size, first, level, parent, height):
    """Merge all clusters; arguments as of `Condensed`. All but the tree is used up."""
    num_left = len(matrix)
    penalty = np.zeros(num_left)  # FAR for slots out of use
    chain = np.zeros(num_left, np.int64)
    length = 0
    while num_left > 1:
        if length == 0:
            chain[0] = np.argmin(penalty)
            length = 1
        tip = chain[length - 1]
        neighbour, gap = _nearest(matrix[tip], penalty)
        # Of equal distances the way back comes first: else the walk would never end.
        if length == 1 or matrix[tip, chain[length - 2]] > gap:
            chain[length] = neighbour
            length += 1
            continue
        length -= 2
        keeps, leaves = min(tip, chain[length]), max(tip, chain[length])
        _average(matrix, size, penalty, keeps, leaves)
        num_left -= 1

        child = max(first[keeps], first[leaves])
        first[keeps] = min(first[keeps], first[leaves])
        level[keeps] = max(gap, np.nextafter(max(level[keeps], level[leaves]), FAR))
        parent[child] = first[keeps]
        height[child] = level[keeps]

        if num_left <= COMPACT_BELOW * len(penalty):
            slots = np.flatnonzero(penalty == 0.0)
            matrix = _packed(matrix, slots)
            chain[:length] = np.searchsorted(slots, chain[:length])
            size, first, level, penalty = size[slots], first[slots], level[slots], penalty[slots]


@compiled
def _nearest(row, penalty):
    """Find the first of the least entries of ``row + penalty``, and its value."""
    gap = np.inf
    found = 0
    for start in range(0, len(penalty), SEARCHED):
        entries, penalties = row[start : start + SEARCHED], penalty[start : start + SEARCHED]
        least = np.inf
        for k in range(len(penalties)):
            least = min(least, entries[k] + penalties[k])
        if least < gap:
            gap, found = least, start
    while row[found] + penalty[found] != gap:
        found += 1
    return found, gap


@compiled
def _average(matrix, size, penalty, keeps, leaves):
    """Replace a cluster by its union with another, whose slot goes out of use."""
    large, small = (keeps, leaves) if size[keeps] >= size[leaves] else (leaves, keeps)
    # At most a half: rounding then leaves the average between its ends, and equal ends as they are.
    weight = size[small] / (size[keeps] + size[leaves])
    size[keeps] += size[leaves]
    penalty[leaves] = FAR
    ours, from_large, from_small = matrix[keeps], matrix[large], matrix[small]
    for k in range(len(penalty)):
        ours[k] = from_large[k] + weight * (from_small[k] - from_large[k])
    ours[keeps] = FAR
    for k in range(len(penalty)):
        if penalty[k] == 0.0:
            matrix[k, keeps] = ours[k]


@compiled
def _packed(matrix, slots):
    """Move the distances between some slots to the front of the same memory."""
    stride, odd = matrix.shape[1], len(slots) | 1
    memory = matrix.reshape(-1)
    for row in range(len(slots)):
        for column in range(len(slots)):
            memory[row * odd + column] = memory[slots[row] * stride + slots[column]]
    return memory[: len(slots) * odd].reshape(len(slots), odd)
