"""Solve Sudokus with the shipped model, or one of your own.

    python -m examples.sudoku.solve 53..7....6..195...…  # 81 characters
    python -m examples.sudoku.solve boards.txt > solutions.txt
    cat boards.txt | python -m examples.sudoku.solve -

A board is 81 characters, row by row, ``.`` or 0 for a blank. One board is printed as a grid; of a
file (plain, .gz or .xz; its form is recognised), or ``-`` for standard input, every board's
solution as a line of 81 digits. A board that cannot be solved is a line of 81 dots; the reason goes
to standard error, and the exit code is then not 0.
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
from typing import Annotated, Any, TextIO, TypeVar

import torch
import tyro
from torch import Tensor

from examples.common.command import check_positive, check_seed, run_command
from examples.common.device import pick_device
from examples.sudoku.animate import animate
from examples.sudoku.data import (
    UNREADABLE,
    Entry,
    digits,
    format_cells,
    has_solution,
    open_text,
    parse_lines,
    solutions_of,
)
from examples.sudoku.rules import contradiction, solves
from kuramoto_nn import load_model
from kuramoto_nn.inference import Noise, seeded_noise
from kuramoto_nn.models import AKOrNSudoku

SHIPPED = Path(__file__).parent / "trained" / "sudoku-akorn-tiny"
"""The small model in this repository."""
MOST_TOGETHER = 64
"""Boards of a file that are solved at once."""
NO_ANSWER = 81 * "."
MOST_STEPS, MOST_SAMPLES = 128, 64
"""Limits of the steps, which double from round to round, and the samples, which quadruple."""
NOTHING_YET = object()
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SolveOptions:
    """Solve a Sudoku, or a file of them."""

    board: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BOARD")]
    """81 characters, row by row, . or 0 for a blank; a file of boards; - for stdin."""
    model: str | Path = SHIPPED
    """Trained model: a saved folder, a run's folder, or a name on the Hub."""
    budget: float = 30.0
    """Seconds per board, for as many samples and steps as they allow."""
    noise_seed: int = 0
    """Seed of the oscillators' noise."""
    animate: Path | None = None
    """GIF of the digits and oscillators settling; for a single board."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""

    def __post_init__(self):
        check_positive(self, "budget")
        check_seed(self.noise_seed, "noise_seed")
        if self.animate is not None and self.animate.suffix != ".gif":
            raise ValueError(f"--animate must be a .gif file: got {self.animate}")
        if self.animate is not None and not self.is_single:
            raise ValueError("--animate takes a single board: got a file of boards")

    @property
    def is_single(self) -> bool:
        """Whether the argument is a board itself, well-formed or not, and no file."""
        board = self.board
        looks_so = len(board) == 81 or "\n" in board or set(board) <= set("0123456789.")
        return looks_so and not os.path.isfile(board)  # Path's raises on long names


def solve(options: SolveOptions) -> None:
    """Solve the boards that the options name, and print the answers.

    Args:
        options: Which boards, with which model.

    Raises:
        ValueError: If a board is malformed, contradicts itself, or no valid answer was found in
            time.
        OSError: If a file is missing or the disk is full.
    """
    if options.is_single:
        _solve_one(options)
    elif options.board == "-":
        _solve_lines(sys.stdin, "standard input", options)
    elif not os.path.exists(options.board):
        raise FileNotFoundError(
            f"{options.board} is neither a file nor a board of 81 characters, . or 0 for a "
            f"blank: got {len(options.board)} characters"
        )
    else:
        with open_text(Path(options.board)) as file:
            _solve_lines(file, options.board, options)


def _solve_one(options: SolveOptions) -> None:
    """Print the answer as a grid, and how it was found."""
    entries = list(parse_lines(options.board.splitlines()))
    if len(entries) != 1:
        raise ValueError(f"BOARD must be one board: got {len(entries)}")
    puzzle = _puzzle(entries[0])
    model, device = _load(options)
    began = time.monotonic()
    found = attempt(
        model, puzzle[None].to(device), seconds=options.budget, noise_seed=options.noise_seed
    )[0]
    answer = _answer(found, puzzle, options)
    rows = [
        " | ".join(" ".join(map(str, part)) for part in row)
        for row in answer.unflatten(1, (3, 3)).tolist()
    ]
    rule = "------+-------+------"
    print("\n".join([*rows[:3], rule, *rows[3:6], rule, *rows[6:]]))
    print(
        f"{found.num_steps} steps, energy {found.energy:.1f}, sample {found.sample + 1} of the "
        f"noise, {time.monotonic() - began:.1f} s"
    )
    if options.animate is not None:
        noise = _noise(model, options.noise_seed, device)
        start = noise(torch.tensor([0]), torch.tensor([found.sample]))
        animate(model, puzzle, options.animate, num_steps=found.num_steps, noise=start)
        print(f"animation: {options.animate}")


def _solve_lines(file: TextIO, name: str, options: SolveOptions) -> None:
    """Print a line per board, group by group; errors go to standard error."""
    model, device = _load(options)
    count = failed = 0
    for entries in ready(parse_lines(file), name, most=MOST_TOGETHER):
        puzzles: dict[int, Tensor] = {}
        errors: dict[int, ValueError] = {}
        for entry in entries:
            try:
                puzzles[entry.line] = _puzzle(entry)
            except ValueError as error:
                errors[entry.line] = error
        attempts = []
        if puzzles:
            batch = torch.stack(list(puzzles.values())).to(device)
            attempts = attempt(model, batch, seconds=options.budget, noise_seed=options.noise_seed)
        found = dict(zip(puzzles, attempts, strict=True))
        for line in (entry.line for entry in entries):
            answer = NO_ANSWER
            try:
                if line in errors:
                    raise errors[line]
                answer = format_cells(_answer(found[line], puzzles[line], options))
            except ValueError as error:
                failed += 1
                print(f"{name}, line {line}: {error}", file=sys.stderr, flush=True)
            print(answer, flush=True)
        count += len(entries)
    if count == 0:
        raise ValueError(f"{name} has no board; give one of 81 characters a line")
    if failed:
        raise ValueError(f"{failed} of {count} boards of {name} were not solved")


def _puzzle(entry: Entry) -> Tensor:
    """The puzzle of a text's entry, if it has a solution."""
    if not entry.boards:
        raise ValueError(entry.error)
    puzzle = digits(entry.boards[0])[0]
    reason = contradiction(puzzle)
    # PySAT refuses boards without a solution; it has no part in the answers.
    if reason is None and not has_solution(puzzle):
        reason = "no way of filling them up obeys the rules"
    if reason is not None:
        raise ValueError(f"contradictory givens: {reason}")
    return puzzle


