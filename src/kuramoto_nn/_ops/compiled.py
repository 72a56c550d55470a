"""Numba's settings, and the distances of `distances` once more, for threads that work side by side.

Loops here and in `chain` run over whole slices where they can: with other bounds Numba guards every
index against negative ones, and vectorizes nothing. Numba caches what it compiles and looks for
changes in the file of a function only: touch this one and `chain` when `CLOSE` or `FAR` change.
"""

import numpy as np
from numba import njit

from kuramoto_nn._ops.distances import CLOSE, FAR

BLOCK = 32
"""Rows that are multiplied at once."""

# No NaN and no sign of zero to heed: what a vectorized minimum asks for. Sums keep their order.
compiled = njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})


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
