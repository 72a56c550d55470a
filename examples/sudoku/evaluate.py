"""Score a trained model on boards: at several T, by votes of several sizes.

    python -m examples.sudoku.evaluate runs/sudoku --num-steps 16 128 --samples 1 100
    python -m examples.sudoku.evaluate runs/sudoku --data.name rrn --num-steps 128 \
        --samples 1 10 100 4096 --symmetries --noise-seeds 0 1 2 --out runs/scores

All sizes K and rules of a vote come from one pass over the largest; memory grows with --batch-size
only. ``updates`` are those of a board, over all its samples; with ``--checked`` a board takes no
more of them after a valid answer.
With ``--out`` the same command resumes after the last T and noise seed that was finished.
"""

import dataclasses
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import tyro

from examples.common.command import check_noise_seeds, check_positive, option_name, run_command
from examples.common.device import Precision, dtype_of, pick_device
from examples.common.files import make_folder, write_json
from examples.common.progress import Meter
from examples.common.run import weights_hash
from examples.sudoku.boards import Boards
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.scores import HEADER, Row, line, numbers, over_seeds
from examples.sudoku.solver import CONFIDENCE, RULES, Solver, load_network
from kuramoto_nn.models import AKOrNSudoku, SudokuModel

SCORES = "scores.json"


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score a Sudoku model: boards solved, valid boards, and cells right, against its updates."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Trained model: a saved folder, a run's folder, or a name on the Hub."""
    data: BoardOptions = field(default_factory=BoardOptions)
    """Boards to score on: the test boards."""
    num_steps: tuple[int, ...] = (16, 32, 64, 128)
    """T at test time."""
    samples: tuple[int, ...] = (1,)
    """Numbers K of samples per board that vote."""
    symmetries: bool = False
    """Draw a random symmetry of the board for every sample after the first, beside the noise; on
    for networks without noise."""
    checked: bool = False
    """Take the first valid answer, which obeys the rules and keeps the givens, and stop there; vote
    only on boards without one."""
    noise_seeds: tuple[int, ...] = (0,)
    """Seeds of the oscillators' noise; with several, mean and deviation are printed too."""
    batch_size: int = 100
    """Samples, of any boards, that run at once."""
    precision: Precision = "float32"
    """Precision of the network; bf16 is autocast."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    time_limit: float | None = None
    """Stop after this many seconds; with --out the same command resumes."""
    out: Path | None = None
    """Folder of ``scores.json``: all scores, by number of givens too."""

    def __post_init__(self):
        check_positive(self, "num_steps", "samples", "batch_size", "time_limit")
        for name in ("num_steps", "samples"):
            if not getattr(self, name):
                raise ValueError(f"{option_name(name)} needs at least one number: got none")
        check_noise_seeds(self.noise_seeds)
        if self.out is not None and self.out.is_file():
            raise ValueError(f"--out must be a folder: got the file {self.out}")


def evaluate(options: EvaluateOptions) -> list[Row]:
    """Score a model, print and return the results; fewer rows if the time limit came first.

    ValueError if an option, the model or the boards are wrong, or ``--out`` holds other scores;
    OSError if a file is missing.
    """
    deadline = time.monotonic() + (options.time_limit or math.inf)
    model, boards = load_network(options.model), load(options.data, "test")
    identity = _identify(options, model, boards)
    known = {row.key: row for row in _read(options.out, identity)}
    device = pick_device(options.device)
    model.to(device, dtype_of(options.precision))
    modes = "".join(f", {name}" for name in ("symmetries", "checked") if getattr(options, name))
    print(f"{options.model}, {len(boards)} boards{modes}")
    print(HEADER, flush=True)
    rows = []
    for row in _rows(model, boards.to(device), options, known, deadline):
        print(f"{line([row])}  noise seed {row.noise_seed}", flush=True)
        rows.append(row)
        known[row.key] = row
        if options.out is not None:  # now, as the next row may take hours
            saved = list(map(dataclasses.asdict, known.values()))
            head = {"identity": identity, "options": dataclasses.asdict(options)}
            write_json(options.out / SCORES, head | {"rows": saved})
    if rows:
        _print_summary(rows, options)
    return rows


def _rows(
    model: SudokuModel,
    boards: Boards,
    options: EvaluateOptions,
    known: dict[tuple, Row],
    deadline: float,
) -> Iterator[Row]:
    """Rows of every T and noise seed until the deadline; known ones are not scored again."""
    trials = list(product(options.num_steps, options.noise_seeds))
    rules = RULES if isinstance(model, AKOrNSudoku) else CONFIDENCE
    votes = [(k, v) for k in sorted({*options.samples}) for v in (rules if k > 1 else [None])]
    for number, (num_steps, seed) in enumerate(trials):
        rows = [known.get((num_steps, seed, *vote)) for vote in votes]
        if None not in rows:
            yield from filter(None, rows)
            continue
        names = ("batch_size", "precision", "checked", "symmetries")
        same = {name: getattr(options, name) for name in names}
        solver = Solver(model, num_steps, seed, **same)
        try:
            yield from _score(solver, boards, options, deadline)
        except TimeoutError:
            resume = "; the same command resumes" if options.out is not None else ""
            left = len(trials) - number
            print(f"time limit: {left} of {len(trials)} pairs of T and noise seed left{resume}")
            return


def _score(
    solver: Solver, boards: Boards, options: EvaluateOptions, deadline: float
) -> Iterator[Row]:
    """Score one T and noise seed, at every K by every rule."""
    num_steps, seed = solver.num_steps, solver.noise_seed
    with Meter(f"T {num_steps}, noise seed {seed}") as meter:

        def progress(done: int, total: int) -> None:
            meter.show(done, total)
            if done < total and time.monotonic() > deadline:
                raise TimeoutError

        progress(0, len(boards))
        for votes in solver.votes(boards.puzzles, num_samples=options.samples, progress=progress):
            trial = {"num_steps": num_steps, "noise_seed": seed, "updates": votes.updates}
            trial["num_samples"] = votes.num_samples
            trial["boards_per_second"] = len(boards) / votes.seconds
            for vote, answers in votes.answers.items():
                yield Row.of(answers, boards, vote=vote, **trial)


def _identify(options: EvaluateOptions, model: SudokuModel, boards: Boards) -> dict[str, Any]:
    """Properties that all scores in one file share."""
    return {
        "network": json.loads(json.dumps(model.describe())),  # tuples as JSON returns them
        "weights": weights_hash(model),
        "boards": boards.fingerprint(),
        "checked": options.checked,
        "symmetries": options.symmetries,
        "precision": options.precision,
    }


def _read(folder: Path | None, identity: dict[str, Any]) -> list[Row]:
    """Read the scores of an earlier call; fails early if the folder cannot be made."""
    if folder is None:
        return []
    make_folder(folder)
    path = folder / SCORES
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, rows = content["identity"], [Row.from_json(row) for row in content["rows"]]
        differ = [name for name, value in identity.items() if found[name] != value]
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(f"{path} holds no scores of this command; name another --out") from error
    if differ:
        raise ValueError(f"{path} holds scores with other {', '.join(differ)}; name another --out")
    return rows


def _print_summary(rows: list[Row], options: EvaluateOptions) -> None:
    groups, largest = over_seeds(rows), (rows[-1].num_steps, rows[-1].num_samples)
    if len(options.noise_seeds) > 1:
        print(f"mean and standard deviation over {len(options.noise_seeds)} noise seeds:")
        for group in groups:
            print(line(group))
    best = [group for group in groups if (group[0].num_steps, group[0].num_samples) == largest][-1]
    vote = "" if best[0].vote is None else f", vote by {best[0].vote}"
    print(f"T {best[0].num_steps}, K {best[0].num_samples}{vote}:")
    for name, kind in (("givens", "by_givens"), ("rating", "by_rating")):
        for group in getattr(best[0], kind):
            scores = [getattr(row, kind)[group] for row in best]
            print(f"  {name} {group}, {scores[0].boards} boards: {numbers(scores)}")
    if options.out is not None:
        print(f"all scores: {options.out / SCORES}")


if __name__ == "__main__":
    run_command(evaluate, EvaluateOptions)
