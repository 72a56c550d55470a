"""Two groups of oscillators fall into step: a Kuramoto layer in forty lines.

    python -m examples.first_layer --out runs/first_layer

Every pixel of a small picture holds one oscillator with N = 2. Pixels of the disc attract each
other, so do those of the ground, and the two groups repel. From random phases, each group
synchronises, in opposite phases. Writes the phases as a film and curves of order and energy.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from examples.common.command import check_seed, run_command
from examples.common.files import make_folder
from kuramoto_nn import KuramotoLayer, Trajectory, functional
from kuramoto_nn.plot import phase_colors, plot_curves, write_film

SIZE, STEPS = 32, 60


class TwoGroups(nn.Module):
    """J_ij = 1/P for two of the P sites in one group, -repulsion/P otherwise: symmetric."""

    def __init__(self, in_disc: Tensor, repulsion: float = 0.5):
        super().__init__()
        self.groups = nn.Buffer(torch.stack((in_disc, ~in_disc)).float())  # (2, H, W)
        self.repulsion = repulsion

    def forward(self, x: Tensor) -> Tensor:
        means = torch.einsum("bchw,ghw->bgc", x, self.groups) / self.groups[0].numel()
        pulls = means - self.repulsion * means.flip(1)
        return torch.einsum("bgc,ghw->bchw", pulls, self.groups)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Show two groups of oscillators that fall into step."""

    out: Path = Path("runs/first_layer")
    """Folder of the film and the curves."""
    seed: int = 0
    """Seed of the phases at the start."""

    def __post_init__(self):
        check_seed(self.seed)


def synchronise(seed: int) -> tuple[Trajectory, Tensor]:
    """Run the layer; return its trajectory and the disc, ``(H, W)`` of bool."""
    squares = torch.linspace(-1, 1, SIZE).square()
    in_disc = squares[:, None] + squares < 0.4
    layer = KuramotoLayer(
        TwoGroups(in_disc), channels=2, oscillator_dim=2, step_size=0.4, num_steps=STEPS
    )
    start = torch.randn(1, 2, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
    return layer.trajectory(start, torch.zeros_like(start)), in_disc


def orders_of(states: Tensor, in_disc: Tensor) -> dict[str, Tensor]:
    """Order parameters of both groups and of all sites after every step, ``(T + 1,)`` each."""
    groups = {"disc": in_disc, "ground": ~in_disc, "all": torch.ones_like(in_disc)}
    return {
        name: functional.order_parameter(states[:, 0, :, chosen].mT)
        for name, chosen in groups.items()
    }


def main(options: Options) -> None:
    make_folder(options.out)
    trajectory, in_disc = synchronise(options.seed)
    film = phase_colors(trajectory.states[:, 0], 2, oscillator=0)
    write_film(options.out / "phases.gif", film, scale=6)
    orders, energy = orders_of(trajectory.states, in_disc), trajectory.energies[:, 0]
    panels = {"order parameter R": orders, "energy E": energy}
    plot_curves(panels).savefig(options.out / "curves.png", dpi=120)
    for name, values in {**orders, "energy": energy}.items():
        print(f"{name:14} {values[0]:9.3f} -> {values[-1]:9.3f}")
    print(f"{options.out / 'phases.gif'} and curves.png written")


if __name__ == "__main__":
    run_command(main, Options)
