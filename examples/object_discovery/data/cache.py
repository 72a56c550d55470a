"""Arrays that one process builds while others wait, or take over, and all memory-map afterwards."""

import os
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator, Sized
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from examples.common.files import one_at_a_time, write_whole
from examples.common.progress import Meter
from examples.object_discovery.data.sets import Decoder, Source

CHUNK = 16  # scenes of one task: enough that sending them costs little compared with decoding
SCENES_PER_WORKER = 1024  # below this, a process takes longer to start (two seconds) than to decode

Shape = tuple[int, ...]


class _SourceError(Exception):
    """Wraps an error of the source, so that it is not reported as one of the cache."""


def load_or_build(
    path: Path, blocks: Iterable[np.ndarray], *, row: Shape, count: int | None = None
) -> np.ndarray:
    """Map the cached `(count, *row)` uint8 array at `path`, building it first if it is not there.

    Everything that `blocks`, arrays of some rows each, depends on belongs in the file's name. A
    file that holds anything else is rebuilt with a warning. Writing to the result never reaches the
    file. Raises ValueError if `blocks` gives no rows, or not `count` uint8 rows of this shape.
    """
    if (found := _read(path, row, count)) is not None:
        return found
    try:
        with one_at_a_time(path):
            if _read(path, row, count) is None:  # another process may have built it
                for left in path.parent.iterdir():  # by killed processes
                    if left.name.startswith(f".{path.name}.") and left.suffix != ".lock":
                        left.unlink(missing_ok=True)
                write_whole(path, partial(_write, blocks=_tagged(blocks), row=row, count=count))
    except _SourceError as error:
        raise error.args[0] from None
    except OSError as error:
        raise OSError(f"{error}; name another folder for the caches with --data.cache") from error
    return np.lib.format.open_memmap(path, mode="c")


