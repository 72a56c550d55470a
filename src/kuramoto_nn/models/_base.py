"""Base class of the networks, and the registry that finds them and their presets by name."""

import dataclasses
import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Generator, Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kuramoto_nn._checks import listed
from kuramoto_nn.coupling import GeometricTransform
from kuramoto_nn.layers import PooledHead, SinCosEmbedding
from kuramoto_nn.layers._kuramoto import Stepwise
from kuramoto_nn.models._config import Config
from kuramoto_nn.models._parts import OscillatorConfig
from kuramoto_nn.models._published import PUBLISHED
from kuramoto_nn.models._saving import NETWORKS, Pretrained, misfits, on_meta

FREE_FIELDS = {"image_size", "num_steps", "step_size", "frequency_init", "pool", "checkpoint_steps"}
"""Fields of configurations that do not change the meaning of the weights."""


class Model(Pretrained):
    """A network that is built from one configuration.

    A subclass sets `config_class`, the class of its `config`, and `preset_configs`, configurations
    by name, if it has presets. `create_model`, `list_models` and `load_model` then find it by the
    name of its class.
    """

    preset_configs: ClassVar[Mapping[str, Config]] = {}

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if getattr(cls, "config_class", None) is None:
            return  # abstract
        known = NETWORKS.get(cls.__name__, cls).__module__
        if known.startswith(f"{__package__}.") and known != cls.__module__:
            raise ValueError(f"{cls.__name__} is a network of the library: choose another name")
        NETWORKS[cls.__name__] = cls

    def __init__(self, config: Any):
        super().__init__()
        if not isinstance(config, self.config_class):
            raise TypeError(
                f"`config` must be a {self.config_class.__name__}: got {type(config).__name__}; "
                f"try {type(self).__name__}.from_preset(…)"
            )
        self.config = config

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the step of every block in place; arguments are those of `torch.compile`.

        No number of steps compiles anything again, and every method uses the compiled steps. The
        names in the state dict stay as they are.
        """
        for module in self.modules():
            if isinstance(module, Stepwise):
                module.compile(*args, **kwargs)

    def load_weights(self, other: "Model") -> None:
        """Copy the weights of a model whose configuration is the same up to `FREE_FIELDS`.

        Positions that were learned on another grid are resized bilinearly.

        Raises:
            ValueError: If the classes, other fields of the configurations, or tensors differ; the
                message names them.
        """
        own, theirs = self.describe(), other.describe()
        problems = [
            f"`{name}` is {theirs.get(name)!r}, expected {own.get(name)!r}"
            for name in own | theirs
            if name not in FREE_FIELDS and own.get(name) != theirs.get(name)
        ]
        weights = other.state_dict()
        if not problems:
            for name, module in other.named_modules():
                if isinstance(module, GeometricTransform | SinCosEmbedding):
                    mine: Any = self.get_submodule(name)
                    weights[f"{name}.weight"] = module.resized(mine.grid)
            problems = misfits(self, weights)
        if problems:
            raise ValueError(f"`other` does not fit this {type(self).__name__}: {listed(problems)}")
        self.load_state_dict(weights)

    @classmethod
    def presets(cls) -> "dict[str, Preset]":
        """Name, configuration, size and published scores of every preset of this class."""
        return {name: Preset(name, cls, config) for name, config in cls.preset_configs.items()}

    @classmethod
    def from_preset(cls, name: str, **overrides: Any) -> Self:
        """Build an untrained model from a preset; ``overrides`` change its configuration.

        Raises:
            ValueError: If the name or a field is unknown.
        """
        if name not in cls.preset_configs:
            raise ValueError(
                f"`name` must be a preset of {cls.__name__}: got {name!r}; "
                f"try one of {', '.join(sorted(cls.preset_configs))}"
            )
        return cls(cls.preset_configs[name].replace(**overrides))


@dataclasses.dataclass(frozen=True)
class Preset:
    """A named configuration of a class of models, its cost and its published scores."""

    name: str
    model_class: type[Model] = dataclasses.field(repr=False)
    config: Config

    @property
    def published(self) -> dict[str, tuple[float, float]]:
        """Published scores (x 100), mean and standard deviation; empty where there are none."""
        return PUBLISHED.get(self.name, {})

    @property
    def parameters(self) -> int:
        """Number of parameters as the authors count them, a fixed step size included."""
        config = self.config
        fixed_step = isinstance(config, OscillatorConfig) and not config.trainable_step_size
        return sum(parameter.numel() for parameter in self._on_meta().parameters()) + fixed_step

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
        return on_meta(self.model_class, self.config).eval()


class ObjectDiscoveryModel(Model):
    """Network that embeds images and gives the features of every patch.

    A subclass has an `ObjectDiscoveryConfig`, blocks and a `PooledHead`, and defines `features`, or
    `_encode`, which takes the same arguments.
    """

    config: Any  # an ObjectDiscoveryConfig, which subclasses narrow down
    blocks: nn.ModuleList
    head: PooledHead

    def forward(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Embeddings ``(B, C)`` of images, for the contrastive loss.

        Args:
            images: ``(B, 3, H, W)`` in [0, 1].
            noise: Start of the oscillators, before normalisation and before positions are added,
                ``(B, C, h, w)``. Networks without oscillators ignore it, and ``generator``.
            generator: Draws the noise if none is given; the global one if None.
            num_steps: T of every block; the configured one if None.
        """
        features = self.features(images, noise=noise, generator=generator, num_steps=num_steps)
        return self.head(features)

    def features(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Features of every patch for clustering, ``(B, C, h, w)``. Arguments as in a call."""
        return self._encode(images, noise, generator, num_steps)

    def _encode(
        self, images: Tensor, noise: Tensor | None, generator: Generator | None, steps: int | None
    ) -> Tensor:
        raise NotImplementedError


def all_presets() -> dict[str, Preset]:
    """Presets of every network, by name."""
    networks = NETWORKS.values()
    return {name: preset for network in networks for name, preset in network.presets().items()}


def list_models(pattern: str = "*") -> list[str]:
    """Names of the presets of every network that match a pattern (`fnmatch`), sorted.

    Examples:
        >>> list_models("cifar10-akorn*")
        ['cifar10-akorn', 'cifar10-akorn-mix', 'cifar10-akorn-tiny']
    """
    return sorted(name for name in all_presets() if fnmatchcase(name, pattern))


def create_model(name_or_config: str | Config, **overrides: Any) -> Model:
    """Build an untrained model.

    Args:
        name_or_config: Name of a preset, see `list_models`, or a configuration.
        **overrides: Fields of the configuration to change.

    Raises:
        ValueError: If the name or a field is unknown, or no network takes the configuration.

    Examples:
        >>> create_model("tetrominoes-attn-tiny", num_blocks=2).config.num_blocks
        2
    """
    if isinstance(name_or_config, Config):
        for network in NETWORKS.values():
            if network.config_class is type(name_or_config):
                return network(name_or_config.replace(**overrides))
        raise ValueError(f"no network takes a {type(name_or_config).__name__}")
    name = name_or_config if isinstance(name_or_config, str) else repr(name_or_config)
    if (preset := all_presets().get(name)) is not None:
        return preset.model_class.from_preset(name, **overrides)
    close = difflib.get_close_matches(name, list_models(), n=5)
    raise ValueError(
        f"`name_or_config` must be a preset or a configuration: got {name_or_config!r}; "
        + (f"did you mean {', '.join(close)}? " if close else "")
        + "`list_models()` lists all presets"
    )


def load_model(source: str | Path, **options: Any) -> Model:
    """Load a trained model; its class and configuration come from its ``config.json``.

    ``source`` is a saved folder, the folder of a training run (which holds ``model/``), or the name
    of a repository on the Hub. Options, result and errors are those of `Model.from_pretrained`.
    """
    return Model.from_pretrained(source, **options)
