"""Energy vote on Sudoku: K samples of the noise per board, the one of lowest energy wins.

The baseline runs board by board with the K samples as a batch, the library all boards at once.
"""

from functools import partial

import torch
from torch import Tensor

from benchmarks.baseline import models as plain
from benchmarks.speed.report import BASELINE, FASTER, OURS, Report, main
from kuramoto_nn.inference import energy_vote
from kuramoto_nn.models import AKOrNSudoku


def run(report: Report) -> None:
    """Measure some boards."""
    preset, samples, num_steps = "sudoku-akorn", 100, 16
    if report.quick:
        preset, samples, num_steps = "sudoku-akorn-tiny", 3, 2
    device, boards = report.device, 2
    model = plain.PlainSudoku(preset).to(device)
    solver = model.to_library().to(device)
    if report.options.compile:
        solver.compile()
    puzzles = torch.randint(0, 10, (boards, 9, 9), device=device)
    noise = torch.randn(boards, samples, model.config.channels, 9, 9, device=device)
    given = (puzzles, noise, num_steps)
    candidates = {
        BASELINE: torch.no_grad()(partial(plain.vote, model, *given)),
        FASTER: torch.no_grad()(partial(plain.vote, plain.by_matrix_products(model), *given)),
        OURS: partial(vote, solver, *given),
    }
    name = f"{preset}, vote of {samples} on {boards} boards, T {num_steps}"
    report.compare(name, candidates, with_limit=True)


def vote(solver: AKOrNSudoku, puzzles: Tensor, noise: Tensor, num_steps: int) -> Tensor:
    """Digits of the sample of lowest energy of every board, from noise ``(B, K, C, 9, 9)``."""
    boards, samples = noise.shape[:2]
    winners = energy_vote(
        lambda given, start: solver.rollout(given, num_steps=num_steps, noise=start),
        puzzles,
        lambda board, sample: noise[board, sample],
        num_samples=samples,
        batch_size=boards * samples,
    )
    return winners.outputs.argmax(-1) + 1


if __name__ == "__main__":
    main("vote", run)
