"""How every row of the paper's tables is trained and scored.

The networks themselves are the presets of `kuramoto_nn.models`.
"""

from dataclasses import dataclass, field

import torch

from examples.object_discovery.augment import Augmentation
from examples.training.randomness import generator_for
from kuramoto_nn.models import AKOrN, ItrSA


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Training and scoring of one row.

    Attributes:
        data: Name of the data set.
        num_clusters: K of the clustering.
        batch_size: Images of a global batch; each gives two views.
        learning_rate: Of Adam, constant after the warm-up.
        warmup_steps: Steps over which the rate rises linearly.
        epochs: Passes over the training images.
        temperature: tau of NT-Xent.
        augmentation: How views are made.
        ema_decay: Largest decay of the weight average.
        ema_every: Steps between its updates.
        ema_start: Step it starts at.
    """

    data: str
    num_clusters: int
    batch_size: int = 256
    learning_rate: float = 1e-3
    warmup_steps: int = 0
    epochs: int
    temperature: float = 0.1
    augmentation: Augmentation = field(default_factory=Augmentation)
    ema_decay: float = 0.998
    ema_every: int = 10
    ema_start: int = 200


_TETROMINOES = Recipe(data="tetrominoes", num_clusters=4, epochs=50)
# For a few minutes on two CPU cores, by a search (docs/object-discovery.md): many small steps, and
# views that differ by their crop alone. Colours that stay as they are soon tell pieces apart.
_DEMO = Recipe(
    data="tetrominoes",
    num_clusters=4,
    batch_size=32,
    learning_rate=2e-3,
    warmup_steps=50,
    epochs=50,
    augmentation=Augmentation(
        crop_area=(0.25, 1.0), jitter_probability=0.0, grayscale_probability=0.0
    ),
    ema_every=1,
    ema_start=100,
)

RECIPES = {
    "tetrominoes-attn": _TETROMINOES,
    "tetrominoes-conv": _TETROMINOES,
    "tetrominoes-itrsa": _TETROMINOES,
    "tetrominoes-itrconv": _TETROMINOES,
    "tetrominoes-demo": _DEMO,
    "tetrominoes-demo-itrsa": _DEMO,
    "tetrominoes-attn-tiny": _DEMO,
    "tetrominoes-conv-tiny": _DEMO,
    "tetrominoes-itrsa-tiny": _DEMO,
    "tetrominoes-itrconv-tiny": _DEMO,
}


def recipe_for(preset: str) -> Recipe:
    """Look a recipe up.

    Args:
        preset: Name of the row.

    Returns:
        Its recipe.

    Raises:
        ValueError: If there is none of that name.
    """
    if preset not in RECIPES:
        raise ValueError(f"unknown preset {preset!r}; known are {', '.join(RECIPES)}")
    return RECIPES[preset]


def build_model(preset: str, *, seed: int = 0) -> AKOrN | ItrSA:
    """Build the untrained network of a row.

    Args:
        preset: Name of the row.
        seed: Decides its weights, alone; the global generator stays as it is.

    Returns:
        The model.

    Raises:
        ValueError: If there is none of that name.
    """
    recipe_for(preset)
    family = AKOrN if preset in AKOrN.presets() else ItrSA
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(seed, "initialisation").initial_seed())
        return family.from_preset(preset)
