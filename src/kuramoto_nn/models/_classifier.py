"""AKOrN for image classification: oscillators at three resolutions, from pixels to classes."""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from kuramoto_nn.coupling import ConvCoupling
from kuramoto_nn.layers import FeedForwardReadout
from kuramoto_nn.layers._images import check_images
from kuramoto_nn.models._base import Model
from kuramoto_nn.models._block import KuramotoBlock, start_noise
from kuramoto_nn.models._build import build_layer
from kuramoto_nn.models._config import AKOrNClassifierConfig
from kuramoto_nn.models._presets import CLASSIFIER_PRESETS


class AKOrNClassifier(Model):
    """Stages of convolutionally coupled oscillators, each at half the grid and twice the channels.

    Between two stages one strided convolution maps oscillators and stimulus alike.

    Args:
        config: Sizes and parts; see `AKOrNClassifierConfig`.

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
    _presets: ClassVar = CLASSIFIER_PRESETS

    def __init__(self, config: AKOrNClassifierConfig):
        super().__init__(config)
        widths = [config.channels * 2**stage for stage in range(len(config.kernel_sizes))]
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.transitions = nn.ModuleList(
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1) for width in widths[1:]
        )
        self.blocks = nn.ModuleList(
            KuramotoBlock(
                build_layer(replace(config, channels=width), ConvCoupling(width, kernel_size)),
                FeedForwardReadout(
                    width,
                    width,
                    config.readout_dim,
                    config.readout_kernel_size,
                    norm=nn.BatchNorm2d,
                ),
            )
            for width, kernel_size in zip(widths, config.kernel_sizes, strict=True)
        )
        self.out = nn.Linear(widths[-1], config.num_classes)

    def forward(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Classify images.

        Args:
            images: ``(B, 3, H, W)`` in [0, 1].
            noise: Where the oscillators start, before normalisation, ``(B, channels, H, W)``.
            generator: Draws the noise if none is given; the global one if None.
            num_steps: T of every stage; the configured one if None.

        Returns:
            Logits ``(B, num_classes)``.

        Raises:
            ValueError: If the images have another shape or type.
        """
        check_images(images)
        c = self.stem(2 * images - 1)
        x = start_noise(c, noise, generator, dtype=self.stem.weight.dtype)
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
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Mean logits over starting noises, ``(B, num_classes)``, one forward pass after another.

        Args:
            images: ``(B, 3, H, W)`` in [0, 1].
            num_samples: How many noises.
            generator: Draws them; the global one if None.
            num_steps: T of every stage; the configured one if None.

        Returns:
            Logits.

        Raises:
            ValueError: If ``num_samples`` is not positive.
        """
        if not isinstance(num_samples, int) or num_samples < 1:
            raise ValueError(f"`num_samples` must be a positive integer: got {num_samples!r}")
        total, dtype = torch.zeros((), device=images.device), images.dtype
        for _ in range(num_samples):
            logits = self(images, generator=generator, num_steps=num_steps)
            dtype = logits.dtype
            total = total + logits.to(torch.promote_types(dtype, torch.float32))
        return (total / num_samples).to(dtype)
