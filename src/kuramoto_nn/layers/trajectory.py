"""What a `KuramotoLayer` returns of its way."""

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
