"""Write the pictures of the documentation into docs/images, with the examples and `plot`.

    python -m docs.tools.figures [NAME…]

Figures are SVG in two versions, for light and for dark pages; films are WebP.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import torch
from matplotlib.figure import Figure

from examples import (
    binding,
    classical_kuramoto,
    drop_in_block,
    first_layer,
    fish,
    own_coupling,
)
from examples.sudoku import __main__ as sudoku
from examples.sudoku.animate import animate
from examples.sudoku.generate import generate
from examples.sudoku.rules import solves
from examples.sudoku.solve import SHIPPED
from kuramoto_nn import load_model
from kuramoto_nn.plot import component_colors, plot_curves, write_film

IMAGES = Path(__file__).parents[1] / "images"
STYLES = {"light": "default", "dark": "dark_background"}
FILM_STEPS = 128
"""Steps of the fish that its film shows; the waves then travel without change."""


def save(name: str, draw: Callable[[], Figure]) -> None:
    """Write a figure for light and for dark pages, with a transparent ground."""
    for version, style in STYLES.items():
        with matplotlib.style.context(style), matplotlib.rc_context({"svg.hashsalt": name}):
            path = IMAGES / f"{name}-{version}.svg"
            draw().savefig(path, transparent=True, metadata={"Date": None})


def draw_fish() -> None:
    """The film and the energy of the fish."""
    states, energies = fish.simulate(fish.read_silhouette(), num_steps=256, seed=5)
    colors = component_colors(states[:, 0])[: FILM_STEPS + 1]
    write_film(IMAGES / "fish.webp", colors, seconds_per_frame=0.06, scale=4)
    save("fish-energy", lambda: plot_curves({"energy E": energies[:, 0]}))


def draw_first_layer() -> None:
    """Order parameters and energy of two groups."""
    (states, energies), in_disc = first_layer.synchronise(seed=0)
    orders = first_layer.orders_of(states, in_disc)
    panels = {"order parameter R": orders, "energy E": energies[:, 0]}
    save("first-layer", lambda: plot_curves(panels))


def draw_classical() -> None:
    """Kuramoto's transition."""
    options = classical_kuramoto.Options()
    measured = classical_kuramoto.measure(classical_kuramoto.STRENGTHS, options)
    save("classical", lambda: classical_kuramoto.draw(measured))


def draw_own_coupling() -> None:
    """Trees that are coloured right, against T."""
    layer = own_coupling.train(num_steps=300, seed=0)
    sizes = own_coupling.SIZES
    curves = {f"{size} nodes": own_coupling.accuracies(layer, size) for size in sizes}
    panels, steps = {"trees coloured right (%)": curves}, own_coupling.TESTED_STEPS
    save("own-coupling", lambda: plot_curves(panels, x=steps, x_label="steps T"))


def draw_drop_in() -> None:
    """Accuracy against noise, with and without a block."""
    panels = drop_in_block.compare()
    save("drop-in", lambda: plot_curves(panels, x=drop_in_block.NOISES, x_label="noise"))


def draw_binding() -> None:
    """The film of the Tetrominoes model."""
    film = binding.draw_film(binding.Options())
    write_film(IMAGES / "binding.webp", film, seconds_per_frame=0.25)


def draw_sudoku() -> None:
    """The film of a board that needs more steps."""
    model: Any = load_model(SHIPPED)
    options = sudoku.Options()
    puzzle, _, noise, _ = sudoku.find(model, options)
    animate(model, puzzle, IMAGES / "sudoku.webp", num_steps=options.num_steps, noise=noise)


def draw_thinking() -> None:
    """Energies of solved and other boards; updates until the solution, by the number of givens."""
    model: Any = load_model(SHIPPED)
    boards = generate(140, givens=range(22, 36, 2), seed=3)
    with torch.no_grad():
        run = model.trajectory(boards.puzzles, num_steps=128, generator=torch.Generator())
    right = solves(run.logits.argmax(-1) + 1, boards.puzzles)  # (T + 1, B)
    energies = {
        "solved": run.energies[:, right[-1]][:, ::4],
        "not solved": run.energies[:, ~right[-1]],
    }
    updates = (right.cumsum(0) == 0).sum(0).double()  # T + 1 if there is no solution
    groups = {n: updates[boards.givens == n] for n in boards.givens.unique().tolist()}
    needed = {
        f"{share} % of the boards": torch.stack([g.quantile(share / 100) for g in groups.values()])
        for share in (50, 75, 90)
    }
    save("sudoku-energy", lambda: plot_curves({"energy E": energies}))
    panel = {"updates until the solution": needed}
    save("sudoku-updates", lambda: plot_curves(panel, x=list(groups), x_label="given cells"))


FIGURES = {
    "fish": draw_fish,
    "first-layer": draw_first_layer,
    "classical": draw_classical,
    "own-coupling": draw_own_coupling,
    "binding": draw_binding,
    "sudoku": draw_sudoku,
    "thinking": draw_thinking,
    "drop-in": draw_drop_in,
}


def main(names: list[str]) -> None:
    """Write the named pictures, or all."""
    if unknown := set(names) - set(FIGURES):
        sys.exit(f"error: no figure {', '.join(sorted(unknown))}; known are {', '.join(FIGURES)}")
    for name in names or FIGURES:
        print(f"figure {name}", flush=True)
        FIGURES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
