"""What helps a trained Sudoku network at test time: one table of ways to spend updates.

    python -m benchmarks.sudoku_test_time examples/sudoku/trained/sudoku-akorn-tiny \
        --data.name rrn --data.root runs/data --data.rows ::180 --samples 10

Every variant draws K samples per board. The columns are the boards solved by one sample (mean and
deviation over the K samples), by the sample of largest confidence, and by any sample. The table is
added to ``sudoku-test-time.md`` line by line; ``--only`` runs a part of the variants.
"""

import copy
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tyro.conf import Positional, arg

from benchmarks.tables import RESULTS, head, line, name_machine
from examples.common.command import check_positive, run_command
from examples.common.device import pick_device
from examples.common.files import make_folder
from examples.sudoku.boards import Boards
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.scores import solved
from examples.sudoku.solver import Samples, Solver
from kuramoto_nn import functional, load_model
from kuramoto_nn.inference import confidence
from kuramoto_nn.models import AKOrNSudoku

COLUMNS = (
    *("variant", "updates a sample", "CPU s a board"),
    *("one sample", "by confidence", "any sample"),
)
UNCERTAIN = 0.9
"""Cells whose most likely digit is less probable are restarted."""


@dataclass(frozen=True, kw_only=True)
class TestTimeOptions:
    """Measure variants of a network's run at test time."""

    model: Annotated[str, Positional, arg(metavar="MODEL")]
    """Trained AKOrN: a saved folder, a run's folder, or a name on the Hub."""
    data: BoardOptions = field(default_factory=BoardOptions)
    """Boards to score on: the test boards."""
    num_steps: int = 128
    """T of the variants that do not change it."""
    samples: int = 10
    """Samples K per board."""
    only: tuple[str, ...] = ()
    """Beginnings of the names of the variants that are run (all if not given)."""
    batch_size: int = 100
    """Boards that run at once."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    results: Path = RESULTS
    """Folder of the table."""

    def __post_init__(self):
        check_positive(self, "num_steps", "samples", "batch_size")


class GradientCoupling(nn.Module):
    """Gradient of ``x . J(x) x / 2``: J made symmetric, so that the flow descends the energy."""

    def __init__(self, coupling: nn.Module):
        super().__init__()
        self.coupling = coupling

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            energy = (x * self.coupling(x)).sum() / 2
        return torch.autograd.grad(energy, x)[0].detach()


class Restarting(Solver):
    """Restarts the uncertain cells from noise, three times at equal distances."""

    def _oscillate(
        self, model: AKOrNSudoku, puzzles: Tensor, noise: Tensor | None, with_energies: bool
    ) -> Samples:
        steps = self.num_steps or model.layer.num_steps
        x, c = model.start(puzzles, num_steps=steps, noise=noise)
        generator = torch.Generator(x.device).manual_seed(self.noise_seed)
        for _ in range(3):
            x = model.advance(x, c, num_steps=steps // 4)
            uncertain = model.read(x).softmax(-1).amax(-1)[:, None] < UNCERTAIN
            fresh = torch.randn(x.shape, generator=generator, device=x.device)
            x = torch.where(uncertain, F.normalize(fresh, dim=1) * x.norm(dim=1, keepdim=True), x)
        x = model.advance(x, c, num_steps=steps - 3 * (steps // 4))
        return Samples(model.read(x), puzzles.new_full((len(puzzles),), steps))


def langevin(scale: float, num_steps: int) -> functional.Integrator:
    """Euler's rule with noise that falls to zero over the first three quarters of the steps."""
    generator, done = torch.Generator().manual_seed(0), 0

    def step(x: Tensor, dx: Tensor, field: Callable, step_size: Tensor | float) -> Tensor:
        nonlocal done
        share = max(0.0, 1 - done % num_steps / (0.75 * num_steps))
        done += 1
        noise = torch.randn(x.shape, generator=generator).to(x)
        return functional.normalize(
            functional.euler(x, dx, field, step_size) + scale * share * noise
        )

    return step


