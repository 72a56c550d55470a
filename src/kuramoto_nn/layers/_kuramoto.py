"""The Kuramoto layer: oscillators that turn, pull at each other and follow a stimulus."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from kuramoto_nn.functional import (
    Integrator,
    count_oscillators,
    energy,
    euler,
    from_oscillators,
    normalize,
    to_oscillators,
    velocity,
)
from kuramoto_nn.layers._frequency import NaturalFrequency
from kuramoto_nn.layers._stepwise import Stepwise


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


class KuramotoLayer(Stepwise):
    """T steps of the Kuramoto dynamics on spheres, driven by a stimulus.

    ``dx_i = Omega_i x_i + Proj_{x_i}(c_i + sum_j J_ij x_j)``, then ``x_i <- Pi(x_i + gamma dx_i)``.

    Args:
        coupling: J, any module ``(B, C, *S) -> (B, C, *S)``.
        channels: Channels C = K N: K oscillators per site.
        oscillator_dim: Components N of an oscillator.
        frequency: Omega; None for oscillators that rest when left alone.
        stimulus_norm: Applied to c once, before the steps; None leaves c as it is.
        step_size: gamma, in units of time.
        trainable_step_size: Whether gamma is a parameter.
        num_steps: T, unless a call says otherwise.
        integrator: How a step is taken: ``euler``, ``exponential``, ``heun`` of
            `kuramoto_nn.functional` or your own.
        project: Whether forces are projected onto the tangent space; False is the paper's ablation.
        checkpoint_steps: Whether a call with gradients keeps only one state for every sqrt(T)
            steps and computes all else again on the way back: more time for a fraction of the
            memory, so that many steps can be trained. `torch.func` cannot differentiate it.

    Raises:
        ValueError: If N does not divide the channels or ``num_steps`` is negative.

    Shape:
        x and c ``(B, C, *S)``, floating point, S of any rank, to x of the same shape.

    Reference:
        Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> from kuramoto_nn.coupling import ConvCoupling
        >>> layer = KuramotoLayer(ConvCoupling(8, 3), channels=8, oscillator_dim=4)
        >>> x, c = torch.randn(2, 2, 8, 5, 5)
        >>> layer(x, c, num_steps=16).shape
        torch.Size([2, 8, 5, 5])
    """

    step_methods = ("_update", "_observed_update")

    def __init__(
        self,
        coupling: nn.Module,
        *,
        channels: int,
        oscillator_dim: int = 4,
        frequency: NaturalFrequency | nn.Module | None = None,
        stimulus_norm: nn.Module | None = None,
        step_size: float = 1.0,
        trainable_step_size: bool = False,
        num_steps: int = 8,
        integrator: Integrator = euler,
        project: bool = True,
        checkpoint_steps: bool = False,
    ):
        super().__init__()
        count_oscillators(channels, oscillator_dim)
        self.channels, self.oscillator_dim = channels, oscillator_dim
        self.num_steps = check_num_steps(None, num_steps)
        if not isinstance(step_size, int | float) or not math.isfinite(step_size):
            raise ValueError(f"`step_size` must be a finite number: got {step_size!r}")
        self.coupling, self.frequency, self.stimulus_norm = coupling, frequency, stimulus_norm
        self.integrator, self.project = integrator, project
        self.checkpoint_steps = checkpoint_steps
        self.step_size = (
            nn.Parameter(torch.tensor(float(step_size))) if trainable_step_size else step_size
        )

    def forward(self, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
        """Take T steps.

        Args:
            x: Where the oscillators start, ``(B, C, *S)``; normalised on entry.
            c: Stimulus, same shape.
            num_steps: T; the layer's own if None. Zero returns the normalised start.

        Returns:
            The oscillators after T steps, ``(B, C, *S)``.

        Raises:
            ValueError: If x and c do not fit the layer or each other.
        """
        x, c = self._prepare(x, c)
        steps = check_num_steps(num_steps, self.num_steps)
        if not (self.checkpoint_steps and torch.is_grad_enabled()):
            return from_oscillators(self._updates(x, c, steps))
        length = max(1, math.isqrt(steps))
        for start in range(0, steps, length):
            count = min(length, steps - start)
            x = checkpoint(self._updates, x, c, count, use_reentrant=False)
        return from_oscillators(x)

    def step(self, x: Tensor, c: Tensor) -> Tensor:
        """One update; T of them equal ``layer(x, c, num_steps=T)``. Arguments as in a call."""
        return from_oscillators(self._update(*self._prepare(x, c)))

    def energy(self, x: Tensor, c: Tensor) -> Tensor:
        """Energy ``E = -1/2 x^T J x - c^T x`` of the normalised x, shape ``(B,)``.

        Falls along the dynamics only if J is symmetric and Omega = 0. Arguments as in a call.
        """
        return self._energy(*self._prepare(x, c))

    def trajectory(self, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Trajectory:
        """All states of a call and their energies. Arguments as in a call."""
        states, energies = zip(*self._observed(x, c, num_steps), strict=True)
        return Trajectory(
            torch.stack([from_oscillators(state) for state in states]), torch.stack(energies)
        )

    def rollout(self, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Rollout:
        """Last state and all energies, keeping no state on the way. Arguments as in a call."""
        state, energies = x, []
        for state, value in self._observed(x, c, num_steps):  # noqa: B007
            energies.append(value)
        return Rollout(from_oscillators(state), torch.stack(energies))

    # Below, x and c are oscillator views (B, *S, K, N) of site-major memory.

    def _observed(
        self, x: Tensor, c: Tensor, num_steps: int | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Every state with its energy, from the start to T."""
        x, c = self._prepare(x, c)
        for _ in range(check_num_steps(num_steps, self.num_steps)):
            following, value = self._observed_update(x, c)
            yield x, value
            x = following
        yield x, self._energy(x, c)

    def _updates(self, x: Tensor, c: Tensor, count: int) -> Tensor:
        for _ in range(count):
            x = self._update(x, c)
        return x

    def _update(self, x: Tensor, c: Tensor) -> Tensor:
        return self._advance(x, self._coupled(x), c)

    def _observed_update(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """One update, and the energy before it; both need J x, which is computed once."""
        coupled = self._coupled(x)
        return self._advance(x, coupled, c), energy(x, coupled, c)

    def _advance(self, x: Tensor, coupled: Tensor, c: Tensor) -> Tensor:
        def velocity(state: Tensor) -> Tensor:
            return self._velocity(state, coupled if state is x else self._coupled(state), c)

        return self.integrator(x, velocity, self.step_size)

    def _velocity(self, x: Tensor, coupled: Tensor, c: Tensor) -> Tensor:
        force = coupled + c
        rotation = None if self.frequency is None else self._same("frequency", self.frequency(x), x)
        if not self.project:
            return force if rotation is None else force + rotation
        return velocity(x, force, rotation)

    def _energy(self, x: Tensor, c: Tensor) -> Tensor:
        return energy(x, self._coupled(x), c)

    def _coupled(self, x: Tensor) -> Tensor:
        channels_first = from_oscillators(x)
        coupled = self._same("coupling", self.coupling(channels_first), channels_first)
        return to_oscillators(coupled, self.oscillator_dim)

    def _same(self, part: str, result: Tensor, given: Tensor) -> Tensor:
        if result.shape != given.shape:
            raise ValueError(
                f"`{part}` must keep the shape: got {tuple(result.shape)} from "
                f"{tuple(given.shape)}; check its channels and padding"
            )
        return result

    def _prepare(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        for name, value in (("x", x), ("c", c)):
            if value.ndim < 2 or value.shape[1] != self.channels:
                raise ValueError(
                    f"`{name}` must be (B, {self.channels}, *S), channels second: "
                    f"got shape {tuple(value.shape)}"
                )
            if not value.is_floating_point():
                raise ValueError(
                    f"`{name}` must be floating point: got {value.dtype}; try {name}.float()"
                )
        if x.shape != c.shape:
            raise ValueError(
                f"`x` and `c` must have the same shape: got {tuple(x.shape)} and {tuple(c.shape)}"
            )
        autocast = _autocast_is_on(x.device.type)  # meant for the coupling; all else stays wide
        if self.stimulus_norm is not None:
            if autocast:
                c = c.to(next(self.stimulus_norm.parameters(), x).dtype)
            c = self._same("stimulus_norm", self.stimulus_norm(c), c)
        if autocast:
            x, c = (v.to(torch.promote_types(v.dtype, torch.float32)) for v in (x, c))
        x, c = (to_oscillators(value, self.oscillator_dim) for value in (x, c))
        return normalize(x), c

    def extra_repr(self) -> str:
        integrator = getattr(self.integrator, "__name__", self.integrator)
        return (
            f"channels={self.channels}, oscillator_dim={self.oscillator_dim}, "
            f"num_steps={self.num_steps}, integrator={integrator}"
        )


def _autocast_is_on(device_type: str) -> bool:
    available = torch.amp.is_autocast_available(device_type)
    return available and torch.is_autocast_enabled(device_type)
