"""Convolution as coupling: every site is coupled to its neighbours, with shared weights."""

from torch import Tensor, nn
from torch.nn import functional as F

from kuramoto_nn._checks import as_integer, as_odd
from kuramoto_nn._repr import constructor_arguments


class ConvCoupling(nn.Module):
    r"""Same-size convolution over one, two or three spatial axes, with zeros beyond the border.

    $$(J x)_i = b + \sum_d W_d\, x_{i+d}$$

    with d in a box of ``kernel_size`` sites per axis.

    Args:
        channels: Channels C of input and output.
        kernel_size: Odd side of the kernel, in sites.
        ndim: Number of spatial axes: 1, 2 or 3.
        bias: Whether to add a bias to every channel.

    Raises:
        ValueError: If ``kernel_size`` is even or not positive, or ``ndim`` is not 1, 2 or 3.

    Shape:
        ``(B, C, *S)`` to the same shape, with ``ndim`` axes in S.

    Examples:
        >>> import torch
        >>> ConvCoupling(8, 3, ndim=1)(torch.zeros(2, 8, 10)).shape
        torch.Size([2, 8, 10])
    """

    def __init__(self, channels: int, kernel_size: int, *, ndim: int = 2, bias: bool = True):
        super().__init__()
        self.channels = channels = as_integer("channels", channels, least=1)
        self.kernel_size = as_odd("kernel_size", kernel_size)
        self.ndim = as_integer("ndim", ndim)
        if self.ndim not in _CONVOLUTIONS:
            raise ValueError(f"`ndim` must be 1, 2 or 3 spatial axes: got {ndim}")
        module = _CONVOLUTIONS[self.ndim][0](channels, channels, self.kernel_size, bias=bias)
        self.weight, self.bias = module.weight, module.bias  # initialised as torch does

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != self.ndim + 2 or x.shape[1] != self.channels:
            raise ValueError(
                f"`x` must be (B, {self.channels}, *S) with {self.ndim} spatial axes: got shape "
                f"{tuple(x.shape)}; `channels` and `ndim` of the coupling say otherwise"
            )
        convolve = _CONVOLUTIONS[self.ndim][1]
        return convolve(x, self.weight, self.bias, padding=self.kernel_size // 2)

    def extra_repr(self) -> str:
        return constructor_arguments(self, bias=self.bias is not None)


def _conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    # torch's conv1d has no site-major path and would hand channels-first memory back.
    as_image = F.conv2d(x.unsqueeze(2), weight.unsqueeze(2), bias, padding=(0, padding))
    return as_image.squeeze(2)


_CONVOLUTIONS = {1: (nn.Conv1d, _conv1d), 2: (nn.Conv2d, F.conv2d), 3: (nn.Conv3d, F.conv3d)}
