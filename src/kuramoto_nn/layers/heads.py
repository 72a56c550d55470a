"""From a feature map to one vector per image."""

from typing import Literal

from torch import Tensor, nn

Pool = Literal["max", "mean"]


class PooledHead(nn.Module):
    """Pool over all sites, then ``W_2 relu(W_1 .)``: the projection that SimCLR compares.

    Args:
        channels: Channels of the feature map.
        out_channels: Size of the embedding.
        hidden_channels: Width of the hidden layer.
        pool: ``"max"`` or ``"mean"``.

    Raises:
        ValueError: If ``pool`` is neither.

    Shape:
        ``(B, channels, *S)`` to ``(B, out_channels)``.

    Reference:
        Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations* (2020).

    Examples:
        >>> import torch
        >>> PooledHead(8, 8, 32)(torch.randn(2, 8, 5, 5)).shape
        torch.Size([2, 8])
    """

    def __init__(
        self, channels: int, out_channels: int, hidden_channels: int, *, pool: Pool = "max"
    ):
        super().__init__()
        if pool not in ("max", "mean"):
            raise ValueError(f'`pool` must be "max" or "mean": got {pool!r}')
        self.pool = pool
        self.hidden = nn.Linear(channels, hidden_channels)
        self.out = nn.Linear(hidden_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        sites = x.flatten(2)
        pooled = sites.amax(2) if self.pool == "max" else sites.mean(2)
        return self.out(self.hidden(pooled).relu())
