"""A Kuramoto block inside a small residual network and a small vision transformer.

    python -m examples.drop_in_block --out runs/drop_in_block

Every network is trained on scikit-learn's digits (1,797 pictures of 8 x 8 pixels, part of the
package) with and without the block, over five seeds, and tested on clean and on noisy pictures.
Prints mean and standard deviation, and draws them.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from examples.common.command import check_positive, run_command
from examples.common.files import make_folder
from kuramoto_nn import KuramotoLayer, NaturalFrequency, NormReadout
from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling

CHANNELS, DIM, NOISES = 32, 4, (0.0, 0.25, 0.5)


class KuramotoBlock(nn.Module):
    """Adds what T updates of oscillators, driven by the features, read out: ``c + g(x_T)``."""

    def __init__(self, coupling: nn.Module, num_steps: int = 4):
        super().__init__()
        self.start = nn.Conv1d(CHANNELS, CHANNELS, 1)
        self.layer = KuramotoLayer(
            coupling,
            channels=CHANNELS,
            oscillator_dim=DIM,
            frequency=NaturalFrequency(CHANNELS, DIM),
            num_steps=num_steps,
        )
        self.readout = NormReadout(CHANNELS, CHANNELS, DIM)

    def forward(self, c: Tensor) -> Tensor:  # (B, C, H, W)
        x = self.start(c.flatten(2)).view_as(c)
        return c + self.readout(self.layer(x, c))


class ResidualNetwork(nn.Module):
    """Two convolutions with a skip connection, and optionally a Kuramoto block."""

    def __init__(self, *, with_block: bool):
        super().__init__()
        self.stem = nn.Conv2d(1, CHANNELS, 3, padding=1)
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.block = KuramotoBlock(ConvCoupling(CHANNELS, 3)) if with_block else nn.Identity()
        self.head = nn.Linear(CHANNELS, 10)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.stem(images)
        hidden = hidden + self.second(F.relu(self.first(F.relu(hidden))))
        return self.head(F.relu(self.block(hidden)).amax((2, 3)))


class VisionTransformer(nn.Module):
    """One transformer layer on patches of 2 x 2 pixels, and optionally a Kuramoto block."""

    def __init__(self, *, with_block: bool):
        super().__init__()
        self.patches = nn.Conv2d(1, CHANNELS, 2, stride=2)
        self.position = nn.Parameter(0.1 * torch.randn(CHANNELS, 4, 4))
        self.layer = nn.TransformerEncoderLayer(CHANNELS, 4, 64, dropout=0.0, batch_first=True)
        self.block = KuramotoBlock(AttentionCoupling(CHANNELS, 4)) if with_block else nn.Identity()
        self.head = nn.Linear(CHANNELS, 10)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images) + self.position
        mixed = self.layer(tokens.flatten(2).mT).mT.reshape(tokens.shape)
        return self.head(self.block(mixed).mean((2, 3)))


NETWORKS = {"residual network": ResidualNetwork, "vision transformer": VisionTransformer}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare two networks with and without a Kuramoto block."""

    seeds: int = 5
    """Number of seeds."""
    epochs: int = 12
    """Passes over the 1,437 training pictures."""
    out: Path = Path("runs/drop_in_block")
    """Folder of the plot."""

    def __post_init__(self):
        check_positive(self, "seeds", "epochs")


def train_and_test(network: type, *, with_block: bool, seed: int, epochs: int) -> list[float]:
    """Train one network; return its accuracies, in percent, at every level of noise."""
    torch.manual_seed(seed)
    pixels, targets = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    labels = torch.tensor(targets)
    test, train = torch.randperm(len(labels)).split([360, 1437])
    model = network(with_block=with_block)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for batch in train[torch.randperm(len(train))].split(64):
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        noisy = [images[test] + level * torch.randn(360, 1, 8, 8) for level in NOISES]
        return [100 * (model(x).argmax(1) == labels[test]).float().mean().item() for x in noisy]


def main(options: Options) -> None:
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    for axes, (name, network) in zip(figure.subplots(1, 2), NETWORKS.items(), strict=True):
        for with_block in (False, True):
            scores = torch.tensor(
                [
                    train_and_test(network, with_block=with_block, seed=seed, epochs=options.epochs)
                    for seed in range(options.seeds)
                ]
            )
            mean, deviation = scores.mean(0), scores.std(0, correction=0)
            label = "with a Kuramoto block" if with_block else "without"
            axes.errorbar(NOISES, mean.tolist(), deviation.tolist(), capsize=3, label=label)
            parts = (f"{m:5.1f} ± {d:.1f}" for m, d in zip(mean, deviation, strict=True))
            print(f"{name}, {label}: accuracy at noise {NOISES}: {', '.join(parts)}", flush=True)
        axes.set(title=name, xlabel="noise (standard deviation)", ylabel="accuracy (%)")
        axes.legend(frameon=False)
    make_folder(options.out)
    figure.savefig(options.out / "accuracy.png", dpi=120)


if __name__ == "__main__":
    run_command(main, Options)
