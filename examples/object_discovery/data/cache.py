"""Arrays that are built once and memory-mapped afterwards.

A file appears under its name only when it is complete (temporary file, fsync, rename). Two
processes that build the same array at once therefore both succeed; the later rename wins, and a
reader that has already mapped the earlier file keeps it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from examples.training.files import write_whole


def load_or_build(
    path: Path, build: Callable[[], np.ndarray], *, shape: tuple[int, ...]
) -> np.ndarray:
    """Map the cached uint8 array at `path`, building it first when it is not there.

    Args:
        path: Where the array is or will be; everything that `build` depends on belongs in the name.
        build: Makes the array.
        shape: The shape to expect; a file that holds anything else is rebuilt with a warning.

    Returns:
        The array, mapped copy-on-write: writing to it never reaches the file.

    Raises:
        ValueError: When `build` does not give a uint8 array of this shape.
        OSError: When the folder cannot be written.
    """
    if path.exists():
        try:
            return _read(path, shape)
        except (ValueError, EOFError) as error:
            warnings.warn(f"{path} is not the expected cache ({error}): rebuilt", stacklevel=2)
    array = build()
    if array.dtype != np.uint8 or array.shape != shape:
        raise ValueError(
            f"build must give uint8 of shape {shape}: got {array.dtype} of shape {array.shape}"
        )
    write_whole(path, lambda file: np.save(file, array, allow_pickle=False))
    return _read(path, shape)


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    if path.stat().st_size == 0:
        raise ValueError("the file is empty")
    # Copy-on-write, because torch warns about arrays that cannot be written.
    array = np.lib.format.open_memmap(path, mode="c")
    if array.dtype != np.uint8 or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(f"it holds {array.dtype} {array.shape}, not uint8 {shape}")
    return array
