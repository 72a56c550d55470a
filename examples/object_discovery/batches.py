"""The batch of every step, as a function of the step alone."""

from typing import Any

import torch
from torch import Tensor

from examples.common.device import send
from examples.common.randomness import ShuffledBatches, generator_for
from examples.object_discovery.augment import apply_views, draw_views
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.recipes import Training
from kuramoto_nn.models import ObjectDiscoveryConfig


class ViewBatches(ShuffledBatches):
    """Two views of each step's images, of type ``dtype``, and the oscillators' initial noise.

    The other options are those of `ShuffledBatches`.
    """

    def __init__(
        self,
        images: SegmentedImages,
        training: Training,
        model: ObjectDiscoveryConfig,
        **options: Any,
    ):
        super().__init__(len(images), training, name="images", **options)
        self.images, self.augmentation = images, training.augmentation
        height, width = images.images.shape[2:]
        self.image_size = (height, width)
        self.noise_shape = (model.channels, height // model.patch_size, width // model.patch_size)

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Views ``(2, b, 3, H, W)`` of this process's b images, and noise ``(2, b, C, h, w)``."""
        device, chosen = self.here.device, self.indices(step)
        size = len(chosen)
        rows = self.here.rows(size)
        stored = self.images.images.index_select(0, chosen[rows])
        images = send(stored, device).to(self.dtype) / 255

        mine = torch.arange(2 * size).unflatten(0, (2, size))[:, rows].flatten()
        params = draw_views(
            2 * size,
            image_size=self.image_size,
            generator=generator_for(self.seed, "views", step),
            augmentation=self.augmentation,
        )
        noise = torch.randn(
            (2 * size, *self.noise_shape),
            generator=generator_for(self.seed, "noise", step, device=device),
            device=device,
        )
        views = apply_views(images.repeat(2, 1, 1, 1), params[mine])
        noise = noise[send(mine, device)].to(self.dtype)
        return views.unflatten(0, (2, -1)), noise.unflatten(0, (2, -1))

    def identity(self) -> dict[str, Any]:
        """As in the base class, with the images' size and content."""
        size, content = self.image_size, self.images.fingerprint()
        return {**super().identity(), "image_size": size, "fingerprint": content}
