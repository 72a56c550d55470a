"""The Kuramoto layer and attention with GTA, channels first, formula by formula.

Reference: Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).
"""

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def summed_product(rho: Tensor, pairs: Tensor) -> Tensor:
    """Matrices ``(sites, pairs, 2, 2)`` times vectors ``(B, H, sites, pairs, 2)``."""
    return (rho * pairs.unsqueeze(-2)).sum(-1)


def matrix_product(rho: Tensor, pairs: Tensor) -> Tensor:
    """The same by ``@``, which is faster on a CPU."""
    return (rho @ pairs.unsqueeze(-1)).squeeze(-1)


class PlainAttention(nn.Module):
    """Softmax attention over the sites of a grid, with 2x2 transforms (GTA); channel = c H + head.

    Args:
        channels: Channels C.
        num_heads: Heads H.
        grid: Height and width in sites.
        product: How the matrices are broadcast: `summed_product` or `matrix_product`.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        grid: tuple[int, int],
        *,
        product: Callable[[Tensor, Tensor], Tensor] = summed_product,
    ):
        super().__init__()
        self.num_heads, self.product = num_heads, product
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        rotation = _rotations(grid, head_dim=channels // num_heads)
        self.rho_q, self.rho_k, self.rho_v = (nn.Parameter(rotation.clone()) for _ in range(3))
        self.rho_o = nn.Parameter(rotation.mT.contiguous())

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        query, key, value = (
            rearrange(part, "b (c heads) h w -> b heads (h w) c", heads=self.num_heads)
            for part in self.qkv(x).chunk(3, dim=1)
        )
        query, key = self.transform(self.rho_q, query), self.transform(self.rho_k, key)
        value = self.transform(self.rho_v, value)
        attention = (query @ key.mT / query.shape[-1] ** 0.5).softmax(dim=-1)
        out = self.transform(self.rho_o, attention @ value)
        return self.out(rearrange(out, "b heads (h w) c -> b (c heads) h w", h=height))

    def transform(self, rho: Tensor, x: Tensor) -> Tensor:
        """Turn the interleaved pairs of ``(B, H, sites, d)``."""
        return self.product(rho, x.unflatten(-1, (-1, 2))).flatten(-2)


class PlainKuramoto(nn.Module):
    """``x <- Pi(x + gamma (d + Proj_x(c + J x)))``, d = Omega x, or x itself without frequency.

    Args:
        coupling: J.
        channels: Channels C.
        num_steps: T.
        oscillator_dim: Components N.
        group_norm: Whether the stimulus is normalised, one group per oscillator.
        frequency: Whether all oscillators turn with one learned frequency, 0.5 at first.
        trainable_gamma: Whether gamma, 1 at first, is learned.
    """

    def __init__(
        self,
        coupling: nn.Module,
        *,
        channels: int,
        num_steps: int,
        oscillator_dim: int = 4,
        group_norm: bool = False,
        frequency: bool = False,
        trainable_gamma: bool = False,
    ):
        super().__init__()
        self.coupling, self.num_steps, self.oscillator_dim = coupling, num_steps, oscillator_dim
        self.norm = nn.GroupNorm(channels // oscillator_dim, channels) if group_norm else None
        self.omega = nn.Parameter(torch.full((2,), 0.5 / 2**0.5)) if frequency else None
        self.gamma = nn.Parameter(torch.ones(1), requires_grad=trainable_gamma)

    def forward(
        self, x: Tensor, c: Tensor, num_steps: int | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """States 0..T, and the energies of states 0..T-1."""
        c = c if self.norm is None else self.norm(c)
        x = self.normalize(x)
        states, energies = [x], []
        for _ in range(self.num_steps if num_steps is None else num_steps):
            coupled = self.coupling(x)
            energies.append(-(x * (0.5 * coupled + c)).sum((1, 2, 3)))
            drift = x if self.omega is None else _rotate(x, self.omega.norm())
            x = self.normalize(x + self.gamma * (drift + self.project(x, c + coupled)))
            states.append(x)
        return states, energies

    def normalize(self, x: Tensor) -> Tensor:
        """Bring every oscillator to length one."""
        return F.normalize(x.unflatten(1, (-1, self.oscillator_dim)), dim=2).flatten(1, 2)

    def project(self, x: Tensor, force: Tensor) -> Tensor:
        """Take the part of the force along x away."""
        x, force = (y.unflatten(1, (-1, self.oscillator_dim)) for y in (x, force))
        return (force - (x * force).sum(dim=2, keepdim=True) * x).flatten(1, 2)


def by_matrix_products(plain: AnyModule) -> AnyModule:
    """Copy a module; the 2x2 transforms of the copy are `matrix_product`."""
    faster = copy.deepcopy(plain)
    for module in faster.modules():
        if isinstance(module, PlainAttention):
            module.product = matrix_product
    return faster


def _rotate(x: Tensor, speed: Tensor) -> Tensor:
    """Turn consecutive channels, ``(x_1, x_2) -> w (x_2, -x_1)``."""
    first, second = x.unflatten(1, (-1, 2)).unbind(2)
    return torch.stack((speed * second, -speed * first), dim=2).flatten(1, 2)


def _rotations(grid: tuple[int, int], *, head_dim: int) -> Tensor:
    """Rotations by ``w_f row`` and ``w_f col`` in turn, ``w_f = 10000^(-f/F)``."""
    num_pairs = head_dim // 2
    num_frequencies = -(-num_pairs // 2)
    speed = 10_000.0 ** (-torch.arange(num_frequencies) / num_frequencies)
    sites = torch.cartesian_prod(torch.arange(grid[0]), torch.arange(grid[1]))
    angle = (sites[:, None, :] * speed[:, None]).flatten(1)[:, :num_pairs]
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((cos, -sin, sin, cos), dim=-1).unflatten(-1, (2, 2))
