"""What `KuramotoLayer.trajectory` and `rollout` return, and how long the way is."""

from typing import NamedTuple

from torch import Tensor


class Trajectory(NamedTuple):
    """States and energies of a `KuramotoLayer`; entry t of both describes the state after t steps.

    Attributes:
        states: Shape ``(T + 1, B, C, *S)``; entry 0 is the normalised start.
        energies: Shape ``(T + 1, B)``.
    """

    states: Tensor
    energies: Tensor


class Rollout(NamedTuple):
    """Last state of a `KuramotoLayer` and the energies on the way.

    Attributes:
        state: Shape ``(B, C, *S)``.
        energies: Shape ``(T + 1, B)``; entry t belongs to the state after t steps.
    """

    state: Tensor
    energies: Tensor


def check_num_steps(num_steps: int | None, default: int) -> int:
    """Decide on the number of steps.

    Args:
        num_steps: T of a call, if it says so.
        default: T otherwise.

    Returns:
        T.

    Raises:
        ValueError: If it is negative or no integer.
    """
    steps = default if num_steps is None else num_steps
    if not isinstance(steps, int) or steps < 0:
        raise ValueError(f"`num_steps` must be an integer of at least 0: got {steps!r}")
    return steps