def variants(model: AKOrNSudoku, num_steps: int) -> dict[str, Callable[[], Solver]]:
    """Solvers by name, each with a network of its own."""

    def solver(kind: type[Solver] = Solver, steps: int = num_steps, **layer: object) -> Solver:
        own = copy.deepcopy(model)
        for name, value in layer.items():
            setattr(own.layer, name, value)
        return kind(own, steps)

    def at(factor: float) -> nn.Parameter:
        return nn.Parameter(factor * torch.as_tensor(model.layer.step_size).detach())

    symmetric = GradientCoupling(model.layer.coupling)
    return {
        **{f"T {steps}": partial(solver, steps=steps) for steps in (16, 32, 64, 128, 256)},
        "symmetries of the board": partial(Solver, model, num_steps, symmetries=True),
        "restarts of uncertain cells": partial(solver, Restarting),
        **{f"step size x {f}": partial(solver, step_size=at(f)) for f in (0.5, 0.75, 1.25, 1.5)},
        "integrator heun": partial(solver, integrator=functional.heun),
        "integrator exponential": partial(solver, integrator=functional.exponential),
        **{
            f"Langevin, noise {scale}": partial(solver, integrator=langevin(scale, num_steps))
            for scale in (0.02, 0.05, 0.1)
        },
        "no frequency": partial(solver, frequency=None),
        "symmetric coupling": partial(solver, coupling=symmetric),
        "symmetric coupling, no frequency": partial(solver, coupling=symmetric, frequency=None),
    }


@torch.no_grad()
def measure(solver: Solver, boards: Boards, options: TestTimeOptions) -> list[str]:
    """Cells of a line of the table."""
    device = boards.puzzles.device
    solver.model.to(device)
    starts, began = solver.starts(device), time.process_time()
    right, sure, updates = [], [], 0
    for sample in range(options.samples):
        parts = []
        for rows in torch.arange(len(boards), device=device).split(options.batch_size):
            start = starts(rows, torch.full_like(rows, sample))
            parts.append(solver.run(boards.puzzles[rows], start, with_energies=False))
        updates += sum(int(part.num_steps.sum()) for part in parts)
        right.append(solved(torch.cat([part.answers for part in parts]), boards))
        sure.append(torch.cat([confidence(part.logits) for part in parts]))
    solved_by, best = torch.stack(right), torch.stack(sure).argmax(0, keepdim=True)
    each = 100 * solved_by.double().mean(1)
    count = options.samples * len(boards)
    return [
        f"{updates / count:.0f}",
        f"{(time.process_time() - began) / count:.3f}",
        f"{each.mean():.1f}" + (f" ± {each.std():.1f}" if len(each) > 1 else ""),
        f"{100 * solved_by.gather(0, best).double().mean():.1f}",
        f"{100 * solved_by.any(0).double().mean():.1f}",
    ]


def run(options: TestTimeOptions) -> None:
    """Measure the variants and add them to the table."""
    model = load_model(options.model)
    if not isinstance(model, AKOrNSudoku):
        raise ValueError(f"MODEL must be an AKOrNSudoku: got {type(model).__name__}")
    makers = variants(model, options.num_steps)
    for start in options.only:
        if not any(name.startswith(start) for name in makers):
            raise ValueError(f"--only: no variant begins with {start!r}, among {', '.join(makers)}")
    data, device = options.data, pick_device(options.device)
    boards, machine = load(data, "test").to(device), name_machine(device)
    title = (
        f"{options.model}, {len(boards)} boards of {data.name} (rows {data.rows}), "
        f"T {options.num_steps}, K {options.samples}; {machine['processor']}, "
        f"{machine['threads']} threads, torch {machine['torch']}, {machine['date']}"
    )
    make_folder(options.results)
    with (options.results / "sudoku-test-time.md").open("a", encoding="utf-8") as file:
        print("", title, "", *head(*COLUMNS), sep="\n", file=file, flush=True)
        for name, make in makers.items():
            if name.startswith(options.only or ""):
                cells = line([name, *measure(make(), boards, options)])
                for out in (sys.stdout, file):
                    print(cells, file=out, flush=True)


if __name__ == "__main__":
    run_command(run, TestTimeOptions)
