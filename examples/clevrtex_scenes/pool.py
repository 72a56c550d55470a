"""Work spread over processes that may die: one pipe to each, and nothing shared.

A worker that crashes (a renderer can take its whole process down) costs its scene one try and is
replaced. Workers leave when the pipe closes, so none outlives its parent.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

TRIES = 2
"""How often an item is begun before it is given up."""


@dataclass(frozen=True)
class Outcome:
    """What became of one item.

    Args:
        item: Which.
        seconds: How long it took; None if there was nothing to do or it failed.
        error: Why it failed; None if it did not.
    """

    item: int
    seconds: float | None = None
    error: str | None = None


class Worker:
    """A process that works on one item at a time."""

    def __init__(self, work: Callable[[int], float | None]):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(work, theirs), daemon=True)
        self.process.start()
        theirs.close()  # or the end of the process would not be noticed
        self.item: int | None = None

    def begin(self, item: int) -> None:
        """Hand over an item; if the process is dead already, `finish` tells."""
        self.item = item
        try:
            self.pipe.send(item)
        except BrokenPipeError:
            pass

    def finish(self) -> Outcome | None:
        """Wait for the outcome; None if the process died."""
        try:
            outcome = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return None
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    def leave(self) -> None:
        """Let the process end."""
        self.pipe.close()
        self.process.join()


def run(
    work: Callable[[int], float | None],
    items: Iterable[int],
    *,
    processes: int,
    stopped: Callable[[], bool],
) -> Iterator[Outcome]:
    """Work on all items.

    Args:
        work: Picklable; returns seconds, or None if there was nothing to do. An `OSError` ends all.
        items: In the order in which they are begun.
        processes: How many.
        stopped: Once true, what has begun is finished and nothing else begun.

    Yields:
        Outcomes, in the order in which they are finished.

    Raises:
        OSError: If one of the items does.
    """
    left = deque(items)
    crashes = Counter[int]()
    workers: list[Worker] = []
    try:
        for _ in range(min(processes, len(left))):
            workers.append(Worker(work))
            workers[-1].begin(left.popleft())
        while busy := {worker.pipe: worker for worker in workers if worker.item is not None}:
            for pipe in wait(list(busy), timeout=0.5):
                worker = busy[pipe]  # type: ignore[index]
                item, outcome, worker.item = worker.item, worker.finish(), None
                assert item is not None
                if outcome is None:
                    crashes[item] += 1
                    workers[workers.index(worker)] = worker = _replaced(worker, work)
                    if crashes[item] < TRIES:
                        left.appendleft(item)
                    else:
                        yield Outcome(item, error=f"the process died {TRIES} times")
                else:
                    yield outcome
                if left and not stopped():
                    worker.begin(left.popleft())
    except BaseException:
        for worker in workers:
            worker.process.terminate()
        raise
    finally:
        for worker in workers:
            worker.leave()


def _replaced(worker: Worker, work: Callable[[int], float | None]) -> Worker:
    worker.leave()
    return Worker(work)


def _serve(work: Callable[[int], float | None], pipe: Connection) -> None:
    """Main loop of a worker."""
    # Ctrl-C reaches the whole group; the parent decides what that means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        try:
            answer = Outcome(item, seconds=work(item))
        except OSError as error:
            answer = OSError(str(error))
        except Exception as error:  # one bad item must not end the others
            answer = Outcome(item, error=f"{type(error).__name__}: {error}")
        try:
            pipe.send(answer)
        except BrokenPipeError:  # the parent was killed
            return
