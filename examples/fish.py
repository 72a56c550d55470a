"""The fish: one Kuramoto layer with random weights on a silhouette, as in the paper's introduction.

    python -m examples.fish --out runs/fish [--picture FILE | --square] [--edges]

The white ground pulls its oscillators in one direction, the black shape leaves its own free: waves
travel inside the shape while the ground stands still. Nothing is learned. Writes the film of all
257 states, the last state, and the energy.

Reference: Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn import functional as F

from examples.common.command import check_positive, check_seed, run_command
from examples.common.files import make_folder
from examples.object_discovery.data.pictures import read_rgb
from kuramoto_nn import KuramotoLayer, NaturalFrequency, Trajectory
from kuramoto_nn.plot import component_colors, plot_curves, write_film

FISH = Path(__file__).parent / "fish.png"
SIDE, GRID, KERNEL, CHANNELS = 64, 92, 13, 4


@dataclass(frozen=True, kw_only=True)
class Options:
    """Run a Kuramoto layer with random weights on a silhouette."""

    picture: Path = FISH
    """Dark shape on a white or transparent ground; any picture that Pillow reads."""
    square: bool = False
    """Use a black square in place of the picture."""
    edges: bool = False
    """Use the magnitude of the Sobel gradient in place of the brightness."""
    num_steps: int = 256
    """Updates T."""
    seed: int = 5
    """Seed of the weights and the start; another one gives other waves."""
    format: Literal["gif", "webp", "mp4"] = "gif"
    """Format of the film."""
    out: Path = Path("runs/fish")
    """Folder of the film, the last state and the energy."""

    def __post_init__(self):
        check_positive(self, "num_steps", most=2000)
        check_seed(self.seed)


def read_silhouette(picture: Path = FISH, *, square: bool = False, edges: bool = False) -> Tensor:
    """Brightness of a picture or a square, or the strength of its edges, ``(1, 1, 64, 64)``."""
    if square:
        pixels = torch.ones(1, 1, SIDE, SIDE)
        pixels[..., SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] = 0
    else:
        image = read_rgb(picture)  # drops transparency
        with Image.open(picture) as stored:
            if stored.has_transparency_data:
                rgba = ImageOps.exif_transpose(stored).convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        gray = ImageOps.pad(image.convert("L"), (SIDE, SIDE), color=255)
        pixels = torch.from_numpy(np.array(gray))[None, None] / 255
    if edges:
        sobel = torch.tensor([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]]) / 4
        framed = F.pad(pixels, (1, 1, 1, 1), mode="replicate")
        kernels = torch.stack((sobel, sobel.T))[:, None]
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
    silhouette = read_silhouette(options.picture, square=options.square, edges=options.edges)
    make_folder(options.out)
    states, energies = simulate(silhouette, num_steps=options.num_steps, seed=options.seed)
    colors = component_colors(states[:, 0])
    film = options.out / f"phases.{options.format}"
    write_film(film, colors, seconds_per_frame=0.03, scale=2)
    still = Image.fromarray((255 * colors[-1]).round().byte().numpy())
    still.resize((4 * GRID, 4 * GRID), Image.Resampling.NEAREST).save(options.out / "last.png")
    plot_curves({"energy E": energies[:, 0]}).savefig(options.out / "energy.png", dpi=120)
    first, last = energies[[0, -1], 0].tolist()
    print(f"energy {first:.1f} -> {last:.1f}; {film}, last.png and energy.png written")


if __name__ == "__main__":
    run_command(main, Options)