def _tagged(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    try:
        yield from blocks
    except (OSError, RuntimeError) as error:
        raise _SourceError(error) from error


def _write(file: BinaryIO, blocks: Iterable[np.ndarray], row: Shape, count: int | None) -> None:
    length = 0
    _write_header(file, length, row)
    for block in blocks:
        if block.dtype != np.uint8 or block.shape[1:] != row:
            got = f"{block.dtype} {block.shape[1:]}"
            raise ValueError(f"the cache needs uint8 rows of shape {row}: got {got}")
        length += len(block)
        file.write(np.ascontiguousarray(block).data)
    if length == 0 or count not in (None, length):
        raise ValueError(f"the cache needs {count or 'some'} rows: got {length}")
    file.seek(0)
    _write_header(file, length, row)


def _write_header(file: BinaryIO, length: int, row: Shape) -> None:
    # NumPy leaves room for 21 digits in the first axis, so the header's size is always the same.
    header = {"descr": "|u1", "fortran_order": False, "shape": (length, *row)}
    np.lib.format.write_array_header_1_0(file, header)


def _read(path: Path, row: Shape, count: int | None) -> np.ndarray | None:
    """Map the array at `path`; None, with a warning if there is a file, if it must be built."""
    try:
        # Copy-on-write, because torch warns about arrays that cannot be written.
        array = np.lib.format.open_memmap(path, mode="c")
        if array.dtype != np.uint8 or array.shape[1:] != row or count not in (None, len(array)):
            wanted = (count or "n", *row)
            raise ValueError(f"it holds {array.dtype} {array.shape}, not uint8 {wanted}")
        return array
    except (FileNotFoundError, NotADirectoryError):  # building reports the latter
        return None
    except (ValueError, EOFError) as error:
        warnings.warn(f"{path} is not the expected cache ({error}): rebuilt", stacklevel=3)
        return None


def decode_split(
    source: Source, count: int | None, *, title: str, skip_damaged: bool = False
) -> Iterator[np.ndarray]:
    """Decode the first `count` images of a split, in order, as `(1, planes, H, W)` blocks.

    Damaged scenes keep their place, so that leaving them out shifts no split. Raises ValueError at
    a damaged scene, unless they are skipped, and if there are too few scenes.
    """
    if count is not None and source.limit is not None and count > source.limit:
        raise _too_few(title, source.limit, count)
    wanted = source.limit if count is None else count
    stop = sys.maxsize if wanted is None else source.skip + wanted
    scenes, total = source.scenes, stop
    if isinstance(scenes, Sized):
        total = min(stop, len(scenes))
    if not source.dropped:  # else others must replace them
        scenes = islice(scenes, total)
    shown = None if source.dropped or total == sys.maxsize else total
    position, dropped, damaged = 0, 0, []
    results = decode_scenes(scenes, source.decode, total, workers=source.workers)
    with Meter(title) as meter:
        for done, result in enumerate(results, start=1):
            if done % CHUNK == 0:
                meter.show(done, shown)
            if result is None:
                dropped += 1
                continue
            if isinstance(result, str):
                if not skip_damaged:
                    raise ValueError(
                        f"{result}; get it again, or leave damaged scenes out with --data.bad skip"
                    )
                damaged.append(result)
            elif position >= source.skip:
                yield result[None]
            position += 1
            if position == stop:  # damage in scenes that are not needed does not count
                break
    if dropped:
        print(f"{title}: {dropped} scenes {source.dropped} left out", file=sys.stderr)
    found = max(position - source.skip, 0)
    if found < (count or 1):
        raise _too_few(title, found, count)
    if damaged:
        more = [f"and {len(damaged) - 20} more"] if len(damaged) > 20 else []
        lines = [f"{title}: {len(damaged)} damaged scenes left out:", *damaged[:20], *more]
        print("\n  ".join(lines), file=sys.stderr)


def _too_few(title: str, found: int, count: int | None) -> ValueError:
    option = "--data.num-images" if title.endswith(" train") else "--data.num-test-images"
    got = f"got {option} {count}; lower it, or" if count is not None else "too few;"
    return ValueError(f"{title} has {found} scenes: {got} name another folder with --data.root")


def decode_scenes(
    scenes: Iterable[Any], decode: Decoder, total: int = sys.maxsize, *, workers: int | None = None
) -> Iterator[np.ndarray | str | None]:
    """Decode scenes in order, in `workers` processes, or as many as are useful (up to one a core).

    Yields planes, None for a scene that does not belong to the set, or the message for a damaged
    one. `total` is the number of scenes, if it is known.
    """
    count = max(1, min(workers or cores(), total // SCENES_PER_WORKER))
    remaining = iter(scenes)
    # Processes are spawned instead of forked: threads and CUDA do not survive a fork, and a
    # forked worker would hold the lock on the cache after its parent has died.
    loader = DataLoader(
        _Chunks(decode),
        batch_size=None,
        sampler=iter(lambda: list(islice(remaining, CHUNK)), []),
        num_workers=0 if count == 1 else count,
        multiprocessing_context=None if count == 1 else "spawn",
        collate_fn=list,
        worker_init_fn=_ignore_interrupts,
        generator=torch.Generator(),  # the global one stays unchanged
    )
    try:
        for results in loader:
            yield from results
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):  # an error of `decode`
            raise
        raise OSError(
            "a process that decodes scenes was killed (is the memory full?); try again"
        ) from error


def cores() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Chunks(Dataset):
    """Maps a list of scenes to their results, for a `DataLoader`."""

    def __init__(self, decode: Decoder):
        self.decode = decode

    def __getitem__(self, scenes: list[Any]) -> list[np.ndarray | str | None]:
        results: list[np.ndarray | str | None] = []
        for scene in scenes:
            try:
                results.append(self.decode(scene))
            except (ValueError, OSError) as error:
                results.append(str(error))
        return results


def _ignore_interrupts(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the parent handles Ctrl-C
