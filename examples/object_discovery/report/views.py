"""What a report shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from examples.object_discovery.scores import SCORES

REQUIRED = (
    *("recipe", "images_seen", "steps", "seconds", "parameters", "device", "seed", "torch"),
    *("num_test_images", "command"),
)
"""Keys that a report needs among its results, beside the scores."""
SUFFIXES = ("", "_untrained", "_uptiled")
"""Ends of a score's keys, after its name: trained, untrained, and trained with up-tiling."""


@dataclass(frozen=True, eq=False)
class ExampleView:
    """One held-out image and what the network made of it.

    Attributes:
        image: ``(3, H, W)`` in [0, 1].
        truth: ``(H, W)`` integers; 0 background, negative ignored.
        clusters: ``(H, W)`` integers, the segments.
        clusters_uptiled: The segments of up-tiled features.
        clusters_untrained: The segments of the untrained network.
        states: ``(T + 1, C, h, w)``, the oscillators after every step.
        energies: ``(T + 1,)``, their energies.
        scores: Scores of ``clusters`` by name, x100; NaN where the image does not count.

    Raises:
        ValueError: If shapes do not belong together.
    """

    image: Tensor
    truth: Tensor
    clusters: Tensor
    clusters_uptiled: Tensor
    clusters_untrained: Tensor
    states: Tensor
    energies: Tensor
    scores: Mapping[str, float]

    def __post_init__(self):
        if self.image.ndim != 3 or len(self.image) != 3:
            raise ValueError(f"`image` must be (3, H, W): got {tuple(self.image.shape)}")
        size = self.image.shape[1:]
        for name in ("truth", "clusters", "clusters_uptiled", "clusters_untrained"):
            shape = getattr(self, name).shape
            if shape != size:
                raise ValueError(
                    f"`{name}` must have the size of the image, {tuple(size)}: got {tuple(shape)}"
                )
        if self.states.ndim != 4 or self.energies.shape != self.states.shape[:1]:
            raise ValueError(
                "`states` and `energies` must be (T + 1, C, h, w) and (T + 1,), one image: got "
                f"{tuple(self.states.shape)} and {tuple(self.energies.shape)}"
            )


@dataclass(frozen=True, eq=False)
class Report:
    """A run: scores, log and examples.

    Attributes:
        results: Scores x100 and facts of the run: the keys `REQUIRED`; every score of `SCORES` that
            the data set has, by its name with `SUFFIXES`; and if a control was trained the scores
            with ``_control`` and ``_control_uptiled``, ``control_recipe`` and
            ``images_seen_control``. ``uptile`` (4 if missing) and ``threads`` are shown too.
        log: Records of the training: ``step``, ``seconds``, ``loss``, ``images_per_second``.
        examples: At least one; the first is played at the top of the page.
        oscillator_dim: Components N of an oscillator.
        control_log: Records of the control's training.
        published: Published scores (mean and deviation, x100) by title, as `Preset.published`.

    Raises:
        ValueError: If a result is missing, there is no example, or their shapes differ.
    """

    results: dict
    log: list[dict]
    examples: list[ExampleView]
    oscillator_dim: int
    control_log: list[dict] = field(default_factory=list)
    published: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self):
        names = self.scores or list(SCORES)[:1]
        needed = [*(name + suffix for name in names for suffix in SUFFIXES), *REQUIRED]
        if missing := [name for name in needed if name not in self.results]:
            raise ValueError(f"`results` lacks {', '.join(missing)}")
        if not self.examples:
            raise ValueError("`examples` must hold at least one image: got none")
        shapes = {(tuple(e.image.shape), tuple(e.states.shape)) for e in self.examples}
        if len(shapes) > 1:
            raise ValueError(
                "`examples` must share the shapes of images and states: got "
                f"{', '.join(map(str, sorted(shapes)))}"
            )

    @property
    def scores(self) -> list[str]:
        """Names of the scores that the run has."""
        return [name for name in SCORES if name in self.results]
