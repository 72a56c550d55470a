"""Readouts: lengths of learned linear combinations of the oscillators."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import as_integer, as_odd
from kuramoto_nn._ops.linear import SiteLinear
from kuramoto_nn._repr import constructor_arguments
from kuramoto_nn.functional import count_oscillators


class NormReadout(nn.Module):
    r"""Length of linear combinations of the oscillators.

    $$m_k = \Big| \sum_i U_{ki} x_i \Big| + b_k$$

    U mixes components too and has a bias of its own inside the norm, as in the authors' code, so
    that m is not invariant under a global rotation.

    Args:
        in_channels: Channels of the oscillators.
        out_channels: Channels of the result.
        oscillator_dim: Components N that one length is taken over.
        kernel_size: Odd side of the convolution U over an image; 1 mixes channels only and takes
            sites of any number of axes.

    Raises:
        ValueError: If ``kernel_size`` is even or N does not divide the input channels.

    Shape:
        ``(B, in_channels, *S)`` to ``(B, out_channels, *S)``.

    Reference:
        Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> NormReadout(8, 3, oscillator_dim=4)(torch.randn(2, 8, 5, 5)).shape
        torch.Size([2, 3, 5, 5])
    """

    def __init__(
        self, in_channels: int, out_channels: int, oscillator_dim: int, kernel_size: int = 1
    ):
        super().__init__()
        count_oscillators(in_channels, oscillator_dim)
        self.in_channels = as_integer("in_channels", in_channels)
        self.out_channels = as_integer("out_channels", out_channels, least=1)
        self.oscillator_dim = as_integer("oscillator_dim", oscillator_dim)
        self.kernel_size = side = as_odd("kernel_size", kernel_size)
        width = self.out_channels * self.oscillator_dim
        self.mix = (
            SiteLinear(self.in_channels, width)
            if side == 1
            else nn.Conv2d(self.in_channels, width, side, padding=side // 2)
        )
        self.bias = nn.Parameter(torch.zeros(self.out_channels))

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel_size == 1:
            mixed = self.mix(x.movedim(1, -1))
        else:
            mixed = self.mix(x).movedim(1, -1)
        # The norm is taken in float32 at least; its gradient at zero is zero.
        wide = torch.promote_types(mixed.dtype, torch.float32)
        oscillators = mixed.unflatten(-1, (-1, self.oscillator_dim))
        lengths = torch.linalg.vector_norm(oscillators, dim=-1, dtype=wide).to(self.bias.dtype)
        return (lengths + self.bias).movedim(-1, 1)

    def extra_repr(self) -> str:
        return constructor_arguments(self)


class FeedForwardReadout(nn.Module):
    r"""`NormReadout` and a residual network, $m = |U x| + b$ to $f_3(m + f_2(f_1(m)))$.

    Every f is $W\, \mathrm{relu}(\mathrm{norm}(\cdot))$ with a convolution W of the readout's
    ``kernel_size``. ``norm`` makes a normalisation from its number of channels, such as
    `torch.nn.BatchNorm2d`; None leaves it out. Other arguments and errors are those of
    `NormReadout`.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, out_channels, H, W)``.

    Reference:
        Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025), the map g between the
        blocks of the Sudoku and the classification models.

    Examples:
        >>> FeedForwardReadout(8, 6, 2, 3, norm=nn.BatchNorm2d)(torch.randn(2, 8, 5, 5)).shape
        torch.Size([2, 6, 5, 5])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        oscillator_dim: int,
        kernel_size: int = 1,
        *,
        norm: Callable[[int], nn.Module] | None = None,
    ):
        super().__init__()
        self.readout = NormReadout(in_channels, out_channels, oscillator_dim, kernel_size)
        width, side = self.readout.out_channels, self.readout.kernel_size

        def unit() -> nn.Sequential:
            convolve = nn.Conv2d(width, width, side, padding=side // 2)
            before = [] if norm is None else [norm(width)]
            return nn.Sequential(*before, nn.ReLU(), convolve)

        self.residual = nn.Sequential(unit(), unit())
        self.out = unit()

    def forward(self, x: Tensor) -> Tensor:
        m = self.readout(x)
        return self.out(m + self.residual(m))
