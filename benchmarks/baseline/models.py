"""The Kuramoto layer, attention with GTA, two networks, up-tiling and the energy vote.

All is channels first, formula by formula. Parameters have the names of the authors' code, so that
`kuramoto_nn.reference` converts them.

Reference: Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).
"""

import copy
from typing import Any, TypeVar

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from kuramoto_nn import reference
from kuramoto_nn.models import AKOrN, AKOrNSudoku

AnyModule = TypeVar("AnyModule", bound=nn.Module)
SUDOKU_NAMES = {
    "layer": "layers.0.0",
    "readout": "layers.0.1.0",
    "first": "layers.0.1.1.fn.fn.0.fn.2",
    "second": "layers.0.1.1.fn.fn.1.fn.2",
    "third": "layers.0.1.2.fn.2",
    "out": "out.1",
}
"""Names in the authors' code of the modules of `PlainSudoku`."""


def by_matrix_products(plain: AnyModule) -> AnyModule:
    """Copy a module; the 2x2 transforms of the copy are by ``@``, which is faster on a CPU."""
    faster = copy.deepcopy(plain)
    for module in faster.modules():
        if isinstance(module, PlainAttention):
            module.by_matrix_products = True
    return faster


class PlainAttention(nn.Module):
    """Softmax attention over the sites of a grid, with 2x2 transforms (GTA)."""

    def __init__(self, channels: int, num_heads: int, grid: tuple[int, int]):
        super().__init__()
        self.num_heads, self.by_matrix_products = num_heads, False
        self.W_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.W_o = nn.Conv2d(channels, channels, 1)
        rotation = _rotations(grid, head_dim=channels // num_heads)
        self.mat_q, self.mat_k, self.mat_v = (nn.Parameter(rotation.clone()) for _ in range(3))
        self.mat_o = nn.Parameter(rotation.mT.contiguous())

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            rearrange(part, "b (c heads) h w -> b heads (h w) c", heads=self.num_heads)
            for part in self.W_qkv(x).chunk(3, dim=1)
        )
        query, key = self.transform(self.mat_q, query), self.transform(self.mat_k, key)
        value = self.transform(self.mat_v, value)
        attention = (query @ key.mT / query.shape[-1] ** 0.5).softmax(dim=-1)
        out = self.transform(self.mat_o, attention @ value)
        return self.W_o(rearrange(out, "b heads (h w) c -> b (c heads) h w", h=x.shape[2]))

    def transform(self, rho: Tensor, x: Tensor) -> Tensor:
        """Multiply the pairs of ``(B, H, sites, d)`` by matrices ``(sites, pairs, 2, 2)``."""
        pairs = x.unflatten(-1, (-1, 2))
        if self.by_matrix_products:
            return (rho @ pairs.unsqueeze(-1)).squeeze(-1).flatten(-2)
        return (rho * pairs.unsqueeze(-2)).sum(-1).flatten(-2)


