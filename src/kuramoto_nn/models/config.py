"""Configurations of the object-discovery models: plain values, so that each is a JSON object."""

from dataclasses import dataclass
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

Coupling = Literal["attention", "convolution"]
Position = Literal["gta", "sincos"]
StimulusNormName = Literal["group", "scale"]
FrequencyName = Literal["per-oscillator", "shared"]
Pool = Literal["max", "mean"]


@dataclass(frozen=True, kw_only=True)
class ObjectDiscoveryConfig:
    """What AKOrN and its controls have in common.

    Attributes:
        image_size: Side, or height and width, of the images in pixels.
        patch_size: Side of a patch in pixels.
        channels: Channels C of every feature map.
        num_blocks: Depth L.
        num_steps: Steps or repetitions T in every block.
        coupling: What mixes the sites.
        num_heads: Attention heads.
        kernel_size: Side of the convolution's kernel.
        position: GTA inside the attention, additive sine/cosine, or None.
        pool: How the head pools.
    """

    image_size: int | tuple[int, int] = 128
    patch_size: int = 8
    channels: int = 256
    num_blocks: int = 1
    num_steps: int = 8
    coupling: Coupling = "attention"
    num_heads: int = 8
    kernel_size: int = 7
    position: Position | None = None
    pool: Pool = "max"

    def __post_init__(self):
        _check_choices(self)
        if isinstance(self.image_size, list):  # as JSON has it
            object.__setattr__(self, "image_size", tuple(self.image_size))
        for name in ("patch_size", "channels", "num_blocks", "num_steps", "num_heads"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive integer: got {value!r}")
        if len(self._sides) != 2 or not all(isinstance(side, int) for side in self._sides):
            raise ValueError(
                f"`image_size` must be a side or (height, width) in pixels: got {self.image_size!r}"
            )
        if self.coupling == "attention" and self.channels % self.num_heads:
            raise ValueError(
                f"`num_heads` must divide `channels`: got {self.num_heads} and {self.channels}"
            )
        if min(self.grid) < 1 or any(side % self.patch_size for side in self._sides):
            raise ValueError(
                f"`image_size` must be a multiple of `patch_size`: got {self.image_size} and "
                f"{self.patch_size}"
            )

    @property
    def _sides(self) -> tuple[int, int]:
        size = self.image_size
        return size if isinstance(size, tuple) else (size, size)

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the feature maps, in sites."""
        height, width = self._sides
        return height // self.patch_size, width // self.patch_size


@dataclass(frozen=True, kw_only=True)
class AKOrNConfig(ObjectDiscoveryConfig):
    """Configuration of `AKOrN`.

    Attributes:
        oscillator_dim: Components N of an oscillator.
        step_size: gamma of the clean update. The authors' code without frequencies moves by
            ``gamma / (1 + gamma)``: its gamma = 1 is 0.5 here.
        stimulus_norm: Group normalisation per oscillator, scale and bias per channel, or None.
        frequency: Natural frequencies per oscillator, one shared, or None.
        frequency_init: Their angular speed at the start, in radians per unit time.
        map_oscillators: Whether a linear map lies between the oscillators of two blocks.
        project: Whether forces are projected onto the tangent space.
    """

    position: Position | None = "gta"
    oscillator_dim: int = 4
    step_size: float = 0.5
    stimulus_norm: StimulusNormName | None = None
    frequency: FrequencyName | None = None
    frequency_init: float = 1.0
    map_oscillators: bool = False
    project: bool = True


@dataclass(frozen=True, kw_only=True)
class ItrSAConfig(ObjectDiscoveryConfig):
    """Configuration of `ItrSA`: iterated self-attention, or iterated convolution.

    Attributes:
        position: See `ObjectDiscoveryConfig`; sine/cosine in the paper.
    """

    position: Position | None = "sincos"


def _check_choices(config: ObjectDiscoveryConfig) -> None:
    """Reject a value that the field's `Literal` type does not list."""
    for name, hint in get_type_hints(type(config)).items():
        members = (hint,) if get_origin(hint) is Literal else get_args(hint)
        choices = [c for m in members if get_origin(m) is Literal for c in get_args(m)]
        allowed = [*choices, None] if NoneType in members else choices
        if choices and getattr(config, name) not in allowed:
            raise ValueError(
                f"`{name}` must be one of {', '.join(map(repr, allowed))}: got "
                f"{getattr(config, name)!r}"
            )
