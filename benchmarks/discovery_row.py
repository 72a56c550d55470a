"""Object-discovery rows of `reproduce`: SimCLR, then FG-ARI and MBO with and without up-tiling."""

import math
import time
from dataclasses import replace
from typing import Any

from benchmarks.rows import Row, Settings
from examples.object_discovery.data import load
from examples.object_discovery.evaluate import evaluate
from examples.object_discovery.evaluate_options import EvaluateOptions
from examples.object_discovery.recipes import recipe_for
from examples.object_discovery.scores import Statistic
from examples.object_discovery.train import train
from examples.object_discovery.train_options import TrainOptions
from examples.object_discovery.weights import TASK
from examples.training.distributed import pick_device
from examples.training.run_state import RunState
from kuramoto_nn.models import AKOrN, ItrSA

OTHER_TESTS = {"clevrtex-full": {"OOD ": "clevrtex-outd", "CAMO ": "clevrtex-camo"}}
"""Further test sets of a training set, by the prefix of their scores; none is trained on."""
CPU_MICRO_BATCH = 64
"""A whole batch of 256 can take more memory than a machine has, and is no faster there."""


class DiscoveryRow(Row):
    """One preset of AKOrN or a control; see `Row`.

    Args:
        name: Name of the preset.
        settings: How it is trained and scored.
    """

    task, training_set = TASK, "num_images"

    def __init__(self, name: str, settings: Settings):
        super().__init__(name, settings)
        family = AKOrN if name in AKOrN.presets() else ItrSA
        self.recipe, self.published = recipe_for(name), family.presets()[name].published
        self.noise_seeds = settings.noise_seeds if family is AKOrN else settings.noise_seeds[:1]

    def missing(self) -> str | None:
        """Why the training or the test images cannot be had."""
        test = min(self.settings.num_test_images, self.recipe.num_test_images or 1)
        train = self.settings.num_images or self.recipe.num_images
        return self._problem(self.recipe.data, "train", train) or self._problem(
            self.recipe.data, "test", test
        )

    def evaluate(self, seconds: float) -> dict[str, Statistic] | None:
        """Score on all test sets at hand, plain and up-tiled."""
        deadline = time.monotonic() + seconds
        tests = {"": self.recipe.data} | OTHER_TESTS.get(self.recipe.data, {})
        scores: dict[str, Statistic] = {}
        for prefix, data in tests.items():
            if prefix and self._problem(data, "all", 1):
                continue
            for uptile in (1, self.settings.uptile):
                suffix = f", up-tiled x{uptile}" * (uptile > 1)
                left = deadline - time.monotonic()
                result = evaluate(self._evaluation(data, uptile, left)) if left > 0 else None
                if result is None:
                    return None
                scores[f"{prefix}FG-ARI{suffix}"] = result.fg_ari
                scores[f"{prefix}MBO{suffix}"] = result.mbo
        return scores

    def facts(self) -> dict[str, Any]:
        """How far the training is."""
        own = {"data": self.recipe.data, "epochs_of_the_recipe": self.recipe.epochs}
        return super().facts() | own

    def _train_up_to(self, seconds: float) -> RunState:
        return train(replace(self._options(), time_limit=seconds))

    def _identity(self) -> dict[str, Any]:
        return {"task": TASK, **self._options().identity()}

    def _options(self) -> TrainOptions:
        settings = self.settings
        on_cpu = pick_device(settings.device).type == "cpu"
        return TrainOptions(
            preset=self.name,
            out=self.folder,
            data=settings.data,
            num_images=settings.num_images,
            batch_size=settings.batch_size,
            micro_batch=settings.micro_batch or (CPU_MICRO_BATCH if on_cpu else None),
            max_steps=settings.max_steps,
            seed=settings.seed,
            device=settings.device,
            precision=settings.precision,
            compile=settings.compile,
        )

    def _evaluation(self, data: str, uptile: int, seconds: float) -> EvaluateOptions:
        settings, own = self.settings, data == self.recipe.data
        most = settings.num_test_images
        wanted = min(most, self.recipe.num_test_images or most) if own else most
        split = "test" if own else "all"
        return EvaluateOptions(
            checkpoint=self.checkpoint,
            data=settings.data,
            test_data=data,
            split=split,
            num_images=wanted if self._problem(data, split, wanted) is None else None,
            uptile=uptile,
            noise_seeds=self.noise_seeds,
            seed=settings.seed,
            time_limit=seconds if math.isfinite(seconds) else None,
            device=settings.device,
        )

    def _problem(self, data: str, split: str, count: int | None) -> str | None:
        """Why a split cannot be loaded; building its cache is what finds out."""
        settings = self.settings
        try:
            load(data, split, root=settings.data, count=count, seed=settings.seed)
        except (ValueError, OSError) as error:
            return str(error)
        return None
