"""What all models share: a configuration that is JSON, presets by name, files that load safely."""

import dataclasses
from typing import Any, ClassVar, Self

import torch
from torch.utils.flop_counter import FlopCounterMode

from kuramoto_nn.layers._stepwise import Stepwise
from kuramoto_nn.models._config import Config, OscillatorConfig
from kuramoto_nn.models._pretrained import Pretrained
from kuramoto_nn.models._published import PUBLISHED


class Model(Pretrained):
    """A network that is built from one configuration dataclass.

    Attributes:
        config: The configuration the model was built from; plain values only.
        config_class: Its class.
    """

    config_class: ClassVar[type[Config]]
    _presets: ClassVar[dict[str, Any]]

    def __init__(self, config: Any):
        super().__init__()
        if not isinstance(config, self.config_class):
            raise TypeError(
                f"`config` must be a {self.config_class.__name__}: got {type(config).__name__}; "
                f"try {type(self).__name__}.from_preset(…)"
            )
        self.config = config

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the step of every block with `torch.compile`, in place.

        No number of steps compiles anything again, and every method uses the compiled steps. The
        names in the state dict stay as they are.

        Args:
            *args: Those of `torch.compile`.
            **kwargs: Likewise.
        """
        for module in self.modules():
            if isinstance(module, Stepwise):
                module.compile(*args, **kwargs)

    @classmethod
    def presets(cls) -> "dict[str, Preset]":
        """Name, configuration, size and published scores of every preset of this class."""
        return {name: Preset(name, cls, config) for name, config in cls._presets.items()}

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
        cls.config_class.check_names(overrides)
        return cls(dataclasses.replace(cls._presets[name], **overrides))


@dataclasses.dataclass(frozen=True)
class Preset:
    """A named configuration, what it costs and what was published for it.

    Attributes:
        name: Its name.
        model_class: Class of the model.
        config: The configuration.
    """

    name: str
    model_class: type[Model] = dataclasses.field(repr=False)
    config: Config

    @property
    def published(self) -> dict[str, tuple[float, float]]:
        """Published scores (x 100), mean and standard deviation; empty where there are none."""
        return PUBLISHED.get(self.name, {})

    @property
    def parameters(self) -> int:
        """Parameters, counted as the authors do: one fixed step size is a parameter too."""
        model = self._on_meta()
        config = self.config
        fixed_step = isinstance(config, OscillatorConfig) and not config.trainable_step_size
        return sum(parameter.numel() for parameter in model.parameters()) + fixed_step

    @property
    def flops(self) -> int:
        """Floating-point operations of a forward pass of one image or puzzle.

        Matrix products, convolutions and attention only; a multiply-add counts as two.
        """
        model = self._on_meta()
        with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(self.config.example_input())
        return counter.get_total_flops()

    def _on_meta(self) -> Model:
        with torch.device("meta"):
            return self.model_class(self.config).eval()
