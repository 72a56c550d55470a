"""Attention as coupling: every site is coupled to all sites."""

from torch import Tensor, nn

from kuramoto_nn._checks import as_integer
from kuramoto_nn._ops.linear import SiteLinear
from kuramoto_nn._ops.softmax import attend
from kuramoto_nn._repr import constructor_arguments
from kuramoto_nn.coupling._position import GeometricTransform


class AttentionCoupling(nn.Module):
    r"""Multi-head softmax attention over all sites of a grid of any number of axes.

    $$J x = W_o \big[\mathrm{softmax}(q_h k_h^\top / \sqrt d)\, v_h\big]_h + b_o$$

    with $q, k, v = W x + b$, split into heads h of d channels. The softmax makes the coupling
    depend on x. PyTorch's fused attention has no second derivative; wrap the call in
    ``torch.nn.attention.sdpa_kernel(SDPBackend.MATH)`` where one is needed.

    Args:
        channels: Channels C of input and output.
        num_heads: Number of heads; divides the channels.
        position: `GeometricTransform` of the same head dimension, for images; None for attention
            without positions.

    Raises:
        ValueError: If ``num_heads`` does not divide ``channels`` or ``position`` has another head
            dimension.

    Shape:
        ``(B, C, *S)`` to the same shape.

    Examples:
        >>> import torch
        >>> AttentionCoupling(16, 4)(torch.zeros(2, 16, 5, 6)).shape
        torch.Size([2, 16, 5, 6])
    """

    def __init__(
        self, channels: int, num_heads: int, *, position: GeometricTransform | None = None
    ):
        super().__init__()
        channels = as_integer("channels", channels, least=1)
        num_heads = as_integer("num_heads", num_heads)
        if num_heads < 1 or channels % num_heads:
            raise ValueError(
                f"`num_heads` must divide `channels`: got {num_heads} heads and {channels} "
                f"channels; try {_nearest_divisor(channels, num_heads)} heads"
            )
        if position is not None and position.head_dim != channels // num_heads:
            raise ValueError(
                f"`position` must have the head dimension of the attention: got "
                f"{position.head_dim}, expected {channels} / {num_heads} = {channels // num_heads}"
            )
        self.channels, self.num_heads = channels, num_heads
        self.qkv = SiteLinear(channels, 3 * channels)
        self.out = SiteLinear(channels, channels)
        self.position = position

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 3 or x.shape[1] != self.channels:
            raise ValueError(
                f"`x` must be (B, {self.channels}, *S) with at least one spatial axis: got shape "
                f"{tuple(x.shape)}"
            )
        sites_last = x.movedim(1, -1)  # (B, *S, C); its tokens are a view of site-major memory
        sites = sites_last.shape[1:-1]
        if self.position is not None and len(sites) != 2:
            raise ValueError(
                f"`x` must be (B, C, H, W) with a GeometricTransform: got shape {tuple(x.shape)}"
            )
        qkv = self.qkv(sites_last.flatten(1, -2)).unflatten(-1, (3, self.num_heads, -1))
        if self.position is not None:
            qkv = self.position.transform_inputs(qkv, (sites[0], sites[1]))
        query, key, value = qkv.transpose(1, 3).unbind(2)  # each (B, heads, sites, d)
        out = attend(query, key, value).transpose(1, 2).contiguous()
        if self.position is not None:
            out = self.position.transform_output(out, (sites[0], sites[1]))
        return self.out(out.flatten(2)).unflatten(1, sites).movedim(-1, 1)

    def extra_repr(self) -> str:
        return constructor_arguments(self)


def _nearest_divisor(number: int, target: int) -> int:
    divisors = (d for d in range(1, number + 1) if number % d == 0)
    return min(divisors, key=lambda d: abs(d - target), default=1)
