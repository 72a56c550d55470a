"""Normalisations of the stimulus, applied once before the steps."""

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import as_integer, as_number
from kuramoto_nn._repr import constructor_arguments
from kuramoto_nn.functional import count_oscillators


class OscillatorNorm(nn.GroupNorm):
    """Group normalisation with one group per oscillator, over its components and all sites.

    Args:
        channels: Channels C = K N.
        oscillator_dim: Components N of an oscillator.
        eps: Added to the variance.

    Raises:
        ValueError: If N does not divide the channels.

    Shape:
        ``(B, C, *S)`` to the same shape.

    Reference:
        Wu, He, *Group Normalization* (2018).

    Examples:
        >>> OscillatorNorm(8, 4)(torch.randn(2, 8, 5, 5)).shape
        torch.Size([2, 8, 5, 5])
    """

    def __init__(self, channels: int, oscillator_dim: int, *, eps: float = 1e-5):
        groups = count_oscillators(channels, oscillator_dim)
        super().__init__(groups, as_integer("channels", channels), eps=as_number("eps", eps))

    def extra_repr(self) -> str:
        dim = self.num_channels // self.num_groups
        return constructor_arguments(self, channels=self.num_channels, oscillator_dim=dim)


class ScaleBias(nn.Module):
    """Learned scale and bias per channel, ``a_k c_k + b_k``; starts as the identity.

    Args:
        channels: Channels C.

    Shape:
        ``(B, C, *S)`` to the same shape.

    Examples:
        >>> ScaleBias(3)(torch.ones(1, 3, 2)).detach()[0, 0]
        tensor([1., 1.])
    """

    def __init__(self, channels: int):
        super().__init__()
        self.channels = as_integer("channels", channels, least=1)
        self.weight = nn.Parameter(torch.ones(self.channels))
        self.bias = nn.Parameter(torch.zeros(self.channels))

    def forward(self, c: Tensor) -> Tensor:
        per_channel = (-1,) + (1,) * (c.ndim - 2)
        return torch.addcmul(self.bias.view(per_channel), c, self.weight.view(per_channel))

    def extra_repr(self) -> str:
        return constructor_arguments(self)


class SiteNorm(nn.LayerNorm):
    """Layer normalisation over the channels of every site.

    Args:
        channels: Channels C.
        eps: Added to the variance.

    Shape:
        ``(B, C, *S)`` to the same shape.

    Reference:
        Ba, Kiros, Hinton, *Layer Normalization* (2016).

    Examples:
        >>> SiteNorm(8)(torch.randn(2, 8, 5, 5)).mean(1).abs().max() < 1e-6
        tensor(True)
    """

    def __init__(self, channels: int, *, eps: float = 1e-5):
        super().__init__(as_integer("channels", channels, least=1), eps=as_number("eps", eps))

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)

    def extra_repr(self) -> str:
        return constructor_arguments(self, channels=self.normalized_shape[0])
