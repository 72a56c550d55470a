"""The batch of every step, as a function of the step alone."""

from typing import Any

import torch
from torch import Tensor

from examples.common.processes import Processes
from examples.common.randomness import ShuffledBatches, generator_for
from examples.sudoku.data import Boards
from examples.sudoku.recipes import Training
from examples.sudoku.rules import transform
from kuramoto_nn.models import SudokuConfig


class BoardBatches(ShuffledBatches):
    """Each step's boards, and the noise the oscillators start from.

    All is drawn for the global batch and then cut to this process's rows, so that any number of
    processes sees the same batch.

    Args:
        boards: The training boards.
        training: Batch size, augmentation and stages.
        model: Configuration of the network, for the shape of the noise.
        seed: Seed of the run.
        here: This process.
        dtype: Type of the noise, which is drawn in float32.

    Raises:
        ValueError: If there are too few boards for a batch, or a batch cannot be shared out.
    """

    def __init__(
        self,
        boards: Boards,
        training: Training,
        model: SudokuConfig,
        *,
        seed: int,
        here: Processes,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__(
            len(boards),
            batch_size=training.batch_size,
            drop_last=training.drop_last,
            seed=seed,
            here=here,
            name="boards",
        )
        self.boards, self.training = boards, training
        self.channels, self.dtype = model.channels, dtype

    def at(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Make the batch of one step.

        Args:
            step: Number of the step, from 0.

        Returns:
            Puzzles and solutions ``(b, 9, 9)`` and noise ``(b, C, 9, 9)``, for this process's b
            boards, on its device.
        """
        device, batch = self.here.device, self.boards[self.indices(step)]
        rows = self.here.rows(len(batch))
        puzzles, solutions = batch.puzzles, batch.solutions
        if self.training.symmetries:
            generator = generator_for(self.seed, "views", step)
            puzzles, solutions = transform(puzzles, solutions, generator=generator)
        noise = torch.randn(
            (len(batch), self.channels, *puzzles.shape[1:]),
            generator=generator_for(self.seed, "noise", step, device=device),
            device=device,
        )[rows]
        return puzzles[rows].to(device), solutions[rows].to(device), noise.to(self.dtype)

    def skip(self, step: int) -> int:
        """Draw how many updates the oscillators of a batch take without gradients.

        Args:
            step: Number of the step, from 0.

        Returns:
            0 for half of the batches, else a number up to the stage's most.
        """
        most = self.training.stage_at(step).skip
        generator = generator_for(self.seed, "steps", step)
        return max(int(torch.randint(-most, most + 1, (), generator=generator)), 0)

    def identity(self) -> dict[str, Any]:
        """As in the base class, with the boards' content."""
        return {**super().identity(), "fingerprint": self.boards.fingerprint()}
