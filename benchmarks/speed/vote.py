"""Energy vote on Sudoku: K samples of the noise per board, the one of lowest energy wins.

    python -m benchmarks.speed.vote [--quick] [--device cuda] [--threads 2]

The baseline runs board by board with the K samples as a batch, the library all boards at once.
"""

from functools import partial

import torch
from torch import Tensor

from benchmarks import baseline
from benchmarks.baseline import PlainSudoku, by_matrix_products, to_library
from benchmarks.speed.measure import count_flops, gemm
from benchmarks.speed.report import BASELINE, FASTER, Report, main
from kuramoto_nn.inference import energy_vote
from kuramoto_nn.models import AKOrNSudoku

BY_BOARD, BATCHED = "ours, board by board", "ours, batched"
HALF = "ours, batched, bfloat16"


def run(report: Report) -> None:
    """Measure some boards."""
    preset, boards, samples, num_steps = "sudoku-akorn", 2, 100, 16
    if report.options.quick:
        preset, boards, samples, num_steps = "sudoku-akorn-tiny", 2, 3, 2
    device = report.device
    plain = PlainSudoku.from_preset(preset).to(device)
    solver = to_library(plain).to(device)
    if report.options.compile:
        solver.compile()
    puzzles = torch.randint(0, 10, (boards, 9, 9), device=device)
    noise = torch.randn(boards, samples, plain.config.channels, 9, 9, device=device)
    given = (puzzles, noise, num_steps)
    candidates = {
        BASELINE: torch.no_grad()(partial(baseline.vote, plain, *given)),
        FASTER: torch.no_grad()(partial(baseline.vote, by_matrix_products(plain), *given)),
        BY_BOARD: partial(by_board, solver, *given),
        BATCHED: partial(vote, solver, *given),
        HALF: torch.autocast(device.type, torch.bfloat16)(partial(vote, solver, *given)),
    }
    row = report.compare(
        f"{preset}, vote of {samples} on {boards} boards, T {num_steps}",
        candidates,
        limit=gemm(device),
        amount=count_flops(candidates[BASELINE]),
    )
    report.note(row, "boards/s, batched", boards / row.times[BATCHED].median)
    report.expect(row, "batched: speedup", row.speedup(BATCHED), least=4)


def vote(solver: AKOrNSudoku, puzzles: Tensor, noise: Tensor, num_steps: int) -> Tensor:
    """Digits ``(B, 9, 9)`` of the sample of lowest energy, summed over the steps, of every board.

    ``puzzles`` is ``(B, 9, 9)``, ``noise`` ``(B, K, C, 9, 9)``.
    """
    boards, samples = noise.shape[:2]
    winners = energy_vote(
        lambda given, start: solver.rollout(given, num_steps=num_steps, noise=start),
        puzzles,
        lambda board, sample: noise[board, sample],
        num_samples=samples,
        batch_size=boards * samples,
    )
    return winners.outputs.argmax(-1) + 1


def by_board(solver: AKOrNSudoku, puzzles: Tensor, noise: Tensor, num_steps: int) -> Tensor:
    """The same, board by board."""
    boards = zip(puzzles[:, None], noise[:, None], strict=True)
    return torch.cat([vote(solver, *board, num_steps) for board in boards])


if __name__ == "__main__":
    main("vote", run)
