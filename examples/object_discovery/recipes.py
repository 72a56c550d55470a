"""How every row of the paper's tables is trained and scored.

The networks themselves are the presets of `kuramoto_nn.models`.
"""

from dataclasses import dataclass, field, replace

from examples.object_discovery.augment import Augmentation
from examples.training.presets import build_untrained, look_up
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
        num_images: Training images; None takes the whole split.
        num_test_images: Held-out images; None takes the whole split.
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
    num_images: int | None = None
    num_test_images: int | None = None
    temperature: float = 0.1
    augmentation: Augmentation = field(default_factory=Augmentation)
    ema_decay: float = 0.998
    ema_every: int = 10
    ema_start: int = 200

    def learning_rate_at(self, step: int) -> float:
        """Rate of the step number ``step``, counted from 0."""
        return self.learning_rate * min(1.0, (step + 1) / (self.warmup_steps + 1))


_TETROMINOES = Recipe(
    data="tetrominoes", num_clusters=4, epochs=50, num_images=60_000, num_test_images=320
)
_DSPRITES = replace(_TETROMINOES, data="dsprites", num_clusters=7)
_CLEVR = Recipe(data="clevr", num_clusters=11, epochs=300)
_CLEVRTEX = Recipe(data="clevrtex-full", num_clusters=11, epochs=500)
_CLEVRTEX_LARGE = replace(_CLEVRTEX, batch_size=512, learning_rate=5e-4, epochs=1024)
# For minutes, not days, on CPU cores, by a search (docs/object-discovery.md): many small steps, and
# views that differ by their crop alone. Colours that stay as they are soon tell objects apart.
_CROPS = Augmentation(crop_area=(0.25, 1.0), jitter_probability=0.0, grayscale_probability=0.0)
_CLEVRTEX_TINY = replace(
    _CLEVRTEX, batch_size=32, warmup_steps=50, augmentation=_CROPS, ema_every=1, ema_start=100
)
_DEMO = replace(
    _TETROMINOES,
    batch_size=32,
    learning_rate=2e-3,
    warmup_steps=50,
    augmentation=_CROPS,
    ema_every=1,
    ema_start=100,
)

RECIPES = {
    "clevrtex-attn-l1": _CLEVRTEX,
    "clevrtex-attn-l2": _CLEVRTEX,
    "clevrtex-large-l2": _CLEVRTEX_LARGE,
    "clevrtex-itrsa-l1": _CLEVRTEX,
    "clevrtex-itrsa-l2": _CLEVRTEX,
    "clevrtex-vit": _CLEVRTEX,
    "clevrtex-attn-tiny": _CLEVRTEX_TINY,
    "clevrtex-itrsa-tiny": _CLEVRTEX_TINY,
    "clevrtex-vit-tiny": _CLEVRTEX_TINY,
    "clevr-attn": _CLEVR,
    "clevr-conv": _CLEVR,
    "clevr-itrsa": _CLEVR,
    "clevr-itrconv": _CLEVR,
    "dsprites-attn": _DSPRITES,
    "dsprites-conv": _DSPRITES,
    "dsprites-itrsa": _DSPRITES,
    "dsprites-itrconv": _DSPRITES,
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
    return look_up(RECIPES, preset)


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
    return build_untrained((AKOrN, ItrSA), preset, seed=seed)
