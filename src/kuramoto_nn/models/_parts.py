"""Parts that several networks share: their configurations, and the modules built from these."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import torch
from torch import Generator, Tensor, nn

from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling, GeometricTransform
from kuramoto_nn.layers import (
    KuramotoLayer,
    NaturalFrequency,
    OscillatorNorm,
    ScaleBias,
    SinCosEmbedding,
)
from kuramoto_nn.layers._images import Pool
from kuramoto_nn.models._config import Config

Coupling = Literal["attention", "convolution"]
Position = Literal["gta", "sincos"]
StimulusNorm = Literal["group", "scale"]
Frequency = Literal["per-oscillator", "shared"]
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class GridConfig(Config):
    """Blocks that couple the sites of a grid.

    Attributes:
        coupling: "attention" or "convolution", for all blocks or one per block.
        num_heads: Attention heads.
        kernel_size: Side of the convolutions' kernels, one number or one per block.
        position: "gta" inside the attention blocks, "sincos" added before the first block, or
            None.
    """

    coupling: Coupling | tuple[Coupling, ...] = "attention"
    num_heads: int = 8
    kernel_size: int | tuple[int, ...] = 7
    position: Position | None = None

    def __post_init__(self):
        super().__post_init__()
        couplings = self.coupling if isinstance(self.coupling, tuple) else (self.coupling,)
        attentive = [i for i, coupling in enumerate(couplings) if coupling == "attention"]
        for block in attentive:
            channels = self._of_block(block).get("channels", self.channels)
            if channels % self.num_heads:
                raise ValueError(
                    f"`num_heads` must divide `channels`: got {self.num_heads} and {channels}"
                )
        if self.position == "gta" and not attentive:
            raise ValueError(
                '`position` "gta" lies inside the attention: got it with coupling '
                '"convolution"; try "sincos" or None'
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the feature maps, in sites."""
        raise NotImplementedError

    def _of_block(self, index: int) -> dict[str, Any]:
        fields = super()._of_block(index)
        if self.position == "gta" and fields["coupling"] != "attention":
            fields["position"] = None
        return fields


@dataclass(frozen=True, kw_only=True)
class OscillatorConfig(GridConfig):
    """Blocks of coupled oscillators.

    Attributes:
        oscillator_dim: Components N of an oscillator, one number or one per block.
        step_size: Step size gamma. Without frequencies the authors' code moves by
            ``gamma / (1 + gamma)``: their 1 is 0.5 here.
        trainable_step_size: Whether every block learns its gamma.
        stimulus_norm: "group" for a group normalisation per oscillator, "scale" for a scale and a
            bias per channel, or None.
        frequency: Natural frequencies: "per-oscillator", "shared" by all of a block, or None.
        frequency_init: Angular speed at the start of training, in radians per unit time.
        trainable_frequency: Whether the frequencies are learned.
        project: Whether forces are projected onto the tangent space; False is an ablation.
        checkpoint_steps: Whether training keeps only one state for every sqrt(T) updates and
            recomputes the others, which takes longer and needs a fraction of the memory.
    """

    oscillator_dim: int | tuple[int, ...] = 4
    step_size: float = 0.5
    trainable_step_size: bool = False
    stimulus_norm: StimulusNorm | None = None
    frequency: Frequency | None = None
    frequency_init: float = 1.0
    trainable_frequency: bool = True
    project: bool = True
    checkpoint_steps: bool = False


