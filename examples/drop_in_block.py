"""A Kuramoto block inside a small residual network and a small vision transformer.

    python -m examples.drop_in_block --out runs/drop_in_block

Trains both on scikit-learn's digits with and without the block, and tests on noisy pictures.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from examples.common.command import run_command
from examples.common.files import make_folder
from kuramoto_nn import KuramotoLayer, NaturalFrequency, NormReadout
from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling
from kuramoto_nn.plot import plot_curves

C, N, T, NOISES = 32, 4, 3, (0.0, 0.25, 0.5)


class KuramotoBlock(nn.Module):
    """Adds what T updates of oscillators, driven by the features, read out: ``c + g(x_T)``."""

    def __init__(self, coupling: nn.Module):
        super().__init__()
        self.start = nn.Conv2d(C, C, 1)
        frequency = NaturalFrequency(C, N)
        self.layer = KuramotoLayer(coupling, channels=C, frequency=frequency, num_steps=T)
        self.readout = NormReadout(C, C, N)

    def forward(self, c: Tensor) -> Tensor:  # (B, C, H, W)
        return c + self.readout(self.layer(self.start(c), c))


class Residual(nn.Sequential):
    """Adds the input of its layers to their output."""

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input)


class Transformer(nn.Module):
    """Vision transformer: one layer on 4 x 4 patches of 2 x 2 pixels."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, C, 2, stride=2)
        self.position = nn.Parameter(0.1 * torch.randn(C, 4, 4))
        self.layer = nn.TransformerEncoderLayer(C, 4, 64, 0.0, batch_first=True, norm_first=True)

    def forward(self, images: Tensor) -> Tensor:
        grid = self.patches(images) + self.position
        return self.layer(grid.flatten(2).mT).mT.view_as(grid)  # tokens (B, 16, C) in between


def build(kind: str, *, with_block: bool) -> nn.Module:
    """Features on a grid of 4 x 4, the Kuramoto block if it is wanted, and a classifier."""
    if kind == "residual network":
        stem = nn.Conv2d(1, C, 3, stride=2, padding=1)
        first, second = (nn.Conv2d(C, C, 3, padding=1) for _ in range(2))
        features = nn.Sequential(stem, Residual(nn.ReLU(), first, nn.ReLU(), second))
        coupling = ConvCoupling(C, 3)
    else:
        features, coupling = Transformer(), AttentionCoupling(C, 4)
    block = KuramotoBlock(coupling) if with_block else nn.Identity()
    return nn.Sequential(features, block, nn.ReLU(), nn.Flatten(), nn.Linear(16 * C, 10))


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare two networks with and without a Kuramoto block, over five seeds."""

    out: Path = Path("runs/drop_in_block")
    """Folder of the plot."""


def accuracies(kind: str, seed: int, epochs: int, *, with_block: bool) -> list[float]:
    """Train one network; return its accuracies, in percent, at every level of noise."""
    torch.manual_seed(seed)
    pixels, labels = map(torch.tensor, load_digits(return_X_y=True))
    images = pixels.float().view(-1, 1, 8, 8) / 16
    test, train = torch.randperm(1797).split([360, 1437])
    batches = [batch for _ in range(epochs) for batch in train[torch.randperm(1437)].split(64)]
    model = build(kind, with_block=with_block)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = OneCycleLR(optimizer, 1e-2, total_steps=len(batches))
    for batch in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        noisy = [images[test] + level * torch.randn(360, 1, 8, 8) for level in NOISES]
        return [100 * (model(x).argmax(1) == labels[test]).float().mean().item() for x in noisy]


def compare(seeds: int = 5, epochs: int = 12) -> dict[str, dict[str, Tensor]]:
    """Accuracies ``(noises, seeds)`` of both networks, without and with the block."""
    panels: dict[str, dict[str, Tensor]] = {"residual network": {}, "vision transformer": {}}
    for kind, curves in panels.items():
        for name, with_block in (("without", False), ("with a Kuramoto block", True)):
            runs = [accuracies(kind, s, epochs, with_block=with_block) for s in range(seeds)]
            curves[name] = torch.tensor(runs).T
            words = ", ".join(f"{s.mean():.1f} ± {s.std(correction=0):.1f}" for s in curves[name])
            print(f"{kind} {name}, accuracy at noise {NOISES}: {words}", flush=True)
    return {f"{kind}: accuracy (%)": curves for kind, curves in panels.items()}


def main(options: Options) -> None:
    make_folder(options.out)
    plot_curves(compare(), x=NOISES, x_label="noise").savefig(options.out / "accuracy.png")


if __name__ == "__main__":
    run_command(main, Options)
