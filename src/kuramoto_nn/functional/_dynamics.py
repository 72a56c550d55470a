r"""The Kuramoto equation on spheres: its right-hand side, the energy that it lowers, integrators.

An integrator is any function ``(x, dx, field, step_size) -> x`` from unit vectors to unit vectors
that takes one step of $\dot x = \text{field}(x)$. ``dx`` is ``field(x)``, which the caller has
computed already; ``field`` evaluates other states.

Reference: Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025),
which uses `euler`; Hairer, Lubich, Wanner, *Geometric Numerical Integration* (2006), ch. IV
(projection methods) and VIII.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from kuramoto_nn.functional._sphere import exp_map, normalize, project_tangent

Field = Callable[[Tensor], Tensor]
StepSize = float | Tensor
Integrator = Callable[[Tensor, Tensor, Field, StepSize], Tensor]


def rotate(x: Tensor, omega: Tensor) -> Tensor:
    r"""Apply the generator of a rotation to every oscillator, $\Omega_i x_i$.

    Args:
        x: Oscillators, shape ``(..., N)``.
        omega: Skew-symmetric matrices, shape ``(..., N, N)``, broadcastable over the leading axes.

    Returns:
        Tangent vectors in radians per unit time, same shape as ``x``.

    Examples:
        >>> rotate(torch.tensor([1.0, 0.0]), torch.tensor([[0.0, 2.0], [-2.0, 0.0]]))
        tensor([ 0., -2.])
    """
    # Not `@`, which autocast would run in half precision.
    return (omega * x.unsqueeze(-2)).sum(-1)


def rotate_planes(x: Tensor, speed: Tensor) -> Tensor:
    r"""Rotate consecutive pairs of components, $(x_1, x_2) \mapsto \omega\, (x_2, -x_1)$.

    This is ``rotate`` with a block-diagonal generator; N = 4 turns in two planes.

    Args:
        x: Oscillators, shape ``(..., N)`` with N even.
        speed: Angular speed $\omega$ of every plane, broadcastable to ``(..., N / 2)``.

    Returns:
        Tangent vectors in radians per unit time, same shape as ``x``.

    Examples:
        >>> rotate_planes(torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.tensor([2.0, 3.0]))
        tensor([ 0., -2.,  3., -0.])
    """
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((speed * second, -speed * first), -1).flatten(-2)


def velocity(x: Tensor, force: Tensor, rotation: Tensor | None = None) -> Tensor:
    r"""Velocity of the oscillators: rotation, plus the force projected onto the tangent space.

    $$\dot x_i = \Omega_i x_i + \mathrm{Proj}_{x_i}\Big(c_i + \sum_j J_{ij} x_j\Big)$$

    Args:
        x: Unit vectors, shape ``(..., N)``.
        force: Stimulus plus coupling, $c + J x$, same shape.
        rotation: $\Omega x$, same shape; None without natural frequencies.

    Returns:
        Tangent vectors, same shape.

    Examples:
        >>> velocity(torch.tensor([1.0, 0.0]), torch.tensor([5.0, 0.5]))
        tensor([0.0000, 0.5000])
    """
    tangent = project_tangent(x, force)
    return tangent if rotation is None else tangent + rotation


def energy(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    r"""Kuramoto energy of every sample.

    $$E = -\frac{1}{2} \sum_{ij} x_i^\top J_{ij} x_j - \sum_i c_i^\top x_i$$

    It never rises along the continuous flow if J is symmetric and $\Omega = 0$; otherwise it is a
    score without that guarantee. The sum is accumulated in float32 at least.

    Args:
        x: Oscillators, shape ``(B, ...)``.
        coupled: $J x$, same shape.
        stimulus: c, same shape.

    Returns:
        One energy per sample, shape ``(B,)``, float32 or wider.

    Reference:
        Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> x = torch.tensor([[1.0, 0.0]])
        >>> energy(x, coupled=2 * x, stimulus=torch.tensor([[0.5, 3.0]]))
        tensor([-1.5000])
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    x, coupled, stimulus = (t.to(dtype) for t in (x, coupled, stimulus))
    return -(x * (0.5 * coupled + stimulus)).flatten(1).sum(1)


def euler(x: Tensor, dx: Tensor, field: Field, step_size: StepSize) -> Tensor:
    r"""Euler step with normalisation, $\Pi(x + \gamma \dot x)$. First order, one evaluation.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        dx: Velocity at ``x``, same shape.
        field: The right-hand side, unit vectors to tangent vectors; not evaluated here.
        step_size: $\gamma$, in units of time.

    Returns:
        Unit vectors, same shape.

    Examples:
        >>> x, dx = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
        >>> euler(x, dx, lambda x: dx, 1.0)
        tensor([0.7071, 0.7071])
    """
    if isinstance(step_size, Tensor):
        return normalize(x + step_size * dx)
    return normalize(torch.add(x, dx, alpha=step_size))  # one pass over memory


def exponential(x: Tensor, dx: Tensor, field: Field, step_size: StepSize) -> Tensor:
    r"""Euler step along the great circle, $\exp_x(\gamma \dot x)$. First order, one evaluation.

    Exact for a velocity of constant length along one circle.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        dx: Velocity at ``x``, which must be tangent there, same shape.
        field: The right-hand side; not evaluated here.
        step_size: $\gamma$, in units of time.

    Returns:
        Unit vectors, same shape.
    """
    return exp_map(x, step_size * dx)


def heun(x: Tensor, dx: Tensor, field: Field, step_size: StepSize) -> Tensor:
    r"""Heun's method with normalisation: the mean of the velocity here and after an Euler step.

    Second order, two evaluations.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        dx: Velocity at ``x``, same shape.
        field: The right-hand side, unit vectors to tangent vectors.
        step_size: $\gamma$, in units of time.

    Returns:
        Unit vectors, same shape.
    """
    there = field(euler(x, dx, field, step_size))
    return euler(x, 0.5 * (dx + there), field, step_size)
