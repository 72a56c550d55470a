"""Between channels-first tensors and the oscillator view, without copying site-major memory.

A public tensor is ``(B, C, *S)`` with ``C = K N`` channels: K oscillators of N components at every
site, the components of one oscillator side by side. Its oscillator view is ``(B, *S, K, N)``. If
the memory is site-major (``channels_last`` for images), the two share it.
"""

from torch import Tensor

from kuramoto_nn._checks import as_integer


def to_oscillators(x: Tensor, oscillator_dim: int) -> Tensor:
    """View ``(B, K N, *S)`` as ``(B, *S, K, N)``, contiguous; copies only if it is not site-major.

    Args:
        x: Channels-first tensor with spatial axes of any number.
        oscillator_dim: Components N of an oscillator; divides the channels.

    Returns:
        The oscillator view.

    Examples:
        >>> import torch
        >>> to_oscillators(torch.zeros(2, 12, 5, 6), 4).shape
        torch.Size([2, 5, 6, 3, 4])
    """
    return x.movedim(1, -1).contiguous().unflatten(-1, (-1, oscillator_dim))


def from_oscillators(x: Tensor) -> Tensor:
    """View ``(B, *S, K, N)`` as ``(B, K N, *S)``; the inverse of ``to_oscillators``.

    Args:
        x: Oscillator view.

    Returns:
        The channels-first tensor over the same (site-major) memory.

    Examples:
        >>> import torch
        >>> from_oscillators(torch.zeros(2, 5, 6, 3, 4)).shape
        torch.Size([2, 12, 5, 6])
    """
    return x.flatten(-2).movedim(-1, 1)


def count_oscillators(channels: int, oscillator_dim: int) -> int:
    """Number K of oscillators per site.

    Args:
        channels: Channels C = K N.
        oscillator_dim: Components N.

    Returns:
        ``C / N``.

    Raises:
        ValueError: If N or C is not a positive integer, or N does not divide C.
    """
    channels = as_integer("channels", channels, least=1)
    oscillator_dim = as_integer("oscillator_dim", oscillator_dim, least=1)
    if channels % oscillator_dim:
        low = channels // oscillator_dim * oscillator_dim
        tries = " or ".join(str(n) for n in (low, low + oscillator_dim) if n)
        raise ValueError(
            f"`channels` must be divisible by `oscillator_dim`: got {channels} and "
            f"{oscillator_dim}; try {tries}"
        )
    return channels // oscillator_dim
