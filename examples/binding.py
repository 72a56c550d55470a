"""Binding: oscillators of a trained network fall into step, object by object.

    python -m examples.binding --out runs/binding

Loads the Tetrominoes model of this repository, draws pictures that it has not seen, and writes a
film: the picture, the phases after each step, and the clusters of its features.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from examples.common.command import check_positive, check_seed, run_command
from examples.common.files import make_folder
from examples.object_discovery.data import DataOptions, load
from kuramoto_nn import load_model
from kuramoto_nn.clustering import average_linkage
from kuramoto_nn.plot import label_colors, phase_colors, write_film

MODEL = Path(__file__).parent / "object_discovery/trained/tetrominoes-attn-tiny"
SCALE, BORDER = 4, 8


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
        check_positive(self, "num_images", "num_clusters")
        check_seed(self.seed)


@torch.no_grad()
def main(options: Options) -> None:
    model: Any = load_model(MODEL)
    data = load(DataOptions(name="tetrominoes", num_test_images=options.num_images), "test")
    images = data.images[:].float() / 255
    generator = torch.Generator()
    start = generator.manual_seed(options.seed).get_state()
    states = model.trajectories(images, generator=generator)[-1].states  # (T + 1, B, C, h, w)
    features = model.features(images, generator=generator.set_state(start))
    labels = average_linkage(features.flatten(2).mT, options.num_clusters)
    labels = labels.view(len(images), *features.shape[2:])

    def enlarged(colors: torch.Tensor) -> torch.Tensor:  # (T, h, w, 3) -> (T, H, W, 3), bordered
        size = tuple(SCALE * side for side in images.shape[2:])
        tile = F.interpolate(colors.movedim(-1, 1).float(), size=size)
        return F.pad(tile, (BORDER, BORDER, BORDER, BORDER), value=1.0).movedim(1, -1)

    rows = []
    for i in range(len(images)):
        phases = enlarged(phase_colors(states[:, i], model.config.oscillator_dim))
        picture = enlarged(images[i : i + 1].movedim(1, -1)).expand_as(phases)
        clusters = enlarged(label_colors(labels[i : i + 1], background=None)).expand_as(phases)
        rows.append(torch.cat((picture, phases, clusters), 2))
    film = torch.cat(rows, 1)
    film = torch.cat((film, film[-1:].expand(12, *film.shape[1:])))  # rests on the last state
    make_folder(options.out)
    write_film(options.out / "binding.gif", film, seconds_per_frame=0.25)
    print(f"{options.out / 'binding.gif'} written: picture, phases, clusters")


if __name__ == "__main__":
    run_command(main, Options)