class PlainKuramoto(nn.Module):
    """``x <- Pi(x + gamma (d + Proj_x(c + J x)))``, d = Omega x, or x itself without frequency.

    Args:
        config: Configuration of one block of `AKOrN` or `AKOrNSudoku`; gamma is an argument of the
            call.
    """

    def __init__(self, config: Any):
        super().__init__()
        self.config = config
        channels, kernel = config.channels, config.kernel_size
        if config.coupling == "convolution":
            self.connectivity = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        else:
            self.connectivity = PlainAttention(channels, config.num_heads, config.grid)
        normed, turning = config.stimulus_norm == "group", config.frequency is not None
        self.c_norm = nn.GroupNorm(channels // config.oscillator_dim, channels) if normed else None
        omega = nn.Parameter(torch.full((2,), 0.5 / 2**0.5))
        self.omg = nn.ParameterDict({"omg_param": omega}) if turning else None

    def forward(
        self, x: Tensor, c: Tensor, num_steps: int | None = None, gamma: float | Tensor = 1.0
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return states 0..T, and the energies of states 0..T-1."""
        c = c if self.c_norm is None else self.c_norm(c)
        x = self.normalize(x)
        states, energies = [x], []
        for _ in range(self.config.num_steps if num_steps is None else num_steps):
            coupled = self.connectivity(x)
            energies.append(-(x * (0.5 * coupled + c)).sum((1, 2, 3)))
            drift = x if self.omg is None else _rotate(x, self.omg["omg_param"].norm())
            x = self.normalize(x + gamma * (drift + self.project(x, c + coupled)))
            states.append(x)
        return states, energies

    def normalize(self, x: Tensor) -> Tensor:
        """Scale every oscillator to length one."""
        return F.normalize(self.split(x), dim=2).flatten(1, 2)

    def project(self, x: Tensor, force: Tensor) -> Tensor:
        """Remove the component of the force along x."""
        x, force = self.split(x), self.split(force)
        return (force - (x * force).sum(dim=2, keepdim=True) * x).flatten(1, 2)

    def split(self, x: Tensor) -> Tensor:
        """View ``(B, C, h, w)`` as oscillators ``(B, K, N, h, w)``."""
        return x.unflatten(1, (-1, self.config.oscillator_dim))

    def to_library(self, gamma: float = 1.0) -> Any:
        """Build the library's layer with the same weights."""
        config = self.config
        return reference.load(
            self.state_dict(),
            "layer",
            **_arguments(config),
            ksize=config.kernel_size,
            gta=config.position == "gta",
            hw=config.grid,
            gamma=gamma,
            use_omega=self.omg is not None,
            global_omg=True,
        )


class PlainReadout(nn.Module):
    """Lengths of linear combinations of the oscillators, ``| U x | + b``."""

    def __init__(self, channels: int, oscillator_dim: int):
        super().__init__()
        self.invconv = nn.Conv2d(channels, channels * oscillator_dim, 1)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        lengths = self.invconv(x).unflatten(1, (len(self.bias), -1)).norm(dim=2)
        return lengths + self.bias.view(1, -1, 1, 1)


class PlainAKOrN(nn.Module):
    """AKOrN for object discovery with the configuration of one of the library's presets."""

    def __init__(self, preset: str):
        super().__init__()
        self.config = config = AKOrN.from_preset(preset).config
        channels, patch = config.channels, config.patch_size
        self.gamma = nn.Parameter(torch.ones(1), requires_grad=config.trainable_step_size)
        self.patchfy = nn.Sequential(nn.Identity(), nn.Conv2d(3, channels, patch, stride=patch))
        blocks: list[Any] = [config.block(i) for i in range(config.num_blocks)]
        self.layers = nn.ModuleList(
            nn.ModuleList([PlainKuramoto(block), PlainReadout(channels, block.oscillator_dim)])
            for block in blocks
        )
        self.out = nn.Sequential(
            *(nn.Identity(), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
            *(nn.Linear(channels, 4 * channels), nn.ReLU(), nn.Linear(4 * channels, channels)),
        )

    def features(self, images: Tensor) -> Tensor:
        """Map images ``(B, 3, H, W)`` to features ``(B, C, h, w)``, from fresh noise."""
        c = self.patchfy(2 * images - 1)
        x = torch.randn_like(c)
        for block in self.layers:
            layer, readout = block.children()
            states, _ = layer(x, c, gamma=self.gamma)
            x = states[-1]
            c = readout(x)
        return c

    def forward(self, images: Tensor) -> Tensor:
        return self.out(self.features(images))

    def to_library(self) -> Any:
        """Build the library's model with the same weights."""
        config = self.config
        arguments = _arguments(config) | {"L": config.num_blocks, "ksize": config.kernel_size}
        arguments |= {"psize": config.patch_size, "imsize": config.sides[0]}
        return reference.load(self.state_dict(), "akorn", **arguments)


class PlainSudoku(nn.Module):
    """AKOrN for Sudoku with one block and the configuration of one of the library's presets."""

    def __init__(self, preset: str):
        super().__init__()
        self.config = config = AKOrNSudoku.from_preset(preset).config
        channels, block = config.channels, config.block(0)
        self.gamma = nn.Parameter(torch.ones(1), requires_grad=config.trainable_step_size)
        self.embedding = nn.Embedding(10, channels)
        self.layer = PlainKuramoto(block)
        self.readout = PlainReadout(channels, config.oscillator_dim)
        self.first, self.second, self.third = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.out = nn.Conv2d(channels, 9, 1)

    def forward(
        self, puzzles: Tensor, noise: Tensor, num_steps: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Return logits ``(B, 9, 9, 9)``, digits last, and the energies of all steps."""
        c = self.embedding(puzzles).permute(0, 3, 1, 2).contiguous()
        x = torch.where(puzzles[:, None] > 0, c, noise)
        states, energies = self.layer(x, c, num_steps, self.gamma)
        y = self.readout(states[-1])
        y = y + self.second(self.first(y.relu()).relu())
        return self.out(self.third(y.relu()).relu()).permute(0, 2, 3, 1), energies

    def to_library(self) -> Any:
        """Build the library's model with the same weights."""
        weights = {}
        for name, value in self.state_dict().items():
            module, dot, rest = name.partition(".")
            weights[SUDOKU_NAMES.get(module, module) + dot + rest] = value
        return reference.load(weights, "sudoku-akorn", **_arguments(self.config))


def uptiled_features(model: PlainAKOrN, images: Tensor, *, factor: int) -> Tensor:
    """Interleave the features of all shifted crops of a larger image into one finer map."""
    patch, size = model.config.patch_size, images.shape[2]
    shift = patch // factor
    larger = F.interpolate(images, size=size + patch - shift, mode="bicubic")
    height, width = model.config.grid
    maps = images.new_zeros(len(images), model.config.channels, factor * height, factor * width)
    for i in range(factor):
        for j in range(factor):
            crop = larger[:, :, i * shift : i * shift + size, j * shift : j * shift + size]
            maps[:, :, i::factor, j::factor] = model.features(crop)
    return maps


def vote(solver: PlainSudoku, puzzles: Tensor, noise: Tensor, num_steps: int) -> Tensor:
    """Digits of the sample of lowest energy, board by board; noise ``(B, K, C, 9, 9)``."""
    answers = []
    for puzzle, samples in zip(puzzles, noise, strict=True):
        logits, energies = solver(puzzle.repeat(len(samples), 1, 1), samples, num_steps)
        best = torch.stack(energies).sum(0).argmin()
        answers.append(logits[best].argmax(-1) + 1)
    return torch.stack(answers)


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


def _arguments(config: Any) -> dict[str, Any]:
    """Arguments of the authors' networks."""
    return {
        "n": config.oscillator_dim,
        "ch": config.channels,
        "T": config.num_steps,
        "heads": config.num_heads,
        "J": "conv" if config.coupling == "convolution" else "attn",
        "c_norm": "none" if config.stimulus_norm is None else "gn",
    }
