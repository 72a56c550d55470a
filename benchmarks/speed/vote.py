"""Energy vote on Sudoku: K samples of the noise per board, the one of lowest energy wins.

The baseline runs board by board with the K samples as a batch, the library all boards at once.
"""

from functools import partial

import torch
from torch import Tensor

from benchmarks.baseline import models as plain
from benchmarks.speed.measure import count_flops, gemm
from benchmarks.speed.report import BASELINE, FASTER, Report, main
from kuramoto_nn.inference import energy_vote
from kuramoto_nn.models import AKOrNSudoku

BATCHED = "ours, batched"


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
    faster = plain.by_matrix_products(model)
    candidates = {
        BASELINE: torch.no_grad()(partial(plain.vote, model, *given)),
        FASTER: torch.no_grad()(partial(plain.vote, faster, *given)),
        "ours, board by board": partial(by_board, solver, *given),
        BATCHED: partial(vote, solver, *given),
        f"{BATCHED}, bfloat16": torch.autocast(device.type, torch.bfloat16)(
            partial(vote, solver, *given)
        ),
    }
    row = report.compare(
        f"{preset}, vote of {samples} on {boards} boards, T {num_steps}",
        candidates,
        limit=gemm(device),
        amount=count_flops(candidates[BASELINE]),
    )
    row.note("boards/s, batched", boards / row.seconds(BATCHED))
    report.expect(row, "batched: speedup", row.speedup(BATCHED), least=4)


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


def by_board(solver: AKOrNSudoku, puzzles: Tensor, noise: Tensor, num_steps: int) -> Tensor:
    """The same, board by board."""
    boards = zip(puzzles[:, None], noise[:, None], strict=True)
    return torch.cat([vote(solver, *board, num_steps) for board in boards])


if __name__ == "__main__":
    main("vote", run)
