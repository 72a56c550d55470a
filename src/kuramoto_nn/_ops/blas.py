"""BLAS on one thread while others share out the work."""

from functools import cache
from threading import Lock
from typing import Any

import scipy.linalg.cython_blas  # noqa: F401  what Numba multiplies with: found only once loaded
from threadpoolctl import ThreadpoolController


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
