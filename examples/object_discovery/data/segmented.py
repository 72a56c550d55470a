"""What every data set of this example looks like once it is in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SegmentedImages:
    """Images with the label of every pixel.

    Args:
        images: `(n, 3, H, W)` uint8 colours; often memory-mapped, so index before converting.
        masks: `(n, H, W)` uint8 labels; 0 is the background, 1, 2, … the objects of that image.

    Raises:
        ValueError: When the shapes or types are not the ones above.

    Examples:
        >>> data = SegmentedImages(
        ...     torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, 4, 4, dtype=torch.uint8)
        ... )
        >>> len(data)
        2
    """

    images: Tensor
    masks: Tensor

    def __post_init__(self) -> None:
        """Refuse tensors that do not belong together."""
        images, masks = tuple(self.images.shape), tuple(self.masks.shape)
        if len(images) != 4 or images[1] != 3 or masks != (images[0], *images[2:]):
            raise ValueError(
                f"images must be (n, 3, H, W) and masks (n, H, W): got {images} and {masks}"
            )
        if self.images.dtype != torch.uint8 or self.masks.dtype != torch.uint8:
            raise ValueError(
                f"images and masks must be uint8: got {self.images.dtype} and {self.masks.dtype}; "
                "convert them with .to(torch.uint8)"
            )

    def __len__(self) -> int:
        """Number of images."""
        return self.images.shape[0]

    @classmethod
    def from_planes(cls, planes: np.ndarray) -> SegmentedImages:
        """Split `(n, 4, H, W)` uint8 planes, three of colour and one of labels, without a copy.

        Args:
            planes: What `cache.load_or_build` returns.

        Returns:
            Views of `planes`.
        """
        tensor = torch.from_numpy(planes)
        return cls(images=tensor[:, :3], masks=tensor[:, 3])
