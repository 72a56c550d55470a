"""The fish: one Kuramoto layer with random weights on a silhouette, as in the paper's introduction.

    python -m examples.fish --out runs/fish [--picture FILE | --square] [--edges]

The white ground pulls its oscillators in one direction, the black shape leaves its own free: waves
travel inside the shape while the ground stands still. Nothing is learned. Writes the film of all
257 states, the last state, and the energy. About 10 s on two cores.

Reference: Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn import functional as F

from examples.common.command import check_positive, check_seed, run_command
from examples.common.files import make_folder
from kuramoto_nn import KuramotoLayer, NaturalFrequency, Trajectory
from kuramoto_nn.plot import component_colors, plot_curves, write_film

FISH = Path(__file__).parent / "fish.png"
SIDE, GRID, KERNEL, CHANNELS = 64, 92, 13, 4


@dataclass(frozen=True, kw_only=True)
class Options:
    """Run a Kuramoto layer with random weights on a silhouette."""

    picture: Path = FISH
    """Dark shape on a white ground; any picture that Pillow reads."""
    square: bool = False
    """Use a black square in place of the picture."""
    edges: bool = False
    """Use the magnitude of the Sobel gradient in place of the brightness."""
    num_steps: int = 256
    """Updates T."""
    seed: int = 5
    """Seed of the weights and the start; another one gives other waves."""
    film: str = "phases.gif"
    """Name of the film: .gif, .webp or .mp4."""
    out: Path = Path("runs/fish")
    """Folder of the film, the last state and the energy."""

    def __post_init__(self):
        check_positive(self, "num_steps")
        check_seed(self.seed)
        if not self.film.endswith((".gif", ".webp", ".mp4")):
            raise ValueError(f"--film must end in .gif, .webp or .mp4: got {self.film}")


def read_silhouette(options: Options) -> Tensor:
    """Brightness of the picture, ``(1, 1, 64, 64)`` in [0, 1]."""
    if options.square:
        pixels = torch.ones(SIDE, SIDE)
        pixels[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] = 0
    else:
        with Image.open(options.picture) as image:
            rgba = ImageOps.exif_transpose(image).convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        gray = Image.alpha_composite(white, rgba).convert("L").resize((SIDE, SIDE))
        pixels = torch.from_numpy(np.array(gray)) / 255
    pixels = pixels[None, None].float()
    if options.edges:
        sobel = torch.tensor([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]]) / 4
        kernels = torch.stack((sobel, sobel.T))[:, None]
        framed = F.pad(pixels, (1, 1, 1, 1), mode="replicate")
        pixels = F.conv2d(framed, kernels).norm(dim=1, keepdim=True).clamp_max(1)
    return pixels


def build_layer(seed: int) -> KuramotoLayer:
    """The layer of the paper's example: a random 13x13 coupling and one random rotation."""
    torch.manual_seed(seed)
    coupling = nn.Conv2d(CHANNELS, CHANNELS, KERNEL, padding=KERNEL // 2, bias=False)
    frequency = NaturalFrequency(CHANNELS, CHANNELS, shared=True, planes="all", trainable=False)
    nn.init.normal_(frequency.weight, std=0.1 * (2 / CHANNELS) ** 0.5)  # A - A^T of two normals
    return KuramotoLayer(
        coupling, channels=CHANNELS, oscillator_dim=CHANNELS, frequency=frequency, step_size=0.6
    )


@torch.no_grad()
def simulate(silhouette: Tensor, *, num_steps: int, seed: int) -> Trajectory:
    """States and energies of the layer on a silhouette, whose grid has 92 x 92 sites."""
    layer = build_layer(seed)
    c = F.adaptive_avg_pool2d(silhouette, GRID).repeat(1, CHANNELS, 1, 1)
    return layer.trajectory(torch.randn_like(c), c, num_steps=num_steps)


def main(options: Options) -> None:
    trajectory = simulate(read_silhouette(options), num_steps=options.num_steps, seed=options.seed)
    make_folder(options.out)
    colors = component_colors(trajectory.states[:, 0])
    write_film(options.out / options.film, colors, seconds_per_frame=0.03, scale=2)
    still = Image.fromarray((255 * colors[-1]).round().byte().numpy())
    still.resize((4 * GRID, 4 * GRID), Image.Resampling.NEAREST).save(options.out / "last.png")
    figure = plot_curves({"energy E": trajectory.energies[:, 0]})
    figure.savefig(options.out / "energy.png", dpi=120)
    first, last = trajectory.energies[[0, -1], 0].tolist()
    print(f"energy {first:.1f} -> {last:.1f}; {options.film}, last.png, energy.png: {options.out}")


if __name__ == "__main__":
    run_command(main, Options)
