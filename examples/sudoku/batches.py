"""The batch of every step, as a function of the step alone."""

import torch
from torch import Tensor

from examples.sudoku.data import Boards
from examples.sudoku.recipes import Recipe
from examples.sudoku.symmetries import transform
from examples.training.distributed import Processes
from examples.training.randomness import generator_for


class BoardBatches:
    """Each step's boards, and the noise the oscillators start from.

    All is drawn for the global batch and then cut to this process's rows, so that any number of
    processes sees the same batch.

    Args:
        boards: The training boards.
        recipe: Batch size and augmentation.
        channels: Channels of the noise.
        seed: Seed of the run.
        here: This process.

    Raises:
        ValueError: If there are fewer boards than a batch takes, or the batch cannot be shared out.
    """

    def __init__(
        self, boards: Boards, recipe: Recipe, channels: int, *, seed: int, here: Processes
    ):
        self.boards, self.recipe, self.channels = boards, recipe, channels
        self.seed, self.here = seed, here
        self.rows = here.rows(recipe.batch_size)
        self.steps_per_epoch = len(boards) // recipe.batch_size
        if self.steps_per_epoch == 0:
            raise ValueError(
                f"a batch needs {recipe.batch_size} boards: got {len(boards)}; lower --batch-size"
            )

    def at(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Make the batch of one step.

        Args:
            step: Number of the step, from 0.

        Returns:
            Puzzles and solutions ``(b, 9, 9)`` and noise ``(b, C, 9, 9)``, for this process's b
            boards, on its device.
        """
        device, size = self.here.device, self.recipe.batch_size
        epoch, position = divmod(step, self.steps_per_epoch)
        order = torch.randperm(len(self.boards), generator=generator_for(self.seed, "order", epoch))
        batch = self.boards[order[position * size : (position + 1) * size]]
        puzzles, solutions = batch.puzzles, batch.solutions
        if self.recipe.symmetries:
            generator = generator_for(self.seed, "views", step)
            puzzles, solutions = transform(puzzles, solutions, generator=generator)
        noise = torch.randn(
            (size, self.channels, *puzzles.shape[1:]),
            generator=generator_for(self.seed, "noise", step, device=device),
            device=device,
        )
        return puzzles[self.rows].to(device), solutions[self.rows].to(device), noise[self.rows]

    def skip(self, step: int) -> int:
        """Draw how many steps the oscillators of a batch take without gradients.

        Args:
            step: Number of the step, from 0.

        Returns:
            0 for half of the batches, else a number up to the stage's most.
        """
        most = self.recipe.stage_at(step).skip
        generator = generator_for(self.seed, "steps", step)
        return max(int(torch.randint(-most, most + 1, (), generator=generator)), 0)
