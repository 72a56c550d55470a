"""The way of every run through its steps: who trains, how long, what is logged and saved when."""

import math
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from examples.training.distributed import Processes, processes
from examples.training.interrupt import Interrupt, deferred_interrupts
from examples.training.lock import exclusive
from examples.training.log import RunLog
from examples.training.options import RunOptions
from examples.training.pace import Pace
from examples.training.run_state import CHECKPOINT, RunState


def in_processes(options: RunOptions, work: Callable[[Processes, Interrupt], RunState]) -> RunState:
    """Train as one of the processes that torchrun started, or alone, in a folder of our own.

    Args:
        options: Of the run.
        work: Trains; what it wraps in DDP is gone before the processes part.

    Returns:
        The run as it was saved last.

    Raises:
        SystemExit: With code 0, after saving, if a signal came.
    """
    with (
        processes(options.device) as here,
        exclusive(options.out, enabled=here.is_main),
        deferred_interrupts() as interrupt,
    ):
        state = work(here, interrupt)
    if interrupt:
        sys.exit(0)  # the caller must not go on as if the time were over
    return state


def run_steps(
    state: RunState,
    options: RunOptions,
    here: Processes,
    interrupt: Interrupt,
    *,
    num_steps: int,
    step: Callable[[], Tensor],
    record: Callable[[RunLog, list[Tensor], Pace, bool], None],
) -> None:
    """Take steps until they or the time are over, or a signal comes; log and save on the way.

    Args:
        state: The run, where it stands.
        options: How long, and how often to log and to save.
        here: This process.
        interrupt: Whether a signal came.
        num_steps: Steps of the whole run, unless the options stop it earlier.
        step: Takes one step and returns its loss.
        record: Logs the losses since the last record; is also told whether the run is over.
    """
    path = options.out / CHECKPOINT
    pace = Pace(
        step=state.step,
        seconds=state.seconds,
        last_step=min(num_steps, options.max_steps or sys.maxsize),
        time_limit=options.time_limit,
    )
    losses: list[Tensor] = []
    with RunLog(
        options.out, first_step=state.step, title=options.preset, enabled=here.is_main
    ) as log:
        over = here.agree(pace.is_over(state.step) or bool(interrupt))
        while not over:
            losses.append(step())
            state.step += 1
            state.seconds = pace.seconds
            over = here.agree(pace.is_over(state.step) or bool(interrupt))
            if over or state.step % options.log_every == 0:
                record(log, losses, pace, over)
                losses.clear()
            if here.is_main and pace.is_due(options.checkpoint_seconds):
                state.save(path)
        if here.is_main:
            state.save(path)
        log.say(f"{interrupt.signal_name or 'done'}: {state.step} steps are in {path}")


def mean_loss(losses: list[Tensor]) -> Tensor:
    """Mean over the steps since the last record."""
    return torch.stack(losses).mean()


def finite(loss: float, step: int) -> float:
    """The loss, if it is a number.

    Raises:
        ValueError: If it is not.
    """
    if not math.isfinite(loss):
        raise ValueError(
            f"the loss is {loss} at step {step}; lower --learning-rate and start in another --out"
        )
    return loss
