"""Stop a run when asked to, at a place where nothing is lost."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupt:
    """Whether SIGINT (Ctrl-C) or SIGTERM (a batch scheduler) has come.

    Attributes:
        signal_name: Name of the signal, or None.
    """

    signal_name: str | None = None

    def __bool__(self) -> bool:
        return self.signal_name is not None


@contextmanager
def deferred_interrupts() -> Iterator[Interrupt]:
    """Note interrupts instead of dying of them; a second one is no longer held back.

    Under torchrun it is, though: torchrun passes signals on to processes that the terminal or the
    scheduler has signalled already, and kills those that are not gone after half a minute.

    Yields:
        An object that is true once a signal has come.
    """
    interrupt = Interrupt()
    under_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: object) -> None:
        interrupt.signal_name = signal.Signals(number).name
        if not under_torchrun:
            signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, note)
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
