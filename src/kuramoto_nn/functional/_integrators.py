"""One step of ``dx/dt = field(x)`` on the sphere.

An integrator is any function ``(x, dx, field, step_size) -> x`` from unit vectors to unit vectors.
``dx`` is ``field(x)``, which the caller has computed already; ``field`` evaluates other states.

Reference: Hairer, Lubich, Wanner, *Geometric Numerical Integration* (2006), ch. IV (projection
methods) and VIII; the paper uses `euler`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from kuramoto_nn.functional._sphere import exp_map, normalize

Field = Callable[[Tensor], Tensor]
StepSize = float | Tensor
Integrator = Callable[[Tensor, Tensor, Field, StepSize], Tensor]


def euler(x: Tensor, dx: Tensor, field: Field, step_size: StepSize) -> Tensor:
    """Euler step with normalisation, ``Pi(x + gamma dx)``. First order, one evaluation.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        dx: Velocity at ``x``, same shape.
        field: The right-hand side, unit vectors to tangent vectors; not evaluated here.
        step_size: gamma, in units of time.

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
    """Euler step along the great circle, ``exp_x(gamma dx)``. First order, one evaluation.

    Exact for a velocity of constant length along one circle.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        dx: Velocity at ``x``, which must be tangent there, same shape.
        field: The right-hand side; not evaluated here.
        step_size: gamma, in units of time.

    Returns:
        Unit vectors, same shape.
    """
    return exp_map(x, step_size * dx)


def heun(x: Tensor, dx: Tensor, field: Field, step_size: StepSize) -> Tensor:
    """Heun's method with normalisation: the mean of the velocity here and after an Euler step.

    Second order, two evaluations.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        dx: Velocity at ``x``, same shape.
        field: The right-hand side, unit vectors to tangent vectors.
        step_size: gamma, in units of time.

    Returns:
        Unit vectors, same shape.
    """
    there = field(euler(x, dx, field, step_size))
    return euler(x, 0.5 * (dx + there), field, step_size)
