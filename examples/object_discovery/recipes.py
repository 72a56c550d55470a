"""Recipes of object discovery: network, data, training and scoring of every experiment."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from examples.common import optimization
from examples.common.command import check_positive, look_up
from examples.common.randomness import preset
from examples.object_discovery.augment import Augmentation
from examples.object_discovery.data import SETS, DataOptions
from kuramoto_nn.models import ObjectDiscoveryConfig


@dataclass(frozen=True, kw_only=True)
class Training(optimization.Training):
    """How SimCLR trains; each image of a batch gives two views."""

    batch_size: int = 256
    """Images of a global batch."""
    temperature: float = 0.1
    """Temperature tau of NT-Xent."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """How views are made."""
    micro_batch: int | None = None
    """Images that a process keeps a graph for at a time; fewer take less memory and one more
    forward pass, and give the gradient of the whole batch all the same."""

    not_identity = (*optimization.Training.not_identity, "micro_batch")

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "temperature", "micro_batch", prefix="training.")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How segmentations are made and scored."""

    num_clusters: int | None = None
    """Clusters K; none takes the data set's."""
    clustering: Literal["average", "kmeans"] = "average"
    """Average linkage, or k-means."""
    pca: int | None = 128
    """Principal components of the features that are clustered; none takes the features."""
    empty: Literal["nan", "one"] = "nan"
    """FG-ARI of an image without foreground: left out of the mean, or 1 as in the authors' code."""
    uptile: int = 1
    """Up-tiling: shifted copies of an image per axis, for finer features."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """An experiment.

    Attributes:
        model: Configuration of the network.
        data: Images to train on and to be scored on.
        training: How the network is trained.
        scoring: How its features are scored.
    """

    model: ObjectDiscoveryConfig
    data: DataOptions
    training: Training
    scoring: Scoring = field(default_factory=Scoring)


def _recipes(
    names: tuple[str, ...], data: DataOptions, training: Training, **overrides: float
) -> dict[str, Recipe]:
    """Recipes of the presets of the same names."""
    return {
        name: Recipe(model=preset(name, **overrides), data=data, training=training)
        for name in names
    }


_TETROMINOES = DataOptions(name="tetrominoes", num_images=60_000, num_test_images=320)
_DSPRITES = replace(_TETROMINOES, name="dsprites")
_CLEVR = DataOptions(name="clevr")
_CLEVRTEX = DataOptions(name="clevrtex-full")
_TEXTURES = DataOptions(name="textures-full")
_KINDS = ("attn", "conv", "itrsa", "itrconv")
# For minutes, not days, on CPU cores, by a search (docs/object-discovery.md): many small steps, and
# views that differ by their crop alone. Colours that stay as they are soon tell objects apart.
_TINY = Training(
    batch_size=32,
    warmup_steps=50,
    epochs=500,
    drop_last=True,
    augmentation=Augmentation(
        crop_area=(0.25, 1.0), jitter_probability=0.0, grayscale_probability=0.0
    ),
    ema_every=1,
    ema_start=100,
)
_DEMO = replace(_TINY, learning_rate=2e-3, epochs=50)
# CLEVRTex's networks on drawn textures.
_TEXTURES_PRESETS = {
    **{
        f"textures-{kind}": f"clevrtex-{kind}" for kind in ("attn-l1", "attn-l2", "itrsa-l1", "vit")
    },
    "textures-attn-l1-tiny": "clevrtex-attn-tiny",
    "textures-itrsa-l1-tiny": "clevrtex-itrsa-tiny",
    "textures-vit-tiny": "clevrtex-vit-tiny",
}
# The demo's networks: larger and fewer updates learn more in the few minutes that it has.
_DEMO_MODELS = {
    "tetrominoes-demo": preset("tetrominoes-attn", step_size=1.0, num_steps=4),
    "tetrominoes-demo-itrsa": preset("tetrominoes-itrsa", num_steps=4),
}

RECIPES: dict[str, Recipe] = {
    **_recipes(
        tuple(f"clevrtex-{kind}" for kind in ("attn-l1", "attn-l2", "itrsa-l1", "itrsa-l2", "vit")),
        _CLEVRTEX,
        Training(epochs=500),
    ),
    **_recipes(
        ("clevrtex-large-l2",),
        _CLEVRTEX,
        Training(batch_size=512, learning_rate=5e-4, epochs=1024),
    ),
    **_recipes(
        tuple(f"clevrtex-{kind}-tiny" for kind in ("attn", "itrsa", "vit")), _CLEVRTEX, _TINY
    ),
    **_recipes(tuple(f"clevr-{kind}" for kind in _KINDS), _CLEVR, Training(epochs=300)),
    **_recipes(tuple(f"dsprites-{kind}" for kind in _KINDS), _DSPRITES, Training(epochs=50)),
    **_recipes(tuple(f"tetrominoes-{kind}" for kind in _KINDS), _TETROMINOES, Training(epochs=50)),
    **_recipes(tuple(f"tetrominoes-{kind}-tiny" for kind in _KINDS), _TETROMINOES, _DEMO),
    **{
        name: Recipe(
            model=preset(network),
            data=_TEXTURES,
            training=_TINY if name.endswith("-tiny") else Training(epochs=500),
        )
        for name, network in _TEXTURES_PRESETS.items()
    },
    **{
        name: Recipe(model=model, data=_TETROMINOES, training=_DEMO)
        for name, model in _DEMO_MODELS.items()
    },
}


def resized(data: DataOptions, model: ObjectDiscoveryConfig) -> DataOptions:
    """Options with the model's image size, if none is given and the set can be resized."""
    if data.image_size is not None or not SETS[data.name].resizable:
        return data
    return replace(data, image_size=max(model.sides))


recipe_for = partial(look_up, RECIPES)
"""The recipe of a name; see `examples.common.command.look_up`."""
