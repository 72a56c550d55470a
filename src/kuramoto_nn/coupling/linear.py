"""A linear map of the channels of every site, by whichever kernel is fastest."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SiteLinear(nn.Linear):
    """``y = W x + b`` over the last axis: `torch.nn.Linear`, up to rounding.

    In eager mode on a CPU, float32 runs as a 1x1 convolution over site-major memory. That is the
    same product, but by oneDNN, which on AMD processors takes half the time of the matrix product
    that `torch.nn.Linear` uses there.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the result.
        bias: Whether to add b.

    Shape:
        ``(..., in_features)`` to ``(..., out_features)``.

    Examples:
        >>> SiteLinear(8, 6)(torch.randn(2, 5, 8)).shape
        torch.Size([2, 5, 6])
    """

    def forward(self, input: Tensor) -> Tensor:
        if not _suits_convolution(input, self.weight):
            return super().forward(input)
        sites = input.reshape(1, -1, 1, self.in_features).permute(0, 3, 1, 2)
        out = F.conv2d(sites, self.weight[:, :, None, None], self.bias)
        return out.permute(0, 2, 3, 1).reshape(*input.shape[:-1], self.out_features)


def _suits_convolution(x: Tensor, weight: Tensor) -> bool:
    if torch.compiler.is_compiling():  # the compiler fails on it when sizes are dynamic
        return False
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() > 0
        and torch.backends.mkldnn.is_available()
        and not torch.is_autocast_enabled("cpu")
    )
