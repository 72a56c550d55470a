"""Thinking longer: a board that the shipped solver solves only with more steps.

    python -m examples.sudoku --out runs/sudoku

Draws boards until one is wrong after the network's own number of steps (T of its configuration) and
solved after more. Writes a film of its digits and oscillators, and curves over the steps. For a
board of your own: ``python -m examples.sudoku.solve BOARD --animate board.gif``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from examples.common.command import check_positive, check_seed, run_command
from examples.common.files import make_folder
from examples.sudoku.animate import animate
from examples.sudoku.boards import format_cells
from examples.sudoku.generate import FEWEST_GIVENS, generate
from examples.sudoku.rules import CELLS, solves
from examples.sudoku.solve import SHIPPED
from examples.sudoku.solver import board_noise
from kuramoto_nn import load_model
from kuramoto_nn.models import SudokuTrajectory
from kuramoto_nn.plot import plot_curves

NUM_BOARDS = 64


@dataclass(frozen=True, kw_only=True)
class Options:
    """Show a Sudoku that needs more steps than the network's own T."""

    givens: int = 28
    """Given cells of the boards that are drawn; fewer are harder."""
    num_steps: int = 128
    """Steps T."""
    seed: int = 0
    """Seed of the boards and of the oscillators' noise."""
    format: Literal["gif", "webp", "mp4"] = "gif"
    """Format of the film."""
    out: Path = Path("runs/sudoku")
    """Folder of the film and the curves."""

    def __post_init__(self):
        check_positive(self, "num_steps", most=4096)
        check_seed(self.seed)
        if not FEWEST_GIVENS <= self.givens <= CELLS:
            raise ValueError(f"--givens must lie in {FEWEST_GIVENS}..{CELLS}: got {self.givens}")


@torch.no_grad()
def find(model: Any, options: Options) -> tuple[Tensor, Tensor, Tensor, SudokuTrajectory]:
    """Find a board that needs more steps: puzzle, solution, noise and trajectory."""
    boards = generate(
        NUM_BOARDS, givens=range(options.givens, options.givens + 1), seed=options.seed
    )
    draw, own = board_noise(model, options.seed, torch.device("cpu")), model.config.num_steps
    for number, (puzzle, solution) in enumerate(zip(boards.puzzles, boards.solutions, strict=True)):
        noise = draw(torch.tensor([number]), torch.tensor([0]))
        run = model.trajectory(puzzle[None], num_steps=options.num_steps, noise=noise)
        solved = solves(run.logits[:, 0].argmax(-1) + 1, puzzle)
        if solved[-1] and not solved[: own + 1].any():
            return puzzle, solution, noise, run
    raise ValueError(
        f"none of {NUM_BOARDS} boards was solved by {options.num_steps} steps and not by {own}; "
        f"try another --givens, --num-steps or --seed"
    )


def main(options: Options) -> None:
    make_folder(options.out)
    model: Any = load_model(SHIPPED)
    puzzle, solution, noise, run = find(model, options)
    right = (run.logits[:, 0].argmax(-1) + 1 == solution)[:, puzzle == 0].double().mean(1)
    first = int((right < 1).nonzero().max()) + 1
    print(f"{format_cells(puzzle)}\n{format_cells(solution)}")
    for step in sorted({0, model.config.num_steps, first, options.num_steps}):
        percent, energy = 100 * right[step].item(), run.energies[step, 0].item()
        print(f"step {step:4}: {percent:5.1f} % of the blank cells right, energy {energy:.1f}")
    film = options.out / f"board.{options.format}"
    animate(model, puzzle, film, num_steps=options.num_steps, noise=noise)
    panels = {"blank cells right (%)": 100 * right, "energy E": run.energies[:, 0]}
    plot_curves(panels).savefig(options.out / "curves.png", dpi=120)
    print(f"{film} and curves.png written")


if __name__ == "__main__":
    run_command(main, Options)
