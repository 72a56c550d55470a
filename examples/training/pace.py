"""The clock of a run: how long it has trained over all sessions, and how much is left."""

import math
import time


class Pace:
    """Seconds and steps of a run that may have been interrupted before.

    Args:
        step: Step that this session starts at.
        seconds: Seconds that earlier sessions trained.
        last_step: Step that the run ends at.
        time_limit: Seconds that it ends after, over all sessions; None for no limit.
    """

    def __init__(self, *, step: int, seconds: float, last_step: int, time_limit: float | None):
        self.first_step, self.first_seconds, self.last_step = step, seconds, last_step
        self.time_limit = math.inf if time_limit is None else time_limit
        self.began = self._last_due = self._last_lap = time.monotonic()
        self._lap_step = step

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all sessions."""
        return self.first_seconds + time.monotonic() - self.began

    def is_over(self, step: int) -> bool:
        """Whether the steps or the time are used up."""
        return step >= self.last_step or self.seconds >= self.time_limit

    def steps_per_second(self, step: int) -> float:
        """Mean of this session."""
        return (step - self.first_step) / max(time.monotonic() - self.began, 1e-9)

    def lap(self, step: int) -> float:
        """Seconds per step since this was last asked."""
        now = time.monotonic()
        seconds, steps = now - self._last_lap, step - self._lap_step
        self._last_lap, self._lap_step = now, step
        return seconds / max(steps, 1)

    def share_done(self, step: int) -> float:
        """Share of the run that is done, by steps or by time, whichever is further."""
        return max(step / self.last_step, self.seconds / self.time_limit)

    def seconds_left(self, step: int) -> float:
        """Expected time to the end."""
        by_steps = (self.last_step - step) / max(self.steps_per_second(step), 1e-9)
        return max(min(by_steps, self.time_limit - self.seconds), 0.0)

    def is_due(self, every: float) -> bool:
        """Whether ``every`` seconds have passed since this was last true."""
        due = time.monotonic() - self._last_due >= every
        if due:
            self._last_due = time.monotonic()
        return due
