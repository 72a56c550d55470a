"""Score a trained model on boards: more steps, and energy votes of more samples.

    python -m examples.sudoku.evaluate --data satnet --steps 16 128 --samples 1 100
    python -m examples.sudoku.evaluate --data rrn --steps 128 --samples 1 10 100 4096 --seeds 0 1 2

All sizes K of a vote come from one pass over the largest; memory grows with --batch-size alone.
"""

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from examples.sudoku.data import Boards, load
from examples.sudoku.scores import voted_answers
from examples.sudoku.table import Row, line, numbers, without_seed
from examples.sudoku.weights import SHIPPED, load_model
from examples.training.checks import check_positive, check_seed
from examples.training.command import run_command
from examples.training.distributed import pick_device
from examples.training.files import write_json
from examples.training.progress import Meter
from kuramoto_nn.inference import last_energy, total_energy
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku

VOTES = {"sum": total_energy, "last": last_energy}
"""The vote's rules: the least energy summed over the steps, or of the last state."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score a Sudoku model: boards solved, boards by the rules, blanks right."""

    model: Path = SHIPPED
    """Folder of a saved model or a run, or a checkpoint; the shipped one if not given."""
    data: Path
    """SATNet's folder, the RRN archive's (their test boards), or a csv file."""
    rows: str | None = None
    """Part of the boards, as in Python: "9000:" for those from 9,000 on, "::18" for every 18th."""
    steps: tuple[int, ...] = (16, 32, 64, 128)
    """T at test time."""
    samples: tuple[int, ...] = (1,)
    """Numbers K of noise samples per board that vote."""
    checked: bool = False
    """Let answers that break the rules or change a given lose votes to all that do not."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of the noise."""
    batch_size: int = 100
    """Samples, of any boards, at a time."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    out: Path | None = None
    """JSON file for all scores, by number of givens too."""

    def __post_init__(self):
        check_positive(self, "batch_size")
        for name in ("steps", "samples"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"--{name} must be positive: got {getattr(self, name)}")
        if not self.seeds:
            raise ValueError("--seeds needs at least one seed: got none")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"--seeds must differ: got {self.seeds}")
        for seed in self.seeds:
            check_seed(seed)
        if self.out is not None and (self.out.suffix != ".json" or self.out.is_dir()):
            raise ValueError(f"--out must be a .json file: got {self.out}")


def evaluate(options: EvaluateOptions) -> list[Row]:
    """Score a model and print the results.

    Args:
        options: What to score, and on what.

    Returns:
        All scores.

    Raises:
        ValueError: If an option, the model or the boards are wrong.
        OSError: If a file is missing.
    """
    model, name = load_model(options.model)
    if options.checked and max(options.samples) == 1:
        raise ValueError("--checked is about votes: got it with --samples 1")
    if options.samples != (1,) and not isinstance(model, AKOrNSudoku):
        raise ValueError(
            f"{name} is not random and has no energy to vote by: got --samples "
            f"{' '.join(map(str, options.samples))}; try --samples 1"
        )
    device = pick_device(options.device)
    boards = load(options.data, "test", rows=options.rows).to(device)
    began, rows = time.monotonic(), []
    _save(options, rows)
    print(f"{name}, {len(boards)} boards{', checked votes' if options.checked else ''}")
    print(f"{'':<35}solved   valid  blanks right", flush=True)
    for row in _rows(model.to(device), boards, options):
        scores = line(row, [row.scores])
        print(f"{scores}  seed {row.seed}, {time.monotonic() - began:.0f} s", flush=True)
        rows.append(row)
        _save(options, rows)  # the next one may take hours
    if len(options.seeds) > 1:
        print(f"mean and standard deviation over {len(options.seeds)} seeds:")
        for group in without_seed(rows):
            print(line(group[0], [row.scores for row in group]))
    best = without_seed(rows)[-1]
    print(f"by givens, T {best[0].steps}, K {best[0].samples}:")
    for givens in best[0].by_givens:
        scores = [row.by_givens[givens] for row in best]
        print(f"  {givens} givens, {scores[0].boards} boards: {numbers(scores)}")
    if options.out is not None:
        print(f"all scores: {options.out}")
    return rows


def _rows(
    model: AKOrNSudoku | ItrSASudoku, boards: Boards, options: EvaluateOptions
) -> Iterator[Row]:
    for steps, seed in product(options.steps, options.seeds):
        with Meter(f"T {steps}, seed {seed}") as meter:
            votes = voted_answers(
                model,
                boards.puzzles,
                num_samples=options.samples,
                rules=list(VOTES.values()),
                num_steps=steps,
                seed=seed,
                batch_size=options.batch_size,
                checked=options.checked,
                progress=meter.show,
            )
            for samples, by_rule in votes:
                for vote, answers in zip(VOTES if samples > 1 else [None], by_rule, strict=True):
                    yield Row.of(
                        answers, boards, steps=steps, samples=samples, vote=vote, seed=seed
                    )


def _save(options: EvaluateOptions, rows: list[Row]) -> None:
    if options.out is not None:
        known = {"options": vars(options), "rows": list(map(dataclasses.asdict, rows))}
        write_json(options.out, known)


if __name__ == "__main__":
    run_command(evaluate, EvaluateOptions)
