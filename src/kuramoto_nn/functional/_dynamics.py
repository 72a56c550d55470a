"""The Kuramoto equation on spheres: its right-hand side, and the energy that it lowers.

Reference: Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).
"""

import torch
from torch import Tensor

from kuramoto_nn.functional._sphere import project_tangent


def rotate(x: Tensor, omega: Tensor) -> Tensor:
    """Apply the generator of a rotation to every oscillator, ``Omega_i x_i``.

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
    """Rotate consecutive pairs of components, ``(x_1, x_2) -> w (x_2, -x_1)``.

    This is ``rotate`` with a block-diagonal generator; N = 4 turns in two planes.

    Args:
        x: Oscillators, shape ``(..., N)`` with N even.
        speed: Angular speed w of every plane, broadcastable to ``(..., N / 2)``.

    Returns:
        Tangent vectors in radians per unit time, same shape as ``x``.

    Examples:
        >>> rotate_planes(torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.tensor([2.0, 3.0]))
        tensor([ 0., -2.,  3., -0.])
    """
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((speed * second, -speed * first), -1).flatten(-2)


def velocity(x: Tensor, force: Tensor, rotation: Tensor | None = None) -> Tensor:
    """Velocity of the oscillators, ``dx_i = Omega_i x_i + Proj_{x_i}(c_i + sum_j J_ij x_j)``.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        force: Stimulus plus coupling, ``c + J x``, same shape.
        rotation: ``Omega x``, same shape; None without natural frequencies.

    Returns:
        Tangent vectors, same shape.

    Examples:
        >>> velocity(torch.tensor([1.0, 0.0]), torch.tensor([5.0, 0.5]))
        tensor([0.0000, 0.5000])
    """
    tangent = project_tangent(x, force)
    return tangent if rotation is None else tangent + rotation


def energy(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    """Kuramoto energy, ``E = -1/2 sum_ij x_i^T J_ij x_j - sum_i c_i^T x_i``.

    It never rises along the continuous flow if J is symmetric and Omega = 0; otherwise it is a
    score without that guarantee. The sum is accumulated in float32 at least.

    Args:
        x: Oscillators, shape ``(B, ...)``.
        coupled: ``J x``, same shape.
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
