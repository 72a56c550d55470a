"""Arrays that are built once, by many processes, and memory-mapped afterwards.

One process builds, all others wait for it; if it dies, one of them takes over. The rows go to a
file of another name, which gets its own when it is complete and on the disk. There is one such name
per array, so whatever a dead process has left is overwritten.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from examples.common.files import one_at_a_time
from examples.common.progress import Meter
from examples.object_discovery.data.sets import Decoder, Source

CHUNK = 16
"""Scenes of one task: enough that handing it over costs nothing beside decoding it."""
SCENES_PER_WORKER = 1024
"""Below this, a process takes longer to start (two seconds) than to decode."""


def load_or_build(
    path: Path, blocks: Iterable[np.ndarray], *, row: tuple[int, ...], count: int | None = None
) -> np.ndarray:
    """Map the cached uint8 array at `path`, building it first if it is not there.

    Args:
        path: Where the array is or will be; everything that `blocks` depends on belongs in the
            name.
        blocks: The rows, in order, as arrays of some rows each; not touched if the array is there.
        row: Shape of one row.
        count: Number of rows; None takes as many as come. A file that holds anything else is
            rebuilt with a warning.

    Returns:
        `(count, *row)`, mapped copy-on-write: writing to it never reaches the file.

    Raises:
        ValueError: If `blocks` gives no rows, or not `count` uint8 rows of this shape.
        OSError: If the folder cannot be written, or the disk is full.
    """
    found = _read_if_good(path, row, count)
    if found is None:
        with ExitStack() as stack:
            with _says_what(path):
                stack.enter_context(one_at_a_time(path))
            found = _read_if_good(path, row, count)  # another process may have built it
            if found is None:
                _build(path, blocks, row, count)
                found = _read(path, row, count)
    return found


def _build(
    path: Path, blocks: Iterable[np.ndarray], row: tuple[int, ...], count: int | None
) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with _says_what(path):
            # A new file, because workers of a dead process may still hold the old one.
            partial.unlink(missing_ok=True)
            file = partial.open("xb")
        with file:
            length = 0
            with _says_what(path):
                _write_header(file, length, row)
            for block in blocks:
                if block.dtype != np.uint8 or block.shape[1:] != row:
                    raise ValueError(
                        f"{path.name} needs uint8 rows of shape {row}: got {block.dtype} "
                        f"{block.shape[1:]}"
                    )
                length += len(block)
                with _says_what(path):
                    file.write(np.ascontiguousarray(block).data)
            if length == 0 or count not in (None, length):
                raise ValueError(f"{path.name} needs {count or 'some'} rows: got {length}")
            with _says_what(path):
                file.seek(0)
                _write_header(file, length, row)
                file.flush()
                os.fsync(file.fileno())
        with _says_what(path):
            os.replace(partial, path)
    finally:
        with _says_what(path):
            partial.unlink(missing_ok=True)


@contextmanager
def _says_what(path: Path) -> Iterator[None]:
    """Name the file that could not be written; a full disk alone would not say it."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"cannot write {path}: {error.strerror or error}; name another folder for the caches "
            f"with --data.cache"
        ) from error


def _write_header(file: BinaryIO, length: int, row: tuple[int, ...]) -> None:
    # NumPy leaves room for 21 digits in the first axis, so the header's size is always the same.
    header = {"descr": "|u1", "fortran_order": False, "shape": (length, *row)}
    np.lib.format.write_array_header_1_0(file, header)


def _read_if_good(path: Path, row: tuple[int, ...], count: int | None) -> np.ndarray | None:
    try:
        return _read(path, row, count)
    except (FileNotFoundError, NotADirectoryError):  # of the latter, building says more
        return None
    except (ValueError, EOFError) as error:
        warnings.warn(f"{path} is not the expected cache ({error}): rebuilt", stacklevel=3)
        return None


def _read(path: Path, row: tuple[int, ...], count: int | None) -> np.ndarray:
    if path.stat().st_size == 0:
        raise ValueError("the file is empty")
    # Copy-on-write, because torch warns about arrays that cannot be written.
    array = np.lib.format.open_memmap(path, mode="c")
    fits = array.shape[1:] == row and count in (None, len(array)) and len(array) > 0
    if array.dtype != np.uint8 or not fits or not array.flags.c_contiguous:
        wanted = (count or "n", *row)
        raise ValueError(f"it holds {array.dtype} {array.shape}, not uint8 {wanted}")
    return array


