"""Configurations of the models that discover objects in images."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from kuramoto_nn.layers._images import Pool
from kuramoto_nn.models._config.parts import GridConfig, OscillatorConfig, Position


@dataclass(frozen=True, kw_only=True)
class ObjectDiscoveryConfig(GridConfig):
    """What AKOrN and its controls have in common.

    Attributes:
        image_size: Side, or height and width, of the images in pixels.
        patch_size: Side of a patch in pixels.
        pool: How the head pools.
    """

    image_size: int | tuple[int, int] = 128
    patch_size: int = 8
    pool: Pool = "max"

    def __post_init__(self):
        super().__post_init__()
        if any(side % self.patch_size for side in self.sides):
            raise ValueError(
                f"`image_size` must be a multiple of `patch_size`: got {self.image_size} and "
                f"{self.patch_size}"
            )

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the images, in pixels."""
        size = self.image_size
        return size if isinstance(size, tuple) else (size, size)

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the feature maps, in sites."""
        height, width = self.sides
        return height // self.patch_size, width // self.patch_size

    def example_input(self) -> Tensor:
        """A black image of the configured size, ``(1, 3, H, W)``."""
        return torch.zeros(1, 3, *self.sides)


@dataclass(frozen=True, kw_only=True)
class AKOrNConfig(ObjectDiscoveryConfig, OscillatorConfig):
    """Configuration of `AKOrN`.

    Attributes:
        position: GTA as in the paper, or another of `GridConfig`.
        map_oscillators: Whether a linear map lies between the oscillators of two blocks.
        readout: What makes features of oscillators: lengths of their combinations; None is an
            ablation, whose features are the oscillators themselves.
    """

    position: Position | None = "gta"
    map_oscillators: bool = False
    readout: Literal["norm"] | None = "norm"


@dataclass(frozen=True, kw_only=True)
class ItrSAConfig(ObjectDiscoveryConfig):
    """Configuration of `ItrSA`: iterated self-attention, or iterated convolution.

    Attributes:
        position: Sine/cosine as in the paper, or another of `GridConfig`.
        mlp_channels: Hidden width of the MLP; twice the channels if None, as in the paper.
    """

    position: Position | None = "sincos"
    mlp_channels: int | None = None
