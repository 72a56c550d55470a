"""Solve Sudokus with the small model that comes along, or one of your own.

    python -m examples.sudoku.solve 53..7....6..195...…  # 81 characters
    python -m examples.sudoku.solve boards.txt > solutions.txt
    cat boards.txt | python -m examples.sudoku.solve -

A board is 81 characters, row by row, ``.`` or 0 for a blank. One board is printed as a grid; of a
file, or ``-`` for standard input, every line's solution as a line of 81 digits. What cannot be
solved is said on standard error, and the exit code is then not 0.
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TextIO

import torch
import tyro
from torch import Tensor

from examples.sudoku.animate import animate
from examples.sudoku.attempts import Attempt, attempt
from examples.sudoku.data import format_cells, is_header, parse_cells, solutions_of
from examples.sudoku.lines import ready_lines
from examples.sudoku.rules import contradiction
from examples.sudoku.weights import SHIPPED, load_model
from examples.training.checks import check_positive, check_seed
from examples.training.command import run_command
from examples.training.distributed import pick_device
from kuramoto_nn.models import AKOrNSudoku

MOST_LINES = 64
"""Boards of a file that are solved at once."""


@dataclass(frozen=True, kw_only=True)
class SolveOptions:
    """Solve a Sudoku, or a file of them."""

    puzzle: Annotated[str, tyro.conf.Positional]
    """81 characters, row by row, . or 0 for a blank; a file with a board a line; - for stdin."""
    model: Path = SHIPPED
    """Folder of a saved model or a run, or a checkpoint; the shipped one if not given."""
    budget: float = 30.0
    """Seconds per board, for as many samples and steps as they allow."""
    seed: int = 0
    """Seed of the oscillators' noise."""
    animate: Path | None = None
    """GIF of the digits and oscillators settling; for a single board."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""

    def __post_init__(self):
        check_positive(self, "budget")
        check_seed(self.seed)
        if self.animate is not None and self.animate.suffix != ".gif":
            raise ValueError(f"--animate must be a .gif file: got {self.animate}")
        if self.animate is not None and not self.is_single:
            raise ValueError("--animate takes a single board: got a file of boards")

    @property
    def is_single(self) -> bool:
        """Whether the argument is a board itself, well-formed or not, and no file."""
        looks_so = len(self.puzzle) == 81 or set(self.puzzle) <= set("0123456789.")
        return looks_so and not os.path.isfile(self.puzzle)  # Path's raises on long names


def solve(options: SolveOptions) -> None:
    """Solve what the options name, and print it.

    Args:
        options: Which boards, with which model.

    Raises:
        ValueError: If a board is none, contradicts itself, or no valid answer was found in time.
        OSError: If a file is missing or the disk refuses.
    """
    if options.is_single:
        puzzle = _parse(options.puzzle)
        model, device = _load(options)
        began = time.monotonic()
        (found,) = attempt(
            model, puzzle[None].to(device), seconds=options.budget, seed=options.seed
        )
        answer = _answer(found, options)
        print(_grid(answer))
        print(
            f"{found.steps} steps, energy {found.energy:.1f}, sample {found.sample + 1} of the "
            f"noise, {time.monotonic() - began:.1f} s"
        )
        if options.animate is not None:
            animate(model, puzzle, found, options.animate, seed=options.seed)
            print(f"animation: {options.animate}")
    elif options.puzzle == "-":
        _solve_lines(sys.stdin, "standard input", options)
    else:
        if not os.path.exists(options.puzzle):
            raise FileNotFoundError(
                f"{options.puzzle} is neither a file nor a board of 81 characters, . or 0 for a "
                f"blank: got {len(options.puzzle)} characters"
            )
        with Path(options.puzzle).open(encoding="utf-8") as file:
            _solve_lines(file, options.puzzle, options)


def _solve_lines(file: TextIO, name: str, options: SolveOptions) -> None:
    """A solution a line, as soon as there are some; complaints go to standard error."""
    model, device = _load(options)
    count, failed = 0, 0

    def complain(number: int, error: ValueError) -> None:
        nonlocal failed
        failed += 1
        print(f"{name}, line {number}: {error}", file=sys.stderr, flush=True)

    for lines in ready_lines(file, most=MOST_LINES):
        puzzles: dict[int, Tensor] = {}
        for number, line in lines:
            if number == 1 and is_header(line):
                continue
            count += 1
            try:
                puzzles[number] = _parse(line.split(",")[0].strip())
            except ValueError as error:
                complain(number, error)
        if not puzzles:
            continue
        batch = torch.stack(list(puzzles.values())).to(device)
        attempts = attempt(model, batch, seconds=options.budget, seed=options.seed)
        for number, found in zip(puzzles, attempts, strict=True):
            try:
                print(format_cells(_answer(found, options)), flush=True)
            except ValueError as error:
                complain(number, error)
    if count == 0:
        raise ValueError(f"{name} has no board; give one of 81 characters a line")
    if failed:
        raise ValueError(f"{failed} of {count} boards of {name} were not solved")


def _parse(text: str) -> Tensor:
    puzzle = parse_cells(text)
    reason = contradiction(puzzle)
    # A solver of another kind refuses what nobody can solve; it has no part in the answers.
    if reason is None and next(solutions_of(puzzle), None) is None:
        reason = "no way of filling them up obeys the rules"
    if reason is not None:
        raise ValueError(f"contradictory givens: {reason}")
    return puzzle


def _answer(found: Attempt, options: SolveOptions) -> Tensor:
    if found.answer is None:
        raise ValueError(
            f"no valid answer found in the budget of {options.budget:g} s a board, with "
            f"{found.sample + 1} samples of the noise and up to {found.steps} steps; "
            f"raise --budget"
        )
    return found.answer


def _load(options: SolveOptions) -> tuple[AKOrNSudoku, torch.device]:
    model, name = load_model(options.model)
    if not isinstance(model, AKOrNSudoku):
        raise ValueError(f"--model must be oscillators, which can try again: got {name}")
    device = pick_device(options.device)
    return model.to(device), device


def _grid(board: Tensor) -> str:
    """Nine lines, with rules between the boxes."""
    rows = [
        " | ".join(" ".join(str(d) for d in part) for part in row)
        for row in board.unflatten(1, (3, 3)).tolist()
    ]
    rule = "------+-------+------"
    return "\n".join([*rows[:3], rule, *rows[3:6], rule, *rows[6:]])


if __name__ == "__main__":
    run_command(solve, SolveOptions)
