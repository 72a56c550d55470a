"""The Kuramoto layer: oscillators on spheres, moved by their coupling and a stimulus."""

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from kuramoto_nn import functional
from kuramoto_nn._checks import as_integer, as_number
from kuramoto_nn._repr import constructor_arguments
from kuramoto_nn.functional import Integrator, count_oscillators, from_oscillators, to_oscillators

Energy = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From x, ``J x`` and c, as oscillator views ``(B, *S, K, N)``, to values ``(B, ...)``."""

# All layers share the code of a step, and so torch's limit of recompilations. Versions of torch
# that can isolate the graphs of a layer count them separately.
_CAN_ISOLATE = "isolate_recompiles" in inspect.signature(torch.compile).parameters
_ISOLATED: dict[str, Any] = {"isolate_recompiles": True} if _CAN_ISOLATE else {}


class Stepwise(nn.Module):
    """A module that repeats one of its methods, by default `num_steps` times."""

    step_method: ClassVar[str]
    num_steps: int

    def _count(self, num_steps: int | None) -> int:
        return self.num_steps if num_steps is None else as_integer("num_steps", num_steps, least=0)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile one step in place; arguments are those of `torch.compile`."""
        step = torch.compile(getattr(self, self.step_method), *args, **_ISOLATED | kwargs)
        setattr(self, self.step_method, step)

    # A compiled method is bound to this very module; copies and replicas start without one.

    def __getstate__(self) -> dict:
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key != self.step_method}

    def _replicate_for_data_parallel(self) -> Self:
        replica = super()._replicate_for_data_parallel()
        replica.__dict__.pop(self.step_method, None)
        return replica


class Trajectory(NamedTuple):
    """States of a `KuramotoLayer` and their energies; entry t belongs to the state after t steps.

    Attributes:
        states: Shape ``(T + 1, B, C, *S)``; entry 0 is the normalised start.
        energies: Shape ``(T + 1, B)``; ``(T + 1, B, ...)`` if the energy returned ``(B, ...)``.
    """

    states: Tensor
    energies: Tensor


class Rollout(NamedTuple):
    """Last state of a `KuramotoLayer`, ``(B, C, *S)``, and the energies of a `Trajectory`."""

    state: Tensor
    energies: Tensor


