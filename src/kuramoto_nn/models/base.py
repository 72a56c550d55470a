"""What all models share: a configuration that is JSON, and presets by name."""

import dataclasses
from typing import Any, ClassVar, Self

from torch import nn

from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling, GeometricTransform
from kuramoto_nn.models.config import ObjectDiscoveryConfig


class Model(nn.Module):
    """A network that is built from one configuration dataclass.

    Attributes:
        config: The configuration the model was built from; plain values only.
        config_class: Its class.
    """

    config_class: ClassVar[type]
    _presets: ClassVar[dict[str, Any]]

    def __init__(self, config: Any):
        super().__init__()
        if not isinstance(config, self.config_class):
            raise TypeError(
                f"`config` must be a {self.config_class.__name__}: got {type(config).__name__}; "
                f"try {type(self).__name__}.from_preset(…)"
            )
        self.config = config

    @classmethod
    def presets(cls) -> dict[str, Any]:
        """Name and configuration of every preset of this class."""
        return dict(cls._presets)

    @classmethod
    def from_preset(cls, name: str, **overrides: Any) -> Self:
        """Build an untrained model by the name of its recipe.

        Args:
            name: One of `presets()`.
            **overrides: Fields of the configuration to set otherwise.

        Returns:
            The model, freshly initialised.

        Raises:
            ValueError: If the name or a field is unknown.
        """
        if name not in cls._presets:
            raise ValueError(
                f"`name` must be a preset of {cls.__name__}: got {name!r}; "
                f"try one of {', '.join(sorted(cls._presets))}"
            )
        fields = {field.name for field in dataclasses.fields(cls.config_class)}
        if unknown := sorted(overrides.keys() - fields):
            raise ValueError(
                f"`overrides` must name fields of {cls.config_class.__name__}: got "
                f"{', '.join(unknown)}; try {', '.join(sorted(fields))}"
            )
        return cls(dataclasses.replace(cls._presets[name], **overrides))


def build_coupling(config: ObjectDiscoveryConfig) -> nn.Module:
    """Build what mixes the sites of an object-discovery model.

    Args:
        config: The model's configuration.

    Returns:
        A convolution, or attention with or without GTA.
    """
    if config.coupling == "convolution":
        return ConvCoupling(config.channels, config.kernel_size)
    head_dim = config.channels // config.num_heads
    position = (
        GeometricTransform(config.grid, head_dim=head_dim) if config.position == "gta" else None
    )
    return AttentionCoupling(config.channels, config.num_heads, position=position)
