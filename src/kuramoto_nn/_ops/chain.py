"""Average linkage along chains of nearest neighbours, compiled by Numba, for CPUs.

Start at any cluster and step to its nearest neighbour, then to the nearest neighbour of that, and
so on. The distances of these steps decrease, so that the chain ends in two clusters that are each
other's nearest. They merge, and the walk resumes at the cluster before them in the chain, whose
nearest neighbours are unchanged: average linkage is reducible, see `rounds`, which merges the same
pairs many at a time and defines the tree. P points take about 3 P searches of a row.

Every cluster keeps the slot (row and column of the matrix) of one of its parts. The matrix is
symmetric to the last bit, else chains could run in circles. Slots out of use have a penalty of
`FAR`, which is added to the distances of a row before its minimum is searched.

Loops run over whole slices where they can: with other bounds Numba guards every index against
negative ones, and vectorizes nothing. Numba caches the compiled code and looks for changes in the
file of a function only: touch this file when `CLOSE` or `FAR` change.

Reference: Müllner, *Modern hierarchical, agglomerative clustering algorithms* (2011), section 3.1;
Benzécri, *Construction d'une classification ascendante hiérarchique* (1982).
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  Numba's matrix products find it only once loaded
import torch
from numba import njit
from threadpoolctl import ThreadpoolController
from torch import Tensor

from kuramoto_nn._ops.rounds import CLOSE, FAR, Clusters

STRIP = 256
"""Rows of distances that a thread computes at once, where threads share an image."""
SEARCHED = 32
"""Entries of a row that are searched at once."""
COMPACT_BELOW = 0.7
"""The matrix is packed once at most this share of its slots is in use."""
BLOCK = 32
"""Rows that are multiplied at once."""

# A minimum is vectorized only if it may ignore NaNs and the sign of zero. Sums keep their order.
compiled = njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})

_one_caller = Lock()  # the number of BLAS threads belongs to the process


def merge_tree(points: Tensor, most_matrices: int) -> tuple[Tensor, Tensor]:
    """Merge all points ``(B, P, D)`` on the CPU, on as many threads as torch uses.

    Threads take whole images, or share the distances of one where there are more threads than
    images. At most ``most_matrices`` of P^2 distances are held at once. BLAS is held to one thread
    meanwhile; a second caller waits. Returns parent and height ``(B, P)`` as defined in `rounds`.
    """
    num_images, num_points, _ = points.shape
    parent = np.zeros((num_images, num_points), np.int64)
    height = np.full((num_images, num_points), np.inf)
    num_threads = torch.get_num_threads()
    num_matrices = min(num_threads, most_matrices) if num_images >= num_threads else 1
    # NumPy asks for huge pages, which avoids most of the cost of new memory. An odd row length
    # spreads the entries of a column over the cache.
    matrices = np.empty((num_matrices, num_points, num_points | 1))
    if points.dtype == torch.bfloat16:  # which NumPy does not have
        points = points.float()
    images = points.detach().numpy()

    def merge_image(i: int, matrix: np.ndarray, run: Callable[..., Iterable]) -> None:
        image = np.ascontiguousarray(images[i], dtype=np.float64)
        centred, square = _centred(image)

        def fill_strip(start: int) -> None:
            stop = min(start + STRIP, num_points)
            fill_distances(image, centred, square, matrix, start, stop)

        list(run(fill_strip, range(0, num_points, STRIP)))
        singles = np.ones(num_points), np.arange(num_points), np.full(num_points, -1.0)
        _follow_chain(matrix, *singles, parent[i], height[i])

    def merge_images(thread: int) -> None:
        for i in range(thread, num_images, num_matrices):
            merge_image(i, matrices[thread], map)

    with _one_caller, _blas().limit(limits=1), ThreadPoolExecutor(num_threads) as threads:
        if num_matrices > 1:
            list(threads.map(merge_images, range(num_matrices)))
        else:
            for i in range(num_images):
                merge_image(i, matrices[0], threads.map)
    return torch.from_numpy(parent), torch.from_numpy(height)


def merge_clusters(clusters: Clusters, parent: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """Merge the clusters of one image, and complete the tree ``(1, P)``; all are overwritten."""
    _follow_chain(*(values[0].numpy() for values in (*clusters, parent, height)))
    return parent, height


@cache  # finding the libraries takes milliseconds
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


@compiled
def _centred(points):
    """Points (P, D) around their mean, and their squared norms (P,)."""
    mean = np.zeros(points.shape[1])
    for point in points:
        mean += point
    mean /= len(points)
    centred, square = np.empty_like(points), np.empty(len(points))
    for i in range(len(points)):
        np.subtract(points[i], mean, centred[i])
        square[i] = np.dot(centred[i], centred[i])
    return centred, square


@compiled
def fill_distances(points, centred, square, matrix, start, stop):
    """Fill the rows ``start`` to ``stop`` of the matrix right of the diagonal, and mirror them.

    Takes the points (P, D), float64, and the results of `_centred` for them. Many threads may fill
    the strips of one image. The diagonal becomes `FAR`.
    """
    num_points = len(points)
    products = np.empty(BLOCK * num_points)
    for first in range(start, stop, BLOCK):
        block = centred[first : min(first + BLOCK, stop)]
        length = num_points - first
        product = products[: len(block) * length].reshape(len(block), length)
        np.dot(block, centred[first:].T, product)
        for i in range(len(block)):
            own = first + i
            row, others = product[i, i + 1 :], square[own + 1 :]
            least = np.inf  # below 0 if any distance of the row lost digits
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


@compiled
def _follow_chain(matrix, size, first, level, parent, height):
    """Merge all clusters of one image; the arguments are those of `Clusters` and the tree."""
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
        # Of equal distances the one to the previous cluster wins; else the walk might never end.
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
    # At most 1/2, so that the rounded average lies between the distances, and is equal if they are.
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