def _load(options: SolveOptions) -> tuple[AKOrNSudoku, torch.device]:
    if options.model == SHIPPED and not SHIPPED.exists():
        raise ValueError(
            "no weights come with this copy of the examples; train a network "
            "(python -m examples.sudoku.train sudoku-akorn-tiny) and give --model "
            "runs/sudoku-akorn-tiny"
        )
    model = load_model(options.model)
    if not isinstance(model, AKOrNSudoku):
        raise ValueError(
            f"--model must be an AKOrNSudoku, which can try again from other noise: got "
            f"{options.model} ({type(model).__name__})"
        )
    device = pick_device(options.device)
    return model.to(device), device


def _noise(model: AKOrNSudoku, seed: int, device: torch.device) -> Noise:
    return seeded_noise((model.config.channels, 9, 9), seed=seed, device=device)


# Trying: more samples of the noise and more steps, until the rules are kept. ---------------------


@dataclass(frozen=True)
class Attempt:
    """Result of trying to solve a board.

    Attributes:
        answer: ``(9, 9)``; None if no answer obeys the rules and keeps the givens.
        num_steps: T of the answer, or of the last try.
        sample: Number of its sample of the noise, from 0.
        energy: Energy of its last state.
    """

    answer: Tensor | None = None
    num_steps: int = 0
    sample: int = -1
    energy: float = math.nan