def decode_split(
    source: Source, count: int | None, *, title: str, skip_damaged: bool = False
) -> Iterator[np.ndarray]:
    """Decode the images of a split, in order.

    Damaged scenes keep their place, so that leaving them out shifts no split.

    Args:
        source: Where they come from.
        count: Number of images, damaged ones included; None takes all.
        title: What the progress bar and the messages call them.
        skip_damaged: Leave damaged scenes out and list them, instead of stopping at the first.

    Yields:
        `(n, planes, H, W)` arrays, n at least 1.

    Raises:
        ValueError: At a damaged scene, with its name and what to do; if there are too few scenes.
        OSError: If a worker is killed.
    """
    if count is not None and source.limit is not None and count > source.limit:
        raise _too_few(title, source.limit, count)
    most = source.limit if count is None else count
    stop = sys.maxsize if most is None else source.skip + most
    scenes, total = source.scenes, len(source.scenes) if isinstance(source.scenes, Sized) else None
    if not source.dropped and most is not None:  # then it is known which scenes are needed
        scenes, total = islice(scenes, stop), min(stop, total or stop)
    position, dropped, damaged = 0, 0, []
    with Meter(title) as meter:
        for done, results in decode_scenes(scenes, source.decode, total, workers=source.workers):
            meter.show(done, total)
            good = []
            for result in results:
                if position == stop or (damaged and not skip_damaged):
                    break  # whoever needs no more never hears of what follows
                if result is None:
                    dropped += 1
                    continue
                if isinstance(result, str):
                    damaged.append(result)
                elif position >= source.skip:
                    good.append(result)
                position += 1
            if good:
                yield np.stack(good)
            if damaged and not skip_damaged:
                raise ValueError(
                    f"{damaged[0]}; get it again, or leave damaged scenes out with --data.bad skip"
                )
            if position == stop:
                break
    found = max(position - source.skip, 0)
    if found < (count or 1):
        raise _too_few(title, found, count)
    if dropped:
        print(f"{title}: {dropped} scenes {source.dropped} left out", file=sys.stderr)
    if damaged:
        lines = "".join(f"\n  {problem}" for problem in damaged[:20])
        more = f"\n  and {len(damaged) - 20} more" if len(damaged) > 20 else ""
        print(f"{title}: {len(damaged)} damaged scenes left out:{lines}{more}", file=sys.stderr)


def _too_few(title: str, found: int, count: int | None) -> ValueError:
    option = "--data.num-images" if title.endswith(" train") else "--data.num-test-images"
    got = f"got {option} {count}; lower it, or" if count is not None else "too few;"
    return ValueError(f"{title} has {found} scenes: {got} name another folder with --data.root")


def decode_scenes(
    scenes: Iterable[Any], decode: Decoder, total: int | None = None, *, workers: int | None = None
) -> Iterator[tuple[int, list[np.ndarray | str | None]]]:
    """Decode scenes in many processes, in order.

    Args:
        scenes: What `decode` takes; anything that can be pickled.
        decode: As `Source` describes it.
        total: Number of scenes, as far as it is known.
        workers: Number of processes; None takes as many as pay, one per core at most.

    Yields:
        Number of scenes so far, and the results of some: planes, None for a scene that is no part
        of the set, the message for a damaged one.
    """
    count = workers or cores()
    if total is not None:
        count = max(1, min(count, total // SCENES_PER_WORKER))
    run = partial(_decode_chunk, decode)
    done, chunks = 0, _chunks(scenes)
    for results in map(run, chunks) if count == 1 else _map_ordered(run, chunks, count):
        done += len(results)
        yield done, results


def cores() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunks(scenes: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(scenes)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _decode_chunk(decode: Decoder, scenes: Sequence[Any]) -> list[np.ndarray | str | None]:
    """Decode some scenes; a damaged one becomes the text of its error."""
    results: list[np.ndarray | str | None] = []
    for scene in scenes:
        try:
            results.append(decode(scene))
        except (ValueError, OSError) as error:
            results.append(str(error))
    return results


def _map_ordered(run: Callable[[list[Any]], list], chunks: Iterable[list[Any]], count: int):
    """`map` over processes, reading only a little ahead of what was asked for."""
    # Started afresh instead of forked: threads and CUDA do not survive a fork, and a forked worker
    # would hold the lock on the cache after its parent has died.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker) as pool:
        running: deque[Future] = deque()
        try:
            for chunk in chunks:
                running.append(pool.submit(run, chunk))
                if len(running) >= 3 * count:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as error:
            raise OSError(
                "a process that decodes scenes was killed (is the memory full?); try again"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
