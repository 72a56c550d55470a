"""What is scored, and on what: the options of `evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from examples.object_discovery.data.parallel import OnBad
from examples.training.checks import check_positive, check_seed
from examples.training.compiling import Compile
from examples.training.precision import Precision


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score a trained object-discovery model on held-out images."""

    checkpoint: Path | None = None
    """What `train` saved; without it the untrained network is scored."""
    preset: str | None = None
    """Row of the paper's tables; needed without a checkpoint."""
    data: Path = Path("runs/data")
    """Folder of the data sets: downloaded ones, generated ones, and what is made of them."""
    source: Path | None = None
    """The original data (a file or a folder) where they lie elsewhere."""
    bad: OnBad = "error"
    """At a damaged image or a missing mask: stop, or skip that scene."""
    test_data: str | None = None
    """Data set to test on, such as clevrtex-outd (the one of the training if not given)."""
    split: Literal["test", "val", "train", "all"] = "test"
    """Which of its splits; all for CLEVRTex only, whose camo is never trained on."""
    num_images: int | None = None
    """Held-out images (the recipe's if not given)."""
    image_size: int | None = None
    """Side of the images, for data sets that are resized (their own if not given)."""
    uptile: int = 1
    """How many times finer than the patch grid the features are, per axis."""
    num_clusters: int | None = None
    """K of the clustering (the recipe's if not given)."""
    weights: Literal["averaged", "last"] = "averaged"
    """Which of the saved weights."""
    noise_seeds: tuple[int, ...] = (0,)
    """Seeds of the oscillators' noise; scores are given as mean ± deviation over them."""
    seed: int = 0
    """Seed of generated images, and of the weights of an untrained network."""
    batch_size: int | None = None
    """Images at a time (what memory suggests if not given); changes no score."""
    time_limit: float | None = None
    """Stop after this many seconds; the same command goes on."""
    precision: Precision = "float32"
    """Of the features; bf16 is autocast."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    compile: Compile = "off"
    """Compile the oscillators' update: worth it for many or large images."""
    out: Path | None = None
    """Folder of the scores (`evaluation` beside the checkpoint if not given)."""

    def __post_init__(self):
        if self.checkpoint is None and self.preset is None:
            raise ValueError("--checkpoint or --preset is needed: got neither")
        check_positive(
            self, "num_images", "image_size", "uptile", "num_clusters", "batch_size", "time_limit"
        )
        if not self.noise_seeds:
            raise ValueError("--noise-seeds needs at least one seed: got none")
        for seed in (self.seed, *self.noise_seeds):
            check_seed(seed)
        if self.out is not None and self.out.is_file():
            raise ValueError(f"--out must be a folder: got the file {self.out}")

    @property
    def folder(self) -> Path:
        """Where the scores of all evaluations of this checkpoint go."""
        if self.out is not None:
            return self.out
        beside = Path("runs") if self.checkpoint is None else self.checkpoint.parent
        return beside / "evaluation"
