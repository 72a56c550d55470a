"""Optional parts of a Kuramoto layer: natural frequencies, and norms of the stimulus."""

from typing import Literal

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import as_integer, as_number
from kuramoto_nn._repr import constructor_arguments
from kuramoto_nn.functional import count_oscillators, rotate, rotate_planes

Planes = Literal["paired", "all"]


class NaturalFrequency(nn.Module):
    r"""Learnable rotation $\Omega_i x_i$ of every oscillator, with $\Omega_i$ skew-symmetric.

    ``planes="paired"`` (the paper's, N even): components turn in pairs, $(x_1, x_2) \mapsto
    \omega\, (x_2, -x_1)$, with speed $\omega = |p|$ of a learned 2-vector p per pair.
    ``planes="all"`` (any N): the generator is $A - A^\top$ with a learned strict upper triangle A,
    so that an oscillator may turn in every plane. Both start as the same rotation of consecutive
    pairs.

    Args:
        channels: Channels C = K N.
        oscillator_dim: Components N of an oscillator, at least 2.
        shared: Whether all oscillators have one frequency (and, if paired, all their planes).
        init: Angular speed at the start, in radians per unit time; positive if paired, as $|p|$
            has no sign, and no gradient at 0.
        planes: ``"paired"`` or ``"all"``; None takes ``"paired"`` if N is even.
        trainable: Whether the frequency is learned, or stays constant.

    Raises:
        ValueError: If N does not divide the channels, N < 2, ``planes`` does not fit N or ``init``,
            or oscillators have another K or N.

    Shape:
        Oscillators ``(..., K, N)`` to tangent vectors of the same shape.

    Examples:
        >>> frequency = NaturalFrequency(8, 2, shared=True, init=0.5)
        >>> frequency(torch.tensor([1.0, 0.0]).expand(4, 2))[0].detach()
        tensor([ 0.0000, -0.5000])
    """

    def __init__(
        self,
        channels: int,
        oscillator_dim: int,
        *,
        shared: bool = False,
        init: float = 1.0,
        planes: Planes | None = None,
        trainable: bool = True,
    ):
        super().__init__()
        num_oscillators = count_oscillators(channels, oscillator_dim)
        self.channels = as_integer("channels", channels)
        self.oscillator_dim = oscillator_dim = as_integer("oscillator_dim", oscillator_dim, least=2)
        self.init = init = as_number("init", init)
        even = oscillator_dim % 2 == 0
        planes = planes or ("paired" if even else "all")
        if planes not in ("paired", "all"):
            raise ValueError(f'`planes` must be "paired", "all" or None: got {planes!r}')
        self.shared, self.planes = shared, planes
        if planes == "paired":
            if not even:
                raise ValueError(
                    f'`planes="paired"` needs an even `oscillator_dim`: got {oscillator_dim}; '
                    f'try planes="all"'
                )
            if not init > 0:
                raise ValueError(
                    f'`init` must be positive for paired planes: got {init}; try planes="all"'
                )
            leading = () if shared else (num_oscillators, oscillator_dim // 2)
            start = torch.full((*leading, 2), init / 2**0.5)
        else:
            row, col = torch.triu_indices(oscillator_dim, oscillator_dim, 1)
            start = init * ((row % 2 == 0) & (col == row + 1)).to(torch.get_default_dtype())
            start = start if shared else start.repeat(num_oscillators, 1)
        self.weight = nn.Parameter(start, requires_grad=trainable)

    def matrix(self) -> Tensor:
        r"""The skew-symmetric matrices $\Omega$, ``(N, N)`` if shared, else ``(K, N, N)``."""
        weight, size = self.weight, self.oscillator_dim
        if self.planes == "paired":
            basis = torch.eye(size, dtype=weight.dtype, device=weight.device)
            if not self.shared:
                basis = basis.unsqueeze(1).expand(-1, len(weight), -1)
            return self(basis).movedim(0, -1)
        upper = weight.new_zeros(*weight.shape[:-1], size, size)
        row, col = torch.triu_indices(size, size, 1, device=weight.device).unbind()
        upper[..., row, col] = weight
        return upper - upper.mT

    def forward(self, x: Tensor) -> Tensor:
        size = (self.channels // self.oscillator_dim, self.oscillator_dim)
        if not self.shared and x.shape[-2:] != size:  # K = 1 would broadcast
            raise ValueError(
                f"`x` must be (..., {size[0]}, {size[1]}), oscillators of {self.channels} channels:"
                f" got shape {tuple(x.shape)}; give `channels` and `oscillator_dim` of the layer"
            )
        if self.planes == "paired":
            return rotate_planes(x, self.weight.norm(dim=-1))
        return rotate(x, self.matrix())

    def extra_repr(self) -> str:
        default = "paired" if self.oscillator_dim % 2 == 0 else "all"
        return constructor_arguments(
            self,
            planes=None if self.planes == default else self.planes,
            trainable=self.weight.requires_grad,
        )


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
    """Learned scale and bias per channel, $a_k c_k + b_k$; starts as the identity.

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
