"""Decoding scenes in many processes, in order, with a progress bar.

Whatever a scene is (two files, one record), it becomes one `(4, H, W)` uint8 array of colours and
labels here, or nothing: a scene may not belong to the set, or be damaged.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice, takewhile
from typing import Any, Literal

import numpy as np

from examples.training.progress import Meter

OnBad = Literal["error", "skip"]
CHUNK = 16
"""Scenes of one task: enough that handing it over costs nothing beside decoding it."""
SCENES_PER_WORKER = 1024
"""Below this, a process takes longer to start (two seconds) than to decode."""

Decoder = Callable[[Any], np.ndarray | None]


def decode_scenes(
    scenes: Iterable[Any],
    decode: Decoder,
    *,
    total: int | None,
    title: str,
    bad: OnBad = "error",
    workers: int | None = None,
) -> Iterator[np.ndarray]:
    """Decode scenes in their order.

    Args:
        scenes: What `decode` takes, one after the other; anything that can be pickled.
        decode: A module's function (or a `partial` of one) that makes `(4, H, W)` uint8, or None
            for a scene that is no part of the set, and raises ValueError or OSError for a bad one.
        total: Number of scenes, for the progress bar; None when it is not known.
        title: What the progress bar says.
        bad: "error" stops at a bad scene; "skip" leaves it out and says so at the end.
        workers: Number of processes; None takes one per core.

    Yields:
        `(n, 4, H, W)` arrays of the scenes that are left, n at least 1.

    Raises:
        ValueError: At a bad scene, with its name and what to do.
        OSError: When a worker is killed.
    """
    count = workers or cores()
    if total is not None:
        count = max(1, min(count, total // SCENES_PER_WORKER))
    run = partial(_decode_chunk, decode)
    skipped: list[str] = []
    done, chunks = 0, _chunks(scenes)
    with Meter(title) as meter:
        for results in map(run, chunks) if count == 1 else _map_ordered(run, chunks, count):
            done += len(results)
            meter.show(done, total)
            problems = [result for result in results if isinstance(result, str)]
            if problems and bad == "error":
                # Those before it come first: whoever needs no more never hears of the bad one.
                results = [*takewhile(lambda result: not isinstance(result, str), results)]
            good = [result for result in results if isinstance(result, np.ndarray)]
            if good:
                yield np.stack(good)
            if problems and bad == "error":
                raise ValueError(
                    f"{problems[0]}; get it again, or leave damaged scenes out with bad='skip' "
                    f"(--bad skip)"
                )
            skipped += problems
    if skipped:
        lines = "".join(f"\n  {problem}" for problem in skipped[:20])
        more = f"\n  and {len(skipped) - 20} more" if len(skipped) > 20 else ""
        print(f"{title}: {len(skipped)} damaged scenes left out:{lines}{more}", file=sys.stderr)


def cores() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def take_rows(
    blocks: Iterable[np.ndarray], *, skip: int = 0, count: int | None = None
) -> Iterator[np.ndarray]:
    """Cut rows out of a stream of blocks and read no further than needed.

    Args:
        blocks: Arrays of some rows each.
        skip: Rows to leave out first.
        count: Rows to take; None takes all.

    Yields:
        The rows as blocks.
    """
    position, stop = 0, sys.maxsize if count is None else skip + count
    for block in blocks:
        part = block[max(skip - position, 0) : stop - position]
        if len(part):
            yield part
        position += len(block)
        if position >= stop:
            return


def _chunks(scenes: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(scenes)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _decode_chunk(decode: Decoder, scenes: Sequence[Any]) -> list[np.ndarray | str | None]:
    """Decode some scenes; a bad one becomes the text of its error."""
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
                "a process that decodes scenes was killed (is the memory full?); try again, with "
                "fewer `workers`"
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
