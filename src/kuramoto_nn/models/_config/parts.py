"""What several models have in common: oscillators, and sites on a grid that are mixed."""

from dataclasses import dataclass
from typing import Literal

from kuramoto_nn.models._config.base import Config

Coupling = Literal["attention", "convolution"]
Position = Literal["gta", "sincos"]
StimulusNorm = Literal["group", "scale"]
Frequency = Literal["per-oscillator", "shared"]


@dataclass(frozen=True, kw_only=True)
class OscillatorConfig(Config):
    """The oscillators of a model.

    Attributes:
        oscillator_dim: Components N of an oscillator.
        step_size: Step size gamma. Without frequencies the authors' code moves by
            ``gamma / (1 + gamma)``: their 1 is 0.5 here.
        trainable_step_size: Whether every block learns its gamma.
        stimulus_norm: Group normalisation per oscillator, scale and bias per channel, or None.
        frequency: Natural frequencies per oscillator, one shared, or None.
        frequency_init: Their angular speed at the start, in radians per unit time.
        trainable_frequency: Whether they are learned.
        project: Whether forces are projected onto the tangent space; False is an ablation.
        checkpoint_steps: Whether training keeps only one state for every sqrt(T) steps and
            computes the rest again: more time for a fraction of the memory.
    """

    oscillator_dim: int = 4
    step_size: float = 0.5
    trainable_step_size: bool = False
    stimulus_norm: StimulusNorm | None = None
    frequency: Frequency | None = None
    frequency_init: float = 1.0
    trainable_frequency: bool = True
    project: bool = True
    checkpoint_steps: bool = False


@dataclass(frozen=True, kw_only=True)
class GridConfig(Config):
    """Blocks that mix the sites of a grid.

    Attributes:
        num_blocks: Depth L.
        coupling: What mixes the sites.
        num_heads: Attention heads.
        kernel_size: Side of the convolution's kernel.
        position: GTA inside the attention, additive sine/cosine, or None.
    """

    num_blocks: int = 1
    coupling: Coupling = "attention"
    num_heads: int = 8
    kernel_size: int = 7
    position: Position | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.coupling == "attention" and self.channels % self.num_heads:
            raise ValueError(
                f"`num_heads` must divide `channels`: got {self.num_heads} and {self.channels}"
            )

        if self.coupling == "convolution" and self.position == "gta":
            raise ValueError(
                '`position` "gta" lies inside the attention: got it with coupling '
                '"convolution"; try "sincos" or None'
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the feature maps, in sites."""
        raise NotImplementedError
