"""Binding: oscillators of a trained network fall into step, object by object.

    python -m examples.binding --out runs/binding

Loads the Tetrominoes model of this repository, draws pictures that it has not seen, and writes a
film. Each row shows a picture, its oscillators after every step, and the clusters of the up-tiled
features over the picture.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from examples.common.command import check_positive, check_seed, run_command
from examples.common.files import make_folder
from examples.object_discovery.data import DataOptions, load
from kuramoto_nn import load_model
from kuramoto_nn.clustering import average_linkage
from kuramoto_nn.inference import uptiled_features
from kuramoto_nn.plot import overlay_labels, phase_colors, write_film

MODEL = Path(__file__).parent / "object_discovery/trained/tetrominoes-attn"
SIDE, BORDER, REST = 128, 8, 12
"""Pixels of a picture's side and between pictures, and frames that show the last state."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Show how a trained network binds the parts of objects."""

    num_images: int = 4
    """Number of pictures, one row each."""
    num_clusters: int = 4
    """K, the clusters of each picture: three pieces and the ground."""
    seed: int = 0
    """Seed of the noise that the oscillators start from."""
    out: Path = Path("runs/binding")
    """Folder of the film."""

    def __post_init__(self):
        check_positive(self, "num_images", most=64)
        check_positive(self, "num_clusters", most=12)
        check_seed(self.seed)


@torch.no_grad()
def draw_film(options: Options) -> Tensor:
    """Frames ``(T + 1 + REST, H, W, 3)``."""
    model: Any = load_model(MODEL)
    config = model.config
    data = load(DataOptions(name="tetrominoes", num_test_images=options.num_images), "test")
    images = data.images[:].float() / 255
    generator = torch.Generator().manual_seed(options.seed)
    noise = torch.randn(len(images), config.channels, *config.grid, generator=generator)
    states = model.trajectories(images, noise=noise)[-1].states  # (T + 1, B, C, h, w)
    features, size = partial(model.features, noise=noise), config.patch_size
    fine = uptiled_features(features, images, patch_size=size, factor=size)  # (B, C, H, W)
    labels = average_linkage(fine.flatten(2).mT, options.num_clusters).view(-1, *images.shape[2:])
    rows = []
    for image, path, clusters in zip(images, states.unbind(1), labels, strict=True):
        phases = phase_colors(path, config.oscillator_dim)
        ground = int(clusters.flatten().mode().values)  # the largest cluster
        colored = overlay_labels(image, clusters, opacity=0.75, background=ground)
        columns = (image.movedim(0, -1)[None], phases, colored[None])
        rows.append(torch.cat([_framed(part).expand(len(path), -1, -1, -1) for part in columns], 2))
    film = torch.cat(rows, 1)
    return torch.cat((film, film[-1:].expand(REST, -1, -1, -1)))


def _framed(colors: Tensor) -> Tensor:
    """Enlarge colours ``(T, h, w, 3)`` and put a white border around them."""
    larger = F.interpolate(colors.movedim(-1, 1).float(), size=(SIDE, SIDE))
    return F.pad(larger, 4 * (BORDER // 2,), value=1.0).movedim(1, -1)


def main(options: Options) -> None:
    make_folder(options.out)
    film = options.out / "binding.gif"
    write_film(film, draw_film(options), seconds_per_frame=0.25)
    print(f"{film} written: picture, phases, clusters")


if __name__ == "__main__":
    run_command(main, Options)
