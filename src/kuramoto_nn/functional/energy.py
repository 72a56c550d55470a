"""The energy that synchronisation lowers."""

import torch
from torch import Tensor


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
