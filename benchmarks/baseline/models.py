"""Networks for object discovery and Sudoku, up-tiling and the energy vote."""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.baseline.kuramoto import PlainAttention, PlainKuramoto
from kuramoto_nn.models import AKOrN, AKOrNConfig, AKOrNSudoku, AKOrNSudokuConfig


class PlainReadout(nn.Module):
    """Lengths of linear combinations of the oscillators, ``| U x | + b``."""

    def __init__(self, channels: int, oscillator_dim: int):
        super().__init__()
        self.mix = nn.Conv2d(channels, channels * oscillator_dim, 1)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        lengths = self.mix(x).unflatten(1, (len(self.bias), -1)).norm(dim=2)
        return lengths + self.bias.view(1, -1, 1, 1)


class PlainAKOrN(nn.Module):
    """AKOrN for object discovery, of the same sizes as the library's configuration.

    Args:
        config: A preset's configuration.
    """

    def __init__(self, config: AKOrNConfig):
        super().__init__()
        self.config = config
        channels, patch = config.channels, config.patch_size
        self.embed = nn.Conv2d(3, channels, patch, stride=patch)
        blocks: list[Any] = [config.block(i) for i in range(config.num_blocks)]
        self.layers = nn.ModuleList(map(_layer, blocks))
        self.readouts = nn.ModuleList(PlainReadout(channels, b.oscillator_dim) for b in blocks)
        self.head = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.ReLU(), nn.Linear(4 * channels, channels)
        )

    @classmethod
    def from_preset(cls, name: str) -> Self:
        """Build the network of one of the library's presets."""
        return cls(AKOrN.from_preset(name).config)

    def features(self, images: Tensor) -> Tensor:
        """Images ``(B, 3, H, W)`` to maps ``(B, C, h, w)``, from fresh noise."""
        c = self.embed(2 * images - 1)
        x = torch.randn_like(c)
        for layer, readout in zip(self.layers, self.readouts, strict=True):
            states, _ = layer(x, c)
            x = states[-1]
            c = readout(x)
        return c

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).amax((2, 3)))


class PlainSudoku(nn.Module):
    """AKOrN for Sudoku with one block, of the same sizes as the library's configuration.

    Args:
        config: A preset's configuration.
    """

    def __init__(self, config: AKOrNSudokuConfig):
        super().__init__()
        self.config = config
        channels, block = config.channels, config.block(0)
        self.embed = nn.Embedding(10, channels)
        self.layer = _layer(block)
        self.readout = PlainReadout(channels, block.oscillator_dim)
        self.first, self.second, self.third = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.out = nn.Conv2d(channels, 9, 1)

    @classmethod
    def from_preset(cls, name: str) -> Self:
        """Build the network of one of the library's presets."""
        return cls(AKOrNSudoku.from_preset(name).config)

    def forward(
        self, puzzles: Tensor, noise: Tensor, num_steps: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits ``(B, 9, 9, 9)``, digits last, and the energies of all steps."""
        c = self.embed(puzzles).permute(0, 3, 1, 2).contiguous()
        x = torch.where(puzzles[:, None] > 0, c, noise)
        states, energies = self.layer(x, c, num_steps)
        y = self.readout(states[-1])
        y = y + self.second(self.first(y.relu()).relu())
        return self.out(self.third(y.relu()).relu()).permute(0, 2, 3, 1), energies


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


def _layer(config: Any) -> PlainKuramoto:
    """Build the layer of a block from its configuration."""
    channels, kernel = config.channels, config.kernel_size
    if config.coupling == "convolution":
        coupling = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
    else:
        coupling = PlainAttention(channels, config.num_heads, config.grid)
    return PlainKuramoto(
        coupling,
        channels=channels,
        num_steps=config.num_steps,
        oscillator_dim=config.oscillator_dim,
        group_norm=config.stimulus_norm == "group",
        frequency=config.frequency is not None,
        trainable_gamma=config.trainable_step_size,
    )
