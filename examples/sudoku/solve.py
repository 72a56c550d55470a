"""Solve Sudokus with the shipped model, or one of your own.

    python -m examples.sudoku.solve 53..7....6..195...…  # 81 characters
    python -m examples.sudoku.solve boards.txt > solutions.txt
    cat boards.txt | python -m examples.sudoku.solve -

A board is 81 characters, row by row, ``.`` or 0 for a blank. One board is printed as a grid. For a
file (plain, .gz or .xz; its form is recognised), or ``-`` for standard input, the solution of every
board is printed as a line of 81 digits. A board without an answer is a line of 81 dots; the reason
goes to standard error, and the exit code is then not 0. Such a board takes the whole ``--budget``;
lower it for long files.
"""

import math
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TextIO

import torch
import tyro
from torch import Tensor

from examples.common.command import check_positive, check_seed, run_command
from examples.common.device import pick_device
from examples.sudoku.animate import animate
from examples.sudoku.boards import Entry, digits, format_cells, open_text, parse_lines, read_entries
from examples.sudoku.generate import has_solution, solutions_of
from examples.sudoku.rules import contradiction, solves
from examples.sudoku.solver import Solver, board_noise, load_network
from kuramoto_nn.inference import votes
from kuramoto_nn.models import AKOrNSudoku, SudokuModel
from kuramoto_nn.plot import FILM_FORMATS

