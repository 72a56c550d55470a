"""The batch of every step, as a function of the step alone."""

import torch
from torch import Tensor

from examples.object_discovery.augment import apply_views, draw_views
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.recipes import Recipe
from examples.training.distributed import Processes
from examples.training.randomness import generator_for


class ViewBatches:
    """Both views of each step's images, and the noise the oscillators start from.

    All is drawn for the global batch and then cut to this process's rows, so that any number of
    processes sees the same batch.

    Args:
        images: The training images.
        recipe: Batch size and augmentation.
        noise_shape: Shape of one image's noise, ``(C, h, w)``.
        seed: Seed of the run.
        here: This process.
        dtype: Type of views and noise. Noise is drawn in float32, the same for all types.

    Raises:
        ValueError: If there are fewer images than a batch takes, or the batch cannot be shared out.
    """

    def __init__(
        self,
        images: SegmentedImages,
        recipe: Recipe,
        noise_shape: tuple[int, ...],
        *,
        seed: int,
        here: Processes,
        dtype: torch.dtype = torch.float32,
    ):
        self.images, self.recipe, self.noise_shape = images, recipe, noise_shape
        self.seed, self.here, self.dtype = seed, here, dtype
        self.rows = here.rows(recipe.batch_size)
        self.steps_per_epoch = len(images) // recipe.batch_size
        if recipe.batch_size < 2:
            raise ValueError("a batch needs at least 2 images to tell apart: got --batch-size 1")
        if self.steps_per_epoch == 0:
            raise ValueError(
                f"a batch needs {recipe.batch_size} images: got {len(images)}; "
                f"lower --batch-size or raise --num-images"
            )

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Make the batch of one step.

        Args:
            step: Number of the step, from 0.

        Returns:
            Views ``(2 b, 3, H, W)``, first views before second ones, and noise ``(2 b, C, h, w)``,
            for this process's b images, on its device.
        """
        device, size = self.here.device, self.recipe.batch_size
        epoch, position = divmod(step, self.steps_per_epoch)
        order = torch.randperm(len(self.images), generator=generator_for(self.seed, "order", epoch))
        chosen = order[position * size : (position + 1) * size][self.rows]
        images = self.images.images.index_select(0, chosen).to(device, self.dtype) / 255

        mine = torch.arange(2 * size).unflatten(0, (2, size))[:, self.rows].flatten()
        params = draw_views(
            2 * size,
            image_size=(images.shape[2], images.shape[3]),
            generator=generator_for(self.seed, "views", step),
            augmentation=self.recipe.augmentation,
        )
        noise = torch.randn(
            2 * size,
            *self.noise_shape,
            generator=generator_for(self.seed, "noise", step, device=device),
            device=device,
        )
        return apply_views(images.repeat(2, 1, 1, 1), params[mine]), noise[mine.to(device)].to(
            self.dtype
        )