@dataclass(frozen=True, kw_only=True)
class ImageConfig(GridConfig):
    """Networks whose input is images.

    Attributes:
        image_size: Side, or height and width, of the images in pixels.
    """

    image_size: int | tuple[int, int] = 128

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the images, in pixels."""
        size = self.image_size
        return size if isinstance(size, tuple) else (size, size)

    def example_input(self) -> Tensor:
        """A black image of the configured size, ``(1, 3, H, W)``."""
        return torch.zeros(1, 3, *self.sides)


@dataclass(frozen=True, kw_only=True)
class ObjectDiscoveryConfig(ImageConfig):
    """Networks that embed images patch by patch.

    Attributes:
        patch_size: Side of a patch in pixels; it divides the sides of the images.
        pool: Pooling in the head: "max" or "mean".
    """

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
    def grid(self) -> tuple[int, int]:
        """Height and width of the feature maps, in sites."""
        height, width = self.sides
        return height // self.patch_size, width // self.patch_size


def plain(value: Value | tuple[Value, ...]) -> Value:
    """Value of a per-block field in the configuration of one block."""
    assert not isinstance(value, tuple), "build from `config.block(i)`"
    return value


def build_coupling(config: GridConfig) -> nn.Module:
    """Build the coupling of a block: a convolution, or attention with or without GTA."""
    if config.coupling == "convolution":
        return ConvCoupling(config.channels, plain(config.kernel_size))
    position = None
    if config.position == "gta":
        position = GeometricTransform(config.grid, head_dim=config.channels // config.num_heads)
    return AttentionCoupling(config.channels, config.num_heads, position=position)


def build_position(config: GridConfig) -> SinCosEmbedding | None:
    """Build the embedding that is added before the first block, if there is one."""
    return SinCosEmbedding(config.channels, config.grid) if config.position == "sincos" else None


def build_layer(config: OscillatorConfig) -> KuramotoLayer:
    """Build the Kuramoto layer of a block."""
    channels, oscillator_dim = config.channels, plain(config.oscillator_dim)
    frequency = stimulus_norm = None
    if config.frequency is not None:
        frequency = NaturalFrequency(
            channels,
            oscillator_dim,
            shared=config.frequency == "shared",
            init=config.frequency_init,
            trainable=config.trainable_frequency,
        )
    if config.stimulus_norm == "group":
        stimulus_norm = OscillatorNorm(channels, oscillator_dim)
    elif config.stimulus_norm == "scale":
        stimulus_norm = ScaleBias(channels)
    return KuramotoLayer(
        build_coupling(config),
        channels=channels,
        oscillator_dim=oscillator_dim,
        frequency=frequency,
        stimulus_norm=stimulus_norm,
        step_size=config.step_size,
        trainable_step_size=config.trainable_step_size,
        num_steps=plain(config.num_steps),
        project=config.project,
        checkpoint_steps=config.checkpoint_steps,
    )


class KuramotoBlock(nn.Module):
    """Maps x and c ``(B, C, *S)`` to those of the next block: a Kuramoto layer and its readout.

    Without ``readout`` the oscillators are the next stimulus; without ``oscillator_map`` they are
    passed on as they are.
    """

    def __init__(
        self,
        layer: KuramotoLayer,
        readout: nn.Module | None,
        oscillator_map: nn.Module | None = None,
    ):
        super().__init__()
        self.layer, self.readout, self.oscillator_map = layer, readout, oscillator_map

    def forward(
        self, x: Tensor, c: Tensor, *, num_steps: int | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.read(self.layer(x, c, num_steps=num_steps))

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Oscillators and stimulus of the next block, from the last state of this one."""
        c = x if self.readout is None else self.readout(x)
        return x if self.oscillator_map is None else self.oscillator_map(x), c


def start_noise(
    stimulus: Tensor, noise: Tensor | None, generator: Generator | None, *, dtype: torch.dtype
) -> Tensor:
    """Return the given noise, or draw standard normal noise, of the stimulus' shape.

    ``dtype`` is that of the weights; under autocast the stimulus has another.
    """
    if noise is None:
        wide = torch.promote_types(dtype, torch.float32)
        # ONNX cannot export a call with `generator`, not even with None.
        draw = torch.randn if generator is None else partial(torch.randn, generator=generator)
        noise = draw(stimulus.shape, dtype=wide, device=stimulus.device)
    if noise.shape != stimulus.shape:
        raise ValueError(
            f"`noise` must have the shape of the stimulus, {tuple(stimulus.shape)}: got "
            f"{tuple(noise.shape)}"
        )
    return noise.to(dtype)
