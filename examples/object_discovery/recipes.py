"""Recipes of object discovery: network, data, training and scoring of every experiment."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from examples.common import optimization
from examples.common.command import check_positive, look_up
from examples.common.randomness import preset
from examples.object_discovery.augment import Augmentation
from examples.object_discovery.data import DataOptions
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
    forward pass, and give the same gradient of the whole batch."""

    not_identity = (*optimization.Training.not_identity, "micro_batch")

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "temperature", "micro_batch", prefix="training.")
        if self.batch_size < 2:
            raise ValueError("--training.batch-size must be at least 2 images: got 1")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How segmentations are made and scored."""

    num_clusters: int | None = None
    """Number of clusters K; none takes the data set's."""
    clustering: Literal["average", "kmeans"] = "average"
    """Average linkage, or k-means."""
    pca: int | None = 128
    """Principal components of the features that are clustered; none clusters the features."""
    empty: Literal["nan", "one"] = "nan"
    """FG-ARI of an image without foreground: left out of the mean, or 1 as in the authors' code."""
    uptile: int = 1
    """Up-tiling: shifted copies of an image per axis, for finer features."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """An experiment: network, images to train on and to score, training, and scoring."""

    model: ObjectDiscoveryConfig
    data: DataOptions
    training: Training
    scoring: Scoring = field(default_factory=Scoring)


def _recipes(
    name: str, kinds: str, data: DataOptions, training: Training, network: str | None = None
) -> dict[str, Recipe]:
    """Recipes ``name`` of some kinds; their presets have the same names, or ``network``."""
    return {
        name.format(kind): Recipe(
            model=preset((network or name).format(kind)), data=data, training=training
        )
        for kind in kinds.split()
    }


_TETROMINOES = DataOptions(name="tetrominoes", num_images=60_000, num_test_images=320)
_DSPRITES = replace(_TETROMINOES, name="dsprites")
_CLEVR = DataOptions(name="clevr")
_CLEVRTEX = DataOptions(name="clevrtex-full")
_TEXTURES = DataOptions(name="textures-full")
_KINDS = "attn conv itrsa itrconv"
# For minutes to hours on CPU cores, found by a search on Tetrominoes: docs/results/small-runs.md.
_SMALL = Training(
    batch_size=64,
    learning_rate=2e-3,
    muon_learning_rate=0.02,
    muon_weight_decay=0.1,  # small couplings: clusters are objects, and long runs do not diverge
    warmup_steps=50,
    epochs=20,
    drop_last=True,
    ema_every=1,
    ema_start=100,
)
# Muon trains linear maps; of a convolutional block that is the readout alone, and does harm.
_SMALL_CONV = replace(_SMALL, muon_learning_rate=None, muon_weight_decay=0.0)
_LONG = Training(epochs=500)
_SHORT = Training(epochs=50)
_LARGE = Training(batch_size=512, learning_rate=5e-4, epochs=1024)

RECIPES: dict[str, Recipe] = {
    **_recipes("clevrtex-{}", "attn-l1 attn-l2 itrsa-l1 itrsa-l2 vit", _CLEVRTEX, _LONG),
    **_recipes("clevrtex-{}", "large-l2", _CLEVRTEX, _LARGE),
    **_recipes("clevrtex-{}-tiny", "attn itrsa vit", _CLEVRTEX, _SMALL),
    **_recipes("clevr-{}", _KINDS, _CLEVR, Training(epochs=300)),
    **_recipes("dsprites-{}", _KINDS, _DSPRITES, _SHORT),
    **_recipes("tetrominoes-{}", _KINDS, _TETROMINOES, _SHORT),
    **_recipes("tetrominoes-{}-tiny", "attn itrsa", _TETROMINOES, _SMALL),
    **_recipes("tetrominoes-{}-tiny", "conv itrconv", _TETROMINOES, _SMALL_CONV),
    **_recipes("dsprites-{}-tiny", "attn itrsa", _DSPRITES, _SMALL),
    # CLEVRTex's networks on drawn textures.
    **_recipes("textures-{}", "attn-l1 attn-l2 itrsa-l1 vit", _TEXTURES, _LONG, "clevrtex-{}"),
    **_recipes("textures-{}-l1-tiny", "attn itrsa", _TEXTURES, _SMALL, "clevrtex-{}-tiny"),
    **_recipes("textures-{}-tiny", "vit", _TEXTURES, _SMALL, "clevrtex-{}-tiny"),
}


def resized(data: DataOptions, model: ObjectDiscoveryConfig) -> DataOptions:
    """Options with the model's image size, if none is given."""
    if data.image_size is not None:
        return data
    return replace(data, image_size=max(model.sides))


recipe_for = partial(look_up, RECIPES)
"""The recipe of a name; see `examples.common.command.look_up`."""
