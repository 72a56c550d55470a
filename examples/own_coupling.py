"""A coupling of one's own: oscillators on the nodes of a tree learn to colour it with two colours.

    python -m examples.own_coupling --out runs/own_coupling

Neighbours must get different colours: nodes at an even distance belong together, nodes at an odd
one do not, which no node can see from its neighbours alone. The coupling lets every node pull its
neighbours through one learned symmetric matrix. `kuramoto_nn.testing` checks it first. It is
trained at T = 8 on random trees of 10 nodes, and tested on larger trees and at larger T.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from examples.common.command import check_positive, check_seed, run_command
from examples.common.files import make_folder
from kuramoto_nn import KuramotoLayer, testing
from kuramoto_nn.plot import plot_curves

CHANNELS, DIM, STEPS = 32, 4, 8
SIZES, TESTED_STEPS = (10, 20, 30), (4, 8, 16, 32, 64, 128)


class GraphCoupling(nn.Module):
    """J x = W x A: every node is pulled by its neighbours, through one symmetric matrix W."""

    adjacency: Tensor  # (B, P, P)

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(channels, channels))

    def forward(self, x: Tensor) -> Tensor:  # (B, C, P)
        return (self.weight + self.weight.T) @ x @ self.adjacency


def sample_trees(count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random trees: adjacency, and 1 for nodes of the same colour, -1 for others, (B, P, P)."""
    adjacency, color = torch.zeros(count, size, size), torch.ones(count, size)
    trees = torch.arange(count)
    for node in range(1, size):  # hangs on a random earlier node
        parent = torch.randint(node, (count,), generator=generator)
        adjacency[trees, node, parent] = adjacency[trees, parent, node] = 1.0
        color[:, node] = -color[trees, parent]
    return adjacency, color[:, :, None] * color[:, None]


def agreement(layer: KuramotoLayer, adjacency: Tensor, start: Tensor, num_steps: int) -> Tensor:
    """Cosine similarity of the states of all pairs of nodes, ``(B, P, P)``."""
    layer.coupling.adjacency = adjacency
    x = F.normalize(layer(start, torch.zeros_like(start), num_steps=num_steps), dim=1)
    return x.mT @ x


@torch.no_grad()
def accuracies(layer: KuramotoLayer, size: int) -> Tensor:
    """Share of 200 new trees, in percent, with every pair of nodes told right, for every T."""
    generator = torch.Generator().manual_seed(10_000)
    adjacency, same = sample_trees(200, size, generator)
    start = torch.randn(200, CHANNELS, size, generator=generator)
    right = [(agreement(layer, adjacency, start, t) * same > 0).all((1, 2)) for t in TESTED_STEPS]
    return 100 * torch.stack(right).double().mean(1)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check a coupling, train it, and test it on larger trees."""

    num_steps: int = 300
    """Steps of training."""
    seed: int = 0
    """Seed of the weights, the trees and the starts."""
    out: Path = Path("runs/own_coupling")
    """Folder of the plot."""

    def __post_init__(self):
        check_positive(self, "num_steps", most=100_000)
        check_seed(self.seed)


def train(*, num_steps: int, seed: int) -> KuramotoLayer:
    """Check the coupling of a new layer, and train it on trees of 10 nodes."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    coupling = GraphCoupling(CHANNELS)
    layer = KuramotoLayer(coupling, channels=CHANNELS, oscillator_dim=DIM, num_steps=STEPS)
    coupling.adjacency, _ = sample_trees(2, 10, generator)
    example = torch.randn(2, CHANNELS, 10, generator=generator)
    testing.assert_symmetric(coupling, example)
    testing.assert_on_sphere(layer(example, torch.zeros_like(example)), DIM)

    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-2)
    for _ in range(num_steps):
        adjacency, same = sample_trees(64, 10, generator)
        start = torch.randn(64, CHANNELS, 10, generator=generator)
        loss = F.mse_loss(agreement(layer, adjacency, start, STEPS), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return layer


def main(options: Options) -> None:
    make_folder(options.out)
    layer = train(num_steps=options.num_steps, seed=options.seed)
    curves = {f"{size} nodes": accuracies(layer, size) for size in SIZES}
    print(f"trees coloured right, in percent, at T = {TESTED_STEPS}")
    for name, scores in curves.items():
        print(f"{name}: {'  '.join(f'{score:5.1f}' for score in scores)}")
    figure = plot_curves({"trees coloured right (%)": curves}, x=TESTED_STEPS, x_label="steps T")
    figure.savefig(options.out / "accuracy.png", dpi=120)
    print(f"{options.out / 'accuracy.png'} written")


if __name__ == "__main__":
    run_command(main, Options)