def attempt(
    model: AKOrNSudoku,
    puzzles: Tensor,
    *,
    seconds: float,
    noise_seed: int = 0,
    batch_size: int = 64,
) -> list[Attempt]:
    """Try until every board has a valid answer, or its time is over.

    All boards start with one sample at the network's own T. Those that are unsolved then get twice
    the steps and four times the samples, and so on. Of a board's valid answers the first in this
    order is taken: time decides whether there is one, but not which; neither do the other boards,
    as all of them start from the same samples.

    Args:
        model: The network.
        puzzles: ``(B, 9, 9)``, on the network's device.
        seconds: Time per board, which takes its share of that of a batch; something is tried even
            if it is too short.
        noise_seed: Seed of the noise.
        batch_size: Samples, of any boards, at a time.

    Returns:
        What was found, board by board.
    """
    noise = _noise(model, noise_seed, puzzles.device)
    found = [Attempt() for _ in puzzles]
    left = [seconds] * len(puzzles)

    def is_open(board: int) -> bool:
        return found[board].answer is None and left[board] > 0

    for num_steps, samples in _rounds(model.config.num_steps):
        unsolved = [board for board in range(len(puzzles)) if is_open(board)]
        if not unsolved:
            break
        pairs = [(board, sample) for sample in samples for board in unsolved]
        for start in range(0, len(pairs), batch_size):
            part = [pair for pair in pairs[start : start + batch_size] if is_open(pair[0])]
            if not part:
                continue
            began = time.monotonic()
            tried = _try(model, puzzles, noise, part, num_steps)
            spent = time.monotonic() - began
            for (board, _), result in zip(part, tried, strict=True):
                left[board] -= spent / len(part)
                if found[board].answer is None:
                    found[board] = result
    return found


@torch.no_grad()
def _try(
    model: AKOrNSudoku,
    puzzles: Tensor,
    noise: Noise,
    pairs: list[tuple[int, int]],
    num_steps: int,
) -> list[Attempt]:
    """Run pairs of a board and a sample."""
    boards, samples = torch.tensor(pairs, device=puzzles.device).unbind(1)
    given, start = puzzles[boards], noise(torch.zeros_like(boards), samples)
    logits, energies = model.rollout(given, num_steps=num_steps, noise=start)
    answers = logits.argmax(-1) + 1
    columns = (pairs, answers, solves(answers, given).tolist(), energies[-1].tolist())
    return [
        Attempt(answer if is_valid else None, num_steps, sample, energy)
        for (_, sample), answer, is_valid, energy in zip(*columns, strict=True)
    ]


def _rounds(num_steps: int) -> Iterator[tuple[int, range]]:
    """T and the numbers of the samples of every round, without end."""
    first, samples = 0, 1
    while True:
        yield num_steps, range(first, first + samples)
        first += samples
        num_steps = max(num_steps, min(2 * num_steps, MOST_STEPS))
        samples = min(4 * samples, MOST_SAMPLES)


def _answer(found: Attempt, puzzle: Tensor, options: SolveOptions) -> Tensor:
    if found.answer is None:
        has_many = len([*islice(solutions_of(puzzle), 2)]) > 1
        many = "; it has more than one solution, unlike the boards that networks are trained on"
        raise ValueError(
            f"no valid answer found in the budget of {options.budget:g} s a board, with "
            f"{found.sample + 1} samples of the noise and up to {found.num_steps} steps; "
            f"raise --budget{many if has_many else ''}"
        )
    return found.answer


# Reading: boards of a file or a pipe in groups, as they come. ------------------------------------


def ready(items: Iterable[T], name: str, *, most: int) -> Iterator[list[T]]:
    """Collect items into groups; only the first one of a group is waited for.

    A person who types gets an answer after every board, and a long file is read in batches.

    Args:
        items: Read from an open text file.
        name: Its name, for messages.
        most: Largest group.

    Yields:
        The items of a group.

    Raises:
        ValueError: If the file is damaged, or no text.
    """
    waiting: queue.Queue[Any] = queue.Queue(maxsize=most)

    def read() -> None:
        try:
            for item in items:
                waiting.put(item)
            waiting.put(None)
        except UNREADABLE as error:
            waiting.put(ValueError(f"{name} is damaged, or no text in UTF-8: {error}"))
        except Exception as error:  # raised again in the thread that waits
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    at_end = False
    while not at_end:
        group, item = [], waiting.get()
        while not (item is None or item is NOTHING_YET or isinstance(item, Exception)):
            group.append(item)
            item = _next(waiting) if len(group) < most else NOTHING_YET
        if group:
            yield group
        if isinstance(item, Exception):
            raise item
        at_end = item is None


def _next(waiting: queue.Queue[Any]) -> Any:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return NOTHING_YET


if __name__ == "__main__":
    run_command(solve, SolveOptions)