class KuramotoLayer(Stepwise):
    r"""T steps of the Kuramoto dynamics on spheres, driven by a stimulus.

    $$\dot x_i = \Omega_i x_i + \mathrm{Proj}_{x_i}\Big(c_i + \sum_j J_{ij} x_j\Big),
    \qquad x_i \leftarrow \Pi(x_i + \gamma \dot x_i)$$

    Args:
        coupling: J, any module ``(B, C, *S) -> (B, C, *S)`` that does not write into its input.
        channels: Channels C = K N: K oscillators per site.
        oscillator_dim: Components N of an oscillator.
        frequency: $\Omega$, a module from oscillators ``(B, *S, K, N)`` to $\Omega x$; None
            disables natural frequencies.
        stimulus_norm: Applied to c once, before the steps; None leaves c as it is.
        step_size: $\gamma$, in units of time.
        trainable_step_size: Whether $\gamma$ is a parameter.
        num_steps: T of a call that does not set it.
        integrator: Rule of a step: ``euler``, ``exponential``, ``heun`` of
            `kuramoto_nn.functional`, or any function ``(x, dx, field, step_size) -> x``.
        project: Whether forces are projected onto the tangent space; False is the paper's ablation.
        checkpoint_steps: Whether a call with gradients keeps one state for every $\sqrt T$ steps
            and recomputes the rest in the backward pass, which takes longer and needs a fraction of
            the memory. `torch.func` cannot differentiate it. A batch normalisation inside the
            coupling would update its running statistics twice per step; use another normalisation
            there.

    Raises:
        ValueError: If N does not divide the channels, ``num_steps`` is not an integer of at least
            0, or ``step_size`` is not a finite number.

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

    step_method = "_update"

    def __init__(
        self,
        coupling: nn.Module,
        *,
        channels: int,
        oscillator_dim: int = 4,
        frequency: nn.Module | None = None,
        stimulus_norm: nn.Module | None = None,
        step_size: float = 1.0,
        trainable_step_size: bool = False,
        num_steps: int = 8,
        integrator: Integrator = functional.euler,
        project: bool = True,
        checkpoint_steps: bool = False,
    ):
        super().__init__()
        count_oscillators(channels, oscillator_dim)
        self.channels = as_integer("channels", channels)
        self.oscillator_dim = as_integer("oscillator_dim", oscillator_dim)
        self.num_steps = as_integer("num_steps", num_steps, least=0)
        gamma = as_number("step_size", step_size)
        self.step_size = nn.Parameter(torch.tensor(gamma)) if trainable_step_size else gamma
        self.coupling, self.frequency, self.stimulus_norm = coupling, frequency, stimulus_norm
        self.integrator, self.project, self.checkpoint_steps = integrator, project, checkpoint_steps

    def forward(self, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
        """Oscillators after T steps, ``(B, C, *S)``.

        Args:
            x: Start of the oscillators, ``(B, C, *S)``; normalised on entry.
            c: Stimulus, same shape.
            num_steps: T; the layer's own if None. Zero returns the normalised start.

        Raises:
            ValueError: If x and c do not fit the layer or each other.
        """
        x, c = self._prepare(x, c)
        steps = self._count(num_steps)
        if not (self.checkpoint_steps and torch.is_grad_enabled()):
            return from_oscillators(self._updates(x, c, steps))
        length = max(1, math.isqrt(steps))
        for start in range(0, steps, length):
            count = min(length, steps - start)
            x = checkpoint(self._updates, x, c, count, use_reentrant=False)
        return from_oscillators(x)

    def step(self, x: Tensor, c: Tensor) -> Tensor:
        """One update; T of them equal ``layer(x, c, num_steps=T)``. Arguments as in a call."""
        return from_oscillators(self._updates(*self._prepare(x, c), 1))

    def energy(self, x: Tensor, c: Tensor) -> Tensor:
        r"""Energy $-\frac{1}{2} x^\top J x - c^\top x$ of the normalised x, shape ``(B,)``.

        It falls along the dynamics if J is symmetric and $\Omega = 0$, and has no such guarantee
        otherwise. Arguments as in a call.
        """
        x, c = self._prepare(x, c)
        return functional.energy(x, self._couple(x), c)

    def trajectory(
        self,
        x: Tensor,
        c: Tensor,
        *,
        num_steps: int | None = None,
        energy: Energy = functional.energy,
    ) -> Trajectory:
        """All states of a call and their energies; arguments as in a call.

        ``energy`` is a function ``(x, coupled, stimulus) -> (B, ...)`` that is evaluated at every
        state x, with ``coupled = J x`` and the normalised stimulus, as views ``(B, *S, K, N)``.
        """
        states, energies = zip(*self._observed(x, c, num_steps, energy), strict=True)
        return Trajectory(
            torch.stack([from_oscillators(state) for state in states]), torch.stack(energies)
        )

    def rollout(
        self,
        x: Tensor,
        c: Tensor,
        *,
        num_steps: int | None = None,
        energy: Energy = functional.energy,
    ) -> Rollout:
        """Last state and all energies; keeps no other state. Arguments as in `trajectory`."""
        state, energies = x, []
        for state, value in self._observed(x, c, num_steps, energy):  # noqa: B007
            energies.append(value)
        return Rollout(from_oscillators(state), torch.stack(energies))

    # Below, x and c are oscillator views (B, *S, K, N) of site-major memory.

    def _observed(
        self, x: Tensor, c: Tensor, num_steps: int | None, energy: Energy
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Every state with its energy, from the start to T."""
        x, c = self._prepare(x, c)
        for _ in range(self._count(num_steps)):
            following, value = self._update(x, c, energy)
            yield x, cast(Tensor, value)
            x = following
        yield x, energy(x, self._couple(x), c)

    def _updates(self, x: Tensor, c: Tensor, count: int) -> Tensor:
        for _ in range(count):
            x, _ = self._update(x, c, None)
        return x

    def _update(self, x: Tensor, c: Tensor, energy: Energy | None) -> tuple[Tensor, Tensor | None]:
        """One step, and the energy before it, if one is asked for; J x is computed once."""
        coupled = self._couple(x)

        def field(state: Tensor) -> Tensor:
            return self._field(state, self._couple(state), c)

        following = self.integrator(x, self._field(x, coupled, c), field, self.step_size)
        return following, None if energy is None else energy(x, coupled, c)

    def _field(self, x: Tensor, coupled: Tensor, c: Tensor) -> Tensor:
        """Right-hand side of the Kuramoto equation at x, given J x."""
        force = coupled + c
        rotation = None if self.frequency is None else self._same("frequency", self.frequency(x), x)
        if self.project:
            return functional.velocity(x, force, rotation)
        return force if rotation is None else force + rotation

    def _couple(self, x: Tensor) -> Tensor:
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
        device = x.device.type
        autocast = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
        if self.stimulus_norm is not None:
            if autocast:
                c = c.to(next(self.stimulus_norm.parameters(), x).dtype)
            c = self._same("stimulus_norm", self.stimulus_norm(c), c)
        if autocast:  # only the coupling runs in half precision
            x, c = (v.to(torch.promote_types(v.dtype, torch.float32)) for v in (x, c))
        x, c = (to_oscillators(value, self.oscillator_dim) for value in (x, c))
        return functional.normalize(x), c

    def extra_repr(self) -> str:
        return constructor_arguments(
            self,
            always=("oscillator_dim", "step_size", "num_steps"),
            trainable_step_size=isinstance(self.step_size, nn.Parameter),
        )