SHIPPED = Path(__file__).parent / "trained" / "sudoku-akorn-harder"  # in this repository
GROUP_SIZE = 64  # boards of a file that are solved together, and samples that run at once
NO_ANSWER = 81 * "."
MOST_STEPS = 128  # updates T of oscillators, as long as no answer is valid
# Numbers of samples after each round, 1, 5, 21, …; boards share batches within a round.
ROUNDS = [(4**n - 1) // 3 for n in range(1, 13)]


@dataclass(frozen=True, kw_only=True)
class SolveOptions:
    """Solve a Sudoku, or a file of them."""

    board: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BOARD")]
    """81 characters, row by row, . or 0 for a blank; a file of boards; - for stdin."""
    model: str | Path = SHIPPED
    """Trained model: a saved folder, a run's folder, or a name on the Hub."""
    budget: float = 30.0
    """Time limit per board, in seconds; more time allows more samples and steps."""
    noise_seed: int = 0
    """Seed of the oscillators' noise."""
    animate: Path | None = None
    """Film (.gif, .webp or .mp4) of the digits and oscillators after every step; for one board."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""

    def __post_init__(self):
        check_positive(self, "budget")
        check_seed(self.noise_seed, "noise_seed")
        if self.animate is not None and self.animate.suffix.lower() not in FILM_FORMATS:
            raise ValueError(f"--animate must end in {', '.join(FILM_FORMATS)}: got {self.animate}")
        if self.animate is not None and not self.is_single:
            raise ValueError("--animate takes a single board: got a file of boards")

    @property
    def is_single(self) -> bool:
        """Whether the argument is a board, well-formed or not, and not a file."""
        board = self.board
        looks_so = len(board) == 81 or "\n" in board or set(board) <= set("0123456789. ")
        return looks_so and not os.path.isfile(board)  # Path.is_file raises on long names


class Attempt(NamedTuple):
    """Result of trying to solve a board: the answer, or the last try."""

    answer: Tensor | None = None  # (9, 9); None if none obeys the rules and keeps the givens
    num_steps: int = 0  # T
    sample: int = -1  # number of its sample of the noise, from 0
    energy: float = math.nan  # of its last state


def solve(options: SolveOptions) -> None:
    """Solve the boards that the options name, and print the answers.

    ValueError if a board is malformed, contradicts itself, or no valid answer was found in time;
    OSError if a file cannot be read or written.
    """
    if options.is_single:
        _solve_one(options)
    elif options.board == "-":
        if sys.stdin is None:  # `<&-`
            raise ValueError("standard input is closed; name a file of boards")
        _solve_file(sys.stdin, "standard input", options)
    elif not os.path.exists(options.board):
        raise FileNotFoundError(
            f"{options.board} is neither a file nor a board of 81 characters, . or 0 for a "
            f"blank: got {len(options.board)} characters"
        )
    else:
        _solve_file(open_text(Path(options.board)), options.board, options)


def _solve_one(options: SolveOptions) -> None:
    """Print the answer as a grid, and how it was found."""
    entries = list(map(_checked, parse_lines(options.board.splitlines())))
    if len(entries) != 1:
        raise ValueError(f"BOARD must be one board: got {len(entries)}")
    if not entries[0].puzzle:
        raise ValueError(entries[0].error)
    model, device = _load(options)
    puzzle, began = digits(entries[0].puzzle).to(device), time.monotonic()
    limits = {"seconds": options.budget, "noise_seed": options.noise_seed}
    # A film shows the board as it is.
    (found,) = attempt(model, puzzle, **limits, symmetries=options.animate is None)
    if found.answer is None:
        raise ValueError(_failure(found, entries[0], options.budget))
    rows = [
        " | ".join(" ".join(map(str, part)) for part in row)
        for row in found.answer.unflatten(1, (3, 3)).tolist()
    ]
    rule = "------+-------+------"
    print("\n".join([*rows[:3], rule, *rows[3:6], rule, *rows[6:]]))
    energy = "" if math.isnan(found.energy) else f", energy {found.energy:.1f}"
    seconds = time.monotonic() - began
    print(f"{found.num_steps} steps{energy}, sample {found.sample + 1}, {seconds:.1f} s")
    if options.animate is not None:
        assert isinstance(model, AKOrNSudoku)
        noise = board_noise(model, options.noise_seed, device)
        start = noise(torch.tensor([0]), torch.tensor([found.sample]))
        animate(model, puzzle[0], options.animate, num_steps=found.num_steps, noise=start)
        print(f"animation: {options.animate}")


def _solve_file(file: TextIO, name: str, options: SolveOptions) -> None:
    """Print a line per board, group by group; errors go to standard error."""
    model, device = _load(options)
    count = failed = 0
    for group in grouped(read_entries(file, name), GROUP_SIZE):
        entries = list(map(_checked, group))
        puzzles = digits("".join(entry.puzzle for entry in entries)).to(device)
        limits = {"seconds": options.budget, "noise_seed": options.noise_seed}
        attempts = iter(attempt(model, puzzles, **limits))
        for entry in entries:
            found = next(attempts) if entry.puzzle else Attempt()
            if found.answer is None:
                failed += 1
                reason = _failure(found, entry, options.budget) if entry.puzzle else entry.error
                print(f"{name}, line {entry.line}: {reason}", file=sys.stderr, flush=True)
            print(NO_ANSWER if found.answer is None else format_cells(found.answer), flush=True)
        count += len(group)
    if count == 0:
        raise ValueError(f"{name} has no board; give one of 81 characters a line")
    if failed:
        raise ValueError(f"{failed} of {count} boards of {name} were not solved")


def _checked(entry: Entry) -> Entry:
    """Replace a puzzle that has no solution by the reason."""
    # PySAT refuses boards without a solution; it is not used for the answers.
    if not entry.puzzle or has_solution(puzzle := digits(entry.puzzle)[0]):
        return entry
    reason = contradiction(puzzle) or "no valid board contains all of them"
    return Entry(entry.line, error=f"contradictory givens: {reason}")


def _failure(found: Attempt, entry: Entry, budget: float) -> str:
    """Why a puzzle was not solved."""
    has_many = len([*islice(solutions_of(digits(entry.puzzle)), 2)]) > 1
    many = "; it has more than one solution, unlike the boards that networks are trained on"
    return (
        f"no valid answer found in the budget of {budget:g} s a board, with {found.sample + 1} "
        f"samples and up to {found.num_steps} steps; raise --budget{many if has_many else ''}"
    )


def _load(options: SolveOptions) -> tuple[SudokuModel, torch.device]:
    model = load_network(options.model)
    if options.animate is not None and not isinstance(model, AKOrNSudoku):
        raise ValueError(f"--animate needs oscillators: got {options.model}, without any")
    device = pick_device(options.device)
    return model.to(device), device


def attempt(
    model: SudokuModel,
    puzzles: Tensor,
    *,
    seconds: float,
    noise_seed: int = 0,
    symmetries: bool = True,
) -> list[Attempt]:
    """Try sample after sample until every board has a valid answer, or its time is over.

    A sample takes up to `MOST_STEPS` updates, and fewer if its answer is valid before. The first
    valid answer in the order of the samples is taken. The time limit and the other boards do not
    change which one that is: all boards start from the same samples.

    Puzzles are ``(B, 9, 9)`` on the network's device. ``seconds`` is the time per board, which
    takes its share of that of a batch; at least one sample runs. ``symmetries``: see `Solver`.
    """
    steps = max(MOST_STEPS, model.layer.num_steps) if isinstance(model, AKOrNSudoku) else None
    solver = Solver(model, steps, noise_seed, checked=True, symmetries=symmetries)
    starts, found = solver.starts(puzzles.device), [Attempt() for _ in puzzles]
    spent = torch.zeros(len(puzzles))
    if not found:
        return found

    def run(boards: Tensor, samples: Tensor) -> tuple[Tensor, None]:
        began = time.monotonic()
        tried = solver.run(puzzles[boards], starts(torch.zeros_like(boards), samples))
        answers, energies = tried.answers, tried.energies
        is_valid = solves(answers, puzzles[boards])
        for row, (board, sample) in enumerate(zip(boards.tolist(), samples.tolist(), strict=True)):
            if found[board].answer is None:
                found[board] = Attempt(
                    answers[row] if is_valid[row] else None,
                    int(tried.num_steps[row]),
                    sample,
                    math.nan if energies is None else energies[-1, row, 0].item(),
                )
        share = torch.full((len(boards),), (time.monotonic() - began) / len(boards))
        spent.index_add_(0, boards.cpu(), share)
        return answers, None

    def is_over(boards: Tensor, answers: Tensor) -> Tensor:
        return solves(answers, puzzles[boards]) | (spent.to(boards.device)[boards] >= seconds)

    for _ in votes(
        run,
        torch.arange(len(puzzles), device=puzzles.device),
        lambda boards, samples: samples,
        num_samples=ROUNDS,
        scores=[],
        batch_size=GROUP_SIZE,
        is_final=is_over,
    ):
        late = (spent >= seconds).tolist()
        if all(end or tried.answer is not None for tried, end in zip(found, late, strict=True)):
            break
    return found


def grouped(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Collect the items that are available, up to ``size``, and wait only for the first of a group.

    A typed board is then answered at once, and a long file is read in batches. An error in the
    items is raised after the last group.
    """
    waiting: queue.Queue[Any] = queue.Queue(size)

    def read() -> None:
        end: Exception = StopIteration()
        try:
            for item in items:
                waiting.put(item)
        except Exception as error:
            end = error
        waiting.put(end)

    threading.Thread(target=read, daemon=True).start()
    end = None
    while end is None:
        group = [waiting.get()]
        while len(group) < size and not waiting.empty():
            group.append(waiting.get())
        if isinstance(group[-1], Exception):
            end = group.pop()
        if group:
            yield group
    if not isinstance(end, StopIteration):
        raise end


if __name__ == "__main__":
    run_command(solve, SolveOptions)
