"""AKOrN for image classification: stages of oscillators, each at half the resolution."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from kuramoto_nn._checks import as_integer
from kuramoto_nn.layers import FeedForwardReadout
from kuramoto_nn.layers._images import check_images
from kuramoto_nn.models import _parts as parts
from kuramoto_nn.models._base import Model


@dataclass(frozen=True, kw_only=True)
class AKOrNClassifierConfig(parts.ImageConfig, parts.OscillatorConfig):
    """Configuration of `AKOrNClassifier`; all other fields are those of the base classes.

    Stage i = 0, 1, … has ``2^i channels`` on a grid of ``1 / 2^i`` the sides of the image.

    A stage is a block. The defaults are the paper's.

    Attributes:
        channels: Channels of the first stage.
        num_blocks: Number of stages.
        readout_kernel_size: Side of the kernels in the readout.
        readout_dim: Components per norm of the readout, one number or one per stage.
        num_classes: Number of classes.
        image_size: Side, or height and width, of the images in pixels; only positions depend on it.
        step_size: Step size gamma; the authors' value, as there are frequencies.
    """

    channels: int = 64
    num_blocks: int = 3
    num_steps: int | tuple[int, ...] = 3
    coupling: parts.Coupling | tuple[parts.Coupling, ...] = "convolution"
    kernel_size: int | tuple[int, ...] = (9, 7, 5)
    readout_kernel_size: int = 3
    readout_dim: int | tuple[int, ...] = 2
    num_classes: int = 10
    image_size: int | tuple[int, int] = 32
    oscillator_dim: int | tuple[int, ...] = 2
    step_size: float = 1.0
    stimulus_norm: parts.StimulusNorm | None = "group"
    frequency: parts.Frequency | None = "shared"

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the first stage's feature maps, in sites."""
        return self.sides

    def _of_block(self, index: int) -> dict[str, Any]:
        scale = 2**index  # a strided convolution rounds odd sides up
        return super()._of_block(index) | {
            "channels": self.channels * scale,
            "image_size": tuple(-(-side // scale) for side in self.sides),
        }


class AKOrNClassifier(Model):
    """Stages of coupled oscillators, each at half the grid and twice the channels of the last.

    Between two stages one strided convolution maps oscillators and stimulus alike.

    Shape:
        Images ``(B, 3, H, W)`` in [0, 1] to logits ``(B, num_classes)``; any H and W.

    Reference:
        Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> model = AKOrNClassifier.from_preset("cifar10-akorn-tiny")
        >>> model(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    config: AKOrNClassifierConfig
    config_class = AKOrNClassifierConfig
    preset_configs = {
        "cifar10-akorn": AKOrNClassifierConfig(),
        # The paper's "mix": attention in the last stage.
        "cifar10-akorn-mix": AKOrNClassifierConfig(
            coupling=("convolution", "convolution", "attention"), position="gta"
        ),
        "cifar10-akorn-tiny": AKOrNClassifierConfig(channels=16, kernel_size=(5, 5, 3)),
    }

    def __init__(self, config: AKOrNClassifierConfig):
        super().__init__(config)
        stages = config.blocks()
        widths = [stage.channels for stage in stages]
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.position_x = parts.build_position(config)
        self.position_c = parts.build_position(config)
        self.transitions = nn.ModuleList(
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1) for width in widths[1:]
        )
        self.blocks = nn.ModuleList()
        for width, stage in zip(widths, stages, strict=True):
            layer, dim = parts.build_layer(stage), parts.plain(stage.readout_dim)
            side = config.readout_kernel_size
            readout = FeedForwardReadout(width, width, dim, side, norm=nn.BatchNorm2d)
            self.blocks.append(parts.KuramotoBlock(layer, readout))
        self.out = nn.Linear(widths[-1], config.num_classes)

    def forward(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Logits ``(B, num_classes)``.

        Args:
            images: ``(B, 3, H, W)`` in [0, 1].
            noise: Start of the oscillators, before normalisation, ``(B, channels, H, W)``.
            generator: Draws the noise if none is given; the global one if None.
            num_steps: T of every stage; the configured one if None.

        Raises:
            ValueError: If the images have another shape or type.
        """
        check_images(images)
        c = self.stem(2 * images - 1)
        x = parts.start_noise(c, noise, generator, dtype=self.stem.weight.dtype)
        if self.position_x is not None and self.position_c is not None:
            x, c = self.position_x(x), self.position_c(c)
        for stage, block in enumerate(self.blocks):
            if stage > 0:
                down = self.transitions[stage - 1]
                x, c = down(x), down(c)
            x, c = block(x, c, num_steps=num_steps)
        return self.out(c.mean((2, 3)))

    def ensemble(
        self,
        images: Tensor,
        num_samples: int,
        *,
        generator: Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Mean logits over ``num_samples`` starting noises, ``(B, num_classes)``.

        One forward pass after another; other arguments as in a call.

        Raises:
            ValueError: If ``num_samples`` is not positive.
        """
        num_samples = as_integer("num_samples", num_samples, least=1)
        samples = range(num_samples)
        logits = [self(images, generator=generator, num_steps=num_steps) for _ in samples]
        wide = torch.promote_types(logits[0].dtype, torch.float32)
        return torch.stack(logits).mean(0, dtype=wide).to(logits[0].dtype)
