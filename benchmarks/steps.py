"""One training step of the recipes, ours and the plain one, as callables."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.baseline import PlainAKOrN, random_views
from examples.object_discovery.batches import ViewBatches
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import Recipe
from examples.training.distributed import Processes
from examples.training.ema import WeightAverage
from kuramoto_nn import KuramotoLayer
from kuramoto_nn.models import AKOrN, AKOrNSudoku


@dataclass(frozen=True, kw_only=True)
class Training:
    """A preset of object discovery, and the batch that its step is measured with.

    Attributes:
        preset: Name of the preset.
        batch_size: Images; each gives two views.
    """

    preset: str
    batch_size: int

    @property
    def recipe(self) -> Recipe:
        """The paper's recipe; every image set has the same settings in what costs time."""
        return Recipe(data="noise", num_clusters=11, batch_size=self.batch_size, epochs=1)

    def images(self) -> SegmentedImages:
        """Make images of the preset's size; what they show costs no time."""
        shape = (2 * self.batch_size, 3, *AKOrN.from_preset(self.preset).config.sides)
        images = torch.randint(0, 256, shape, dtype=torch.uint8)
        return SegmentedImages(images, torch.zeros_like(images[:, 0]))

    def batches(self, model: AKOrN, device: torch.device) -> ViewBatches:
        """Our views of these images; images lie on the device."""
        images = self.images()
        on_device = SegmentedImages(images.images.to(device), images.masks.to(device))
        noise_shape = (model.config.channels, *model.config.grid)
        here = Processes(0, 1, device)
        return ViewBatches(on_device, self.recipe, noise_shape, seed=0, here=here)


def our_step(model: AKOrN, batches: ViewBatches, *, half: bool = False) -> Callable[[], object]:
    """A step as the example takes it: views, loss, Adam, average of the weights.

    Args:
        model: Compiled or not.
        batches: The views of every step.
        half: Whether to compute in bfloat16 where autocast does so.

    Returns:
        Takes the next step.
    """
    recipe, device = batches.recipe, batches.here.device
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    average = WeightAverage(
        model, decay=recipe.ema_decay, every=recipe.ema_every, start=recipe.ema_start
    )
    steps = count(recipe.ema_start)

    def step() -> None:
        number = next(steps)
        views, noise = batches.at(number)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            embeddings = model(views, noise=noise).unflatten(0, (2, -1))
        loss = nt_xent(embeddings, temperature=recipe.temperature)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update(number)

    return step


def plain_step(model: PlainAKOrN, training: Training, device: torch.device) -> Callable[[], object]:
    """The same step as research code takes it; without the average, which costs next to nothing."""
    recipe, rng = training.recipe, random.Random(0)
    images = training.images().images[: training.batch_size].float() / 255
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)

    def step() -> None:
        views = torch.cat([random_views(images, rng), random_views(images, rng)]).to(device)
        loss = nt_xent(model(views).unflatten(0, (2, -1)), temperature=recipe.temperature)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def sudoku_step(
    solver: AKOrNSudoku, *, batch_size: int, half: bool = False
) -> Callable[[], object]:
    """A step of the Sudoku recipe on random boards: Adam, gradient norm clipped at 1, average."""
    device = next(solver.parameters()).device
    puzzles = torch.randint(0, 10, (batch_size, 9, 9), device=device)
    digits = torch.randint(0, 9, (batch_size, 9, 9), device=device)
    optimizer = torch.optim.Adam(solver.parameters(), lr=1e-3)
    average = WeightAverage(solver, decay=0.995, every=10, start=100)
    steps = count(100)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            logits = solver(puzzles)
        loss = F.cross_entropy(logits.float().flatten(0, -2), digits.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(solver.parameters(), 1.0)
        optimizer.step()
        average.update(next(steps))

    return step


def compile_layers(model: nn.Module) -> None:
    """Compile the updates of all Kuramoto layers, as `examples.object_discovery.train` does."""
    for module in model.modules():
        if isinstance(module, KuramotoLayer):
            module.compile()
