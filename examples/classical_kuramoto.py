"""Kuramoto's transition: oscillators with Lorentzian frequencies synchronise above a coupling K_c.

    python -m examples.classical_kuramoto --out runs/classical_kuramoto

With N = 2, a mean-field coupling ``J x = K mean(x)`` and natural frequencies, a `KuramotoLayer` is
the model of 1975: ``theta_i' = omega_i + K r sin(psi - theta_i)``. For frequencies with the
Lorentzian density g of half width 0.5, theory gives ``K_c = 2 / (pi g(0)) = 1`` and above it
``r = sqrt(1 - K_c / K)``. Prints and draws the measured order parameter r beside it.

Reference: Kuramoto, *Self-entrainment of a population of coupled non-linear oscillators* (1975).
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from examples.common.command import check_positive, check_seed, run_command
from examples.common.files import make_folder
from kuramoto_nn import KuramotoLayer, functional
from kuramoto_nn.plot import plot_curves

HALF_WIDTH, STEP_SIZE = 0.5, 0.05
CRITICAL = 2 * HALF_WIDTH
STRENGTHS = torch.tensor([0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0])


class MeanField(nn.Module):
    """J x = K mean(x), with a strength K for each sample of the batch."""

    def __init__(self, strengths: Tensor):
        super().__init__()
        self.strengths = nn.Buffer(strengths[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return (self.strengths * x.mean(2, keepdim=True)).expand_as(x)


class Lorentzian(nn.Module):
    """Omega x with the quantiles of a Lorentzian distribution, one frequency per site."""

    def __init__(self, num_sites: int):
        super().__init__()
        quantiles = (torch.arange(num_sites, dtype=torch.float64) + 0.5) / num_sites
        speeds = HALF_WIDTH * torch.tan(math.pi * (quantiles - 0.5))
        self.speeds = nn.Buffer(speeds.float()[:, None, None])

    def forward(self, x: Tensor) -> Tensor:  # (B, sites, 1, 2)
        first, second = x.unbind(-1)
        return self.speeds * torch.stack((-second, first), -1)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure the order parameter against the coupling strength."""

    out: Path = Path("runs/classical_kuramoto")
    """Folder of the plot."""
    num_oscillators: int = 2000
    """Number of oscillators."""
    time: float = 60.0
    """Time that is simulated; r is the mean over its second half."""
    seed: int = 0
    """Seed of the phases at the start."""

    def __post_init__(self):
        check_positive(self, "num_oscillators", most=100_000)
        check_positive(self, "time", most=1000.0)
        check_seed(self.seed)


def theory(strengths: Tensor) -> Tensor:
    """Order parameter of infinitely many oscillators."""
    return (1 - CRITICAL / strengths).clamp_min(0).sqrt()


@torch.no_grad()
def measure(strengths: Tensor, options: Options) -> Tensor:
    """Mean order parameter over the second half of the time, for every strength."""
    count = options.num_oscillators
    parts = {"coupling": MeanField(strengths), "frequency": Lorentzian(count)}
    layer = KuramotoLayer(**parts, channels=2, oscillator_dim=2, step_size=STEP_SIZE)
    generator = torch.Generator().manual_seed(options.seed)
    x = torch.randn(1, 2, count, generator=generator).repeat(len(strengths), 1, 1)
    steps, orders = math.ceil(options.time / STEP_SIZE / 2), []
    x = layer(x, torch.zeros_like(x), num_steps=steps)
    for _ in range(steps):
        x = layer.step(x, torch.zeros_like(x))
        orders.append(functional.order_parameter(x.mT))
    return torch.stack(orders).mean(0)


def draw(measured: Tensor) -> Figure:
    """Theory as a line, measured order parameters as points."""
    fine = torch.linspace(0.2, 3.1, 300)
    curves = {"theory, infinitely many": theory(fine)}
    figure = plot_curves({"order parameter r": curves}, x=fine, x_label="coupling strength K")
    (axes,) = figure.axes
    axes.plot(STRENGTHS.tolist(), measured.tolist(), "o", color="#e69f00", label="KuramotoLayer")
    axes.legend(frameon=False)
    return figure


def main(options: Options) -> None:
    make_folder(options.out)
    measured = measure(STRENGTHS, options)
    for k, r, expected in torch.stack((STRENGTHS, measured, theory(STRENGTHS)), 1).tolist():
        print(f"K = {k:.2f}   r = {r:.3f}   theory {expected:.3f}")
    draw(measured).savefig(options.out / "transition.png", dpi=120)
    print(f"{options.out / 'transition.png'} written")


if __name__ == "__main__":
    run_command(main, Options)
