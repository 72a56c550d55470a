"""Sudoku boards by name: published sets, generated boards, and the user's own files.

To add a set, write a function of `BoardOptions` and the split, and enter it in `SETS`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from examples.common.command import check_positive, check_seed
from examples.common.files import first_line, one_at_a_time, write_text
from examples.sudoku.boards import Boards, checked, format_csv, open_text, read_boards
from examples.sudoku.generate import FEWEST_GIVENS, generate, generate_rated, with_fewer_givens
from examples.sudoku.rules import CELLS, SIDE

Split = Literal["train", "test"]
FEATURES, LABELS = "features.pt", "labels.pt"  # SATNet's one-hot tensors: puzzles and solutions
SATNET_ROWS = {"train": slice(9000), "test": slice(9000, None)}
NUM_GENERATED, NUM_RATED = {"train": 9_000, "test": 1_000}, 1_000


@dataclass(frozen=True, kw_only=True)
class BoardOptions:
    """Boards for training or evaluation."""

    name: str = "satnet"
    """satnet (31 to 42 givens), satnet-harder (down to 20 givens), rrn (17 to 34 givens), extreme
    (Sudoku-Extreme, rated), generated, or rated (generated, with ratings distributed much as
    Sudoku-Extreme's)."""
    root: Path = Path("runs/data")
    """Folder of the boards: downloaded ones, and generated ones if there is no cache."""
    cache: Path | None = None
    """Folder of generated boards (root if not given)."""
    train_file: Path | None = None
    """File of your own (a line has a puzzle, its solution, and any other fields) in place of the
    set's training boards."""
    test_file: Path | None = None
    """File of your own in place of the set's test boards."""
    rows: str | None = None
    """Part of the test boards, as in Python: ":200" for the first 200, "::18" for every 18th."""
    num_boards: int | None = None
    """Training boards: the first ones, of Sudoku-Extreme spread evenly (all if not given; 9,000
    generated ones, 1,000 rated ones)."""
    num_test_boards: int | None = None
    """Test boards, spread evenly (all if not given; of generated boards 1,000)."""
    givens: tuple[int, int] = (31, 42)
    """Fewest and most given cells of generated boards; SATNet's by default."""
    seed: int = 0
    """Seed of generated boards."""

    def __post_init__(self):
        if self.name not in SETS:
            raise ValueError(f"--data.name must be one of {', '.join(SETS)}: got {self.name!r}")
        check_positive(self, "num_boards", "num_test_boards", prefix="data.")
        check_seed(self.seed, "data.seed")
        if not FEWEST_GIVENS <= self.givens[0] <= self.givens[1] <= CELLS:
            raise ValueError(
                f"--data.givens must be two numbers in {FEWEST_GIVENS}..{CELLS}, the smaller "
                f"first: got {' '.join(map(str, self.givens))}"
            )
        if self.rows is not None:
            _slice(self.rows)


def load(options: BoardOptions, split: Split = "train") -> Boards:
    """Load boards to the CPU; `rows` and `num_test_boards` apply to the test boards.

    ValueError if a file is damaged, a board is wrong, or no board is left; OSError if a file is
    missing or the disk is full.
    """
    file = options.train_file if split == "train" else options.test_file
    boards = SETS[options.name](options, split) if file is None else read_boards(file)
    source = file or f"{options.name} in {options.root}"
    if len(boards) == 0:
        raise ValueError(f"{source} has no boards for split {split!r}")
    if split == "train":
        return boards[: options.num_boards]
    if options.rows is not None:
        available, boards = len(boards), boards[_slice(options.rows)]
        if len(boards) == 0:
            raise ValueError(
                f"--data.rows {options.rows} leaves none of the {available} boards of {source}"
            )
    count = options.num_test_boards or len(boards)
    return boards[:: max(len(boards) // count, 1)][:count]


def _slice(rows: str) -> slice:
    match = re.fullmatch(r"(-?\d+)?:(-?\d+)?(?::([1-9]\d*)?)?", rows)
    if match is None:
        raise ValueError(f"--data.rows must be START:STOP or START:STOP:STEP: got {rows!r}")
    return slice(*(None if part is None else int(part) for part in match.groups()))


def satnet(options: BoardOptions, split: Split) -> Boards:
    """Load SATNet's boards (31 to 42 givens): the first 9,000 for training, the others for tests.

    ``features.pt`` and ``labels.pt``, or ``satnet.csv[.xz|.gz]``, lie in `root` or its folder
    ``sudoku``.
    """
    path = _find(options.root, ("", "sudoku"), (FEATURES, "satnet.csv"))
    boards = _read_tensors(path.parent) if path.name == FEATURES else read_boards(path)
    return boards[SATNET_ROWS[split]]


def satnet_harder(options: BoardOptions, split: Split) -> Boards:
    """SATNet's training boards, eight times with fewer givens each; its test boards as they are."""
    boards = satnet(options, split)
    if split == "test":
        return boards
    name = f"satnet-harder-{boards.fingerprint()[:8]}-seed{options.seed}.csv"
    return _kept(options, name, lambda: with_fewer_givens(boards, versions=8, seed=options.seed))


def rrn(options: BoardOptions, split: Split) -> Boards:
    """Load the boards of recurrent relational networks (17 to 34 givens).

    ``train.csv`` and ``test.csv``, or, for tests, ``rrn-test.csv[.xz|.gz]``, lie in `root` or its
    folder ``sudoku-hard`` or ``sudoku``.
    """
    names = (f"{split}.csv", f"rrn-{split}.csv")
    return read_boards(_find(options.root, ("", "sudoku-hard", "sudoku"), names))


def extreme(options: BoardOptions, split: Split) -> Boards:
    """Load Sudoku-Extreme, boards with ratings.

    ``train.csv`` and ``test.csv`` (or .xz, .gz) lie in the folder ``sudoku-extreme`` of `root`, or
    in `root`. A part of the 3.8 million training boards is read without the others.
    """
    path, every = _find(options.root, ("sudoku-extreme", ""), (f"{split}.csv",)), 1
    if split == "train" and options.num_boards is not None:
        with open_text(path) as file:
            every = max((sum(1 for _ in file) - 1) // options.num_boards, 1)
    return read_boards(path, every=every)


def generated(options: BoardOptions, split: Split) -> Boards:
    """Generate boards once and keep them as a csv file in `cache` or `root`."""
    count, (fewest, most) = _count(options, split) or NUM_GENERATED[split], options.givens
    givens = range(fewest, most + 1)
    return _kept(
        options,
        f"sudoku-{split}-{count}-givens{fewest}to{most}-seed{options.seed}.csv",
        lambda: generate(count, givens=givens, seed=2 * options.seed + (split == "test")),
    )


def rated(options: BoardOptions, split: Split) -> Boards:
    """Generate boards by rating, as `generated` does by givens; about a second a board."""
    count = _count(options, split) or NUM_RATED
    return _kept(
        options,
        f"sudoku-rated-{split}-{count}-seed{options.seed}.csv",
        lambda: generate_rated(count, seed=2 * options.seed + (split == "test")),
    )


def _count(options: BoardOptions, split: Split) -> int | None:
    return options.num_boards if split == "train" else options.num_test_boards


def _kept(options: BoardOptions, name: str, make: Callable[[], Boards]) -> Boards:
    """Boards of a file that is written if it is not there."""
    path = (options.cache or options.root) / name
    if not path.exists():
        with one_at_a_time(path):
            if not path.exists():  # another process may have written it meanwhile
                write_text(path, format_csv(make()))
    return read_boards(path)


SETS: dict[str, Callable[[BoardOptions, Split], Boards]] = {
    "satnet": satnet,
    "satnet-harder": satnet_harder,
    "rrn": rrn,
    "extreme": extreme,
    "generated": generated,
    "rated": rated,
}
"""The sets of boards, by name."""


def _find(root: Path, folders: tuple[str, ...], names: tuple[str, ...]) -> Path:
    for path in (root / folder / name for folder in folders for name in names):
        for suffix in ("", ".xz", ".gz"):
            if (file := path.with_name(path.name + suffix)).exists():
                return file
    raise FileNotFoundError(
        f"no {' or '.join(names)} in {' or '.join(str(root / folder) for folder in folders)}; "
        f"download the boards (python -m examples.sudoku.download), name their folder "
        f"(--data.root) or csv files (--data.train-file, --data.test-file), or generate boards "
        f"(--data.name generated)"
    )


def _read_tensors(folder: Path) -> Boards:
    """Read SATNet's own files."""
    puzzles, solutions = (_read_one_hot(folder / name) for name in (FEATURES, LABELS))
    if len(puzzles) != len(solutions):
        raise ValueError(
            f"{folder}: {FEATURES} has {len(puzzles)} boards and {LABELS} {len(solutions)}"
        )
    return checked(Boards(puzzles, solutions), lambda row: f"{folder / FEATURES}, row {row}")


def _read_one_hot(path: Path) -> Tensor:
    """Read one-hot ``(B, 9, 9, 9)`` as digits ``(B, 9, 9)``, 0 where no entry is set."""
    try:
        one_hot = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file can raise any error
        reason = first_line(error)
        raise ValueError(f"{path} is not a readable file of tensors: {reason}") from error
    if not isinstance(one_hot, Tensor) or one_hot.shape[1:] != (SIDE, SIDE, SIDE):
        got = tuple(one_hot.shape) if isinstance(one_hot, Tensor) else type(one_hot).__name__
        raise ValueError(f"{path} must hold a tensor (B, 9, 9, 9): got {got}")
    wrong = ((one_hot != 0) & (one_hot != 1)).any(-1) | (one_hot.sum(-1) > 1)
    if wrong.any():
        row, *cell = wrong.nonzero()[0].tolist()
        raise ValueError(f"{path}, row {row}: cell {tuple(cell)} is not one-hot")
    return (one_hot * torch.arange(1, SIDE + 1)).sum(-1).long()
