"""Order parameters: 1 if all oscillators point the same way, near 0 if they cancel."""

from torch import Tensor
from torch.nn import functional as F

from kuramoto_nn._checks import as_integer, as_odd


def order_parameter(x: Tensor, *, dim: int | tuple[int, ...] = -2) -> Tensor:
    r"""Kuramoto order parameter, the length $R = |\frac{1}{n} \sum_i x_i|$ of the mean.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        dim: Axes to average over; not the last one.

    Returns:
        R in ``[0, 1]``; the shape of ``x`` without ``dim`` and without the last axis.

    Raises:
        ValueError: If ``dim`` names the last axis.

    Reference:
        Kuramoto, *Chemical Oscillations, Waves, and Turbulence* (1984).

    Examples:
        >>> import torch
        >>> order_parameter(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        tensor(0.)
    """
    dims = dim if isinstance(dim, tuple) else (as_integer("dim", dim),)
    if any(d % x.ndim == x.ndim - 1 for d in dims):
        raise ValueError(
            f"`dim` must not name the last axis, which holds the components: got {dim}; "
            f"try the axis of the oscillators, such as -2"
        )
    return x.mean(dims, keepdim=True).norm(dim=-1, keepdim=True).squeeze((*dims, -1))


def local_order_parameter(x: Tensor, window: int = 3) -> Tensor:
    """Order parameter of every site's neighbourhood in an image.

    Args:
        x: Unit vectors on a grid, shape ``(B, H, W, K, N)`` (`to_oscillators` of an image).
        window: Odd side of the square neighbourhood; at the border it holds fewer sites.

    Returns:
        R in ``[0, 1]``, shape ``(B, H, W, K)``.

    Raises:
        ValueError: If the rank is not 5 or ``window`` is even.

    Examples:
        >>> import torch
        >>> local_order_parameter(torch.tensor([1.0, 0.0]).expand(1, 4, 4, 3, 2)).min()
        tensor(1.)
    """
    if x.ndim != 5:
        raise ValueError(
            f"`x` must have shape (B, H, W, K, N): got {tuple(x.shape)}; try `to_oscillators`"
        )
    window = as_odd("window", window)
    channels_first = x.flatten(-2).movedim(-1, 1)
    mean = F.avg_pool2d(channels_first, window, 1, window // 2, count_include_pad=False)
    return mean.movedim(1, -1).unflatten(-1, x.shape[-2:]).norm(dim=-1)
