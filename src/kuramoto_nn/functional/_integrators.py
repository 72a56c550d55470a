"""One step of ``dx/dt = velocity(x)`` on the sphere.

An integrator is any function ``(x, velocity, step_size) -> x``: unit vectors in, unit vectors out.

Reference: Hairer, Lubich, Wanner, *Geometric Numerical Integration* (2006), ch. IV (projection
methods) and VIII; the paper uses `euler`.
"""

from collections.abc import Callable

from torch import Tensor

from kuramoto_nn.functional._sphere import exp_map, normalize

Velocity = Callable[[Tensor], Tensor]
StepSize = float | Tensor
Integrator = Callable[[Tensor, Velocity, StepSize], Tensor]


def euler(x: Tensor, velocity: Velocity, step_size: StepSize) -> Tensor:
    """Euler step with normalisation, ``Pi(x + gamma dx)``. First order, one evaluation.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        velocity: The right-hand side, unit vectors to tangent vectors.
        step_size: gamma, in units of time.

    Returns:
        Unit vectors, same shape.

    Examples:
        >>> import torch
        >>> euler(torch.tensor([1.0, 0.0]), lambda x: torch.tensor([0.0, 1.0]), 1.0)
        tensor([0.7071, 0.7071])
    """
    return normalize(x + step_size * velocity(x))


def exponential(x: Tensor, velocity: Velocity, step_size: StepSize) -> Tensor:
    """Euler step along the great circle, ``exp_x(gamma dx)``. First order, one evaluation.

    Exact for a velocity of constant length along one circle.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        velocity: The right-hand side; its values must be tangent at ``x``.
        step_size: gamma, in units of time.

    Returns:
        Unit vectors, same shape.
    """
    return exp_map(x, step_size * velocity(x))


def heun(x: Tensor, velocity: Velocity, step_size: StepSize) -> Tensor:
    """Heun's method with normalisation: the mean of the velocity here and after an Euler step.

    Second order, two evaluations.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        velocity: The right-hand side, unit vectors to tangent vectors.
        step_size: gamma, in units of time.

    Returns:
        Unit vectors, same shape.
    """
    here = velocity(x)
    there = velocity(normalize(x + step_size * here))
    return normalize(x + 0.5 * step_size * (here + there))
