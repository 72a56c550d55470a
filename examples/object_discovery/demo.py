"""Demonstration in ten minutes: generate images, train, evaluate, and write a report.

    python -m examples.object_discovery.demo --out runs/demo --time-limit 600

The same command again resumes; a longer time limit trains further.
"""

import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from examples.common.command import check_positive, check_seed, run_command
from examples.common.device import Compile, fast_precision, pick_device
from examples.common.files import write_json
from examples.common.progress import read_jsonl
from examples.common.randomness import build_model, generator_for
from examples.common.run import MODEL
from examples.object_discovery.data import SETS, SegmentedImages, load
from examples.object_discovery.pictures import true_labels
from examples.object_discovery.recipes import recipe_for
from examples.object_discovery.report import ExampleView, Report, write_report
from examples.object_discovery.scores import SCORES
from examples.object_discovery.segmenter import (
    Segmentation,
    Segmenter,
    load_network,
    segment_images,
)
from examples.object_discovery.train import options_for, train
from kuramoto_nn.models import AKOrN, ObjectDiscoveryModel

RECIPE, CONTROL = "tetrominoes-attn-tiny", "tetrominoes-itrsa-tiny"
PUBLISHED = "tetrominoes-attn"  # the preset whose published scores stand beside the demo's
UPTILE = 4
NUM_PICTURES = 8


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Discover objects in Tetrominoes: generate, train, evaluate, and write a report."""

    out: Path = Path("runs/demo")
    """Folder of the results, the report, the logs, the checkpoints and the model."""
    data_root: Annotated[Path, tyro.conf.arg(name="data.root")] = Path("runs/data")
    """Folder of the images: originals, if they are there, and caches."""
    time_limit: float = 600.0
    """Seconds of training in all, including earlier sessions."""
    compare: bool = False
    """Train the control, iterated self-attention, for the same time as well."""
    num_images: int = 60_000
    """Training images."""
    num_test_images: int = 320
    """Held-out images."""
    seed: int = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    compile: Compile = "auto"
    """Compile the oscillators' update; auto tries whether this machine can."""

    def __post_init__(self):
        check_positive(self, "time_limit", "num_test_images")
        check_seed(self.seed)
        smallest = recipe_for(RECIPE).training.batch_size
        if self.num_images < smallest:
            raise ValueError(f"--num-images must be at least {smallest}: got {self.num_images}")


def demo(options: DemoOptions) -> dict[str, Any]:
    """Run the whole demonstration and return the content of ``results.json``."""
    recipe, device = recipe_for(RECIPE), pick_device(options.device)
    count = options.num_test_images
    images = replace(recipe.data, root=options.data_root, num_test_images=count, seed=options.seed)
    test = load(images, "test")
    training = train_recipe(RECIPE, options, options.out)
    trained = load_network(str(options.out), device=device)
    assert isinstance(trained, AKOrN)
    untrained = build_model(recipe.model, seed=options.seed).eval().to(device)

    before = segment_with(untrained, "untrained", test, options.seed)
    after = segment_with(trained, "trained", test, options.seed)
    finer = segment_with(trained, f"up-tiled x{UPTILE}", test, options.seed, uptile=UPTILE)
    results = {
        "recipe": RECIPE,
        **entries({"": after, "_untrained": before, "_uptiled": finer}),
        **training,
        "num_test_images": len(test),
        "uptile": UPTILE,
        "parameters": sum(parameter.numel() for parameter in trained.parameters()),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "seed": options.seed,
        "torch": torch.__version__,
        "command": command_of(options),
    }
    if options.compare:
        results |= compare_control(options, test)
    write_json(options.out / "results.json", results)
    trained.save_pretrained(options.out / MODEL, model_card_kwargs=model_card(results))
    examples = views(trained, test, (after, finer, before), seed=options.seed)
    write_page(options, results, trained, examples)
    first = next(iter(after.scores))
    print(
        f"{SCORES[first].title} {results[f'{first}_untrained']:.1f} untrained, "
        f"{results[first]:.1f} trained, {results[f'{first}_uptiled']:.1f} up-tiled; "
        f"see {options.out / 'report.html'}"
    )
    return results


def write_page(
    options: DemoOptions, results: dict[str, Any], model: AKOrN, examples: list[ExampleView]
) -> None:
    """Write the report."""
    oscillator_dim = model.config.block(model.config.num_blocks - 1).oscillator_dim
    assert isinstance(oscillator_dim, int)
    report = Report(
        results=results,
        log=read_jsonl(options.out / "log.jsonl"),
        examples=examples,
        oscillator_dim=oscillator_dim,
        control_log=read_jsonl(options.out / "control" / "log.jsonl") if options.compare else [],
        published=AKOrN.presets()[PUBLISHED].published,
    )
    write_report(options.out / "report.html", report)


def train_recipe(recipe: str, options: DemoOptions, out: Path) -> dict[str, float]:
    """Train one recipe up to the time limit; return the amount of training."""
    data = {"root": options.data_root, "num_images": options.num_images, "seed": options.seed}
    kept = {name: getattr(options, name) for name in ("time_limit", "seed", "device", "compile")}
    precision = fast_precision(pick_device(options.device))
    run = train(options_for(recipe, out=out, data=data, precision=precision, **kept))
    images_seen = run.step * recipe_for(recipe).training.batch_size
    return {"steps": run.step, "images_seen": images_seen, "seconds": round(run.seconds, 1)}


def segment_with(
    model: ObjectDiscoveryModel, title: str, test: SegmentedImages, seed: int, *, uptile: int = 1
) -> Segmentation:
    """Segment the held-out images with one model."""
    recipe = recipe_for(RECIPE)
    clusters = recipe.scoring.num_clusters or SETS[recipe.data.name].num_clusters
    scoring = replace(recipe.scoring, num_clusters=clusters, uptile=uptile)
    segmenter = Segmenter(model=model, scoring=scoring, seed=seed)
    return segment_images(segmenter, test, title=title)


def entries(parts: dict[str, Segmentation]) -> dict[str, float]:
    """Entries of the results: mean of every score, by its name and the suffix of the part."""
    return {f"{name}{end}": mean for end, s in parts.items() for name, mean in s.means.items()}


def compare_control(options: DemoOptions, test: SegmentedImages) -> dict[str, Any]:
    """Train the control for the same time and score it."""
    folder = options.out / "control"
    training = train_recipe(CONTROL, options, folder)
    control = load_network(str(folder), device=pick_device(options.device))
    plain = segment_with(control, "control", test, options.seed)
    title = f"control up-tiled x{UPTILE}"
    finer = segment_with(control, title, test, options.seed, uptile=UPTILE)
    return {
        "control_recipe": CONTROL,
        **entries({"_control": plain, "_control_uptiled": finer}),
        **{f"{name}_control": value for name, value in training.items()},
    }


def model_card(results: dict[str, Any]) -> dict[str, Any]:
    """Content of the trained model's card."""
    scores = ", ".join(f"{s.title} {results[n]:.1f}" for n, s in SCORES.items() if n in results)
    seen = f"{results['images_seen']:,} images in {results['seconds']:.0f} s"
    return {
        "data": f"Tetrominoes, {results['num_test_images']} held-out images",
        "command": f"`{results['command']}`",
        "seed": results["seed"],
        "score": f"{scores} (x 100) after {seen}",
    }


def command_of(options: DemoOptions) -> str:
    """Command line of the run: the time limit, the seed, and all options that are not default."""
    words = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in ("time_limit", "seed") or value != field.default:
            name = field.name.replace("data_root", "data.root").replace("_", "-")
            words.append(f"--{name}")
            if value is not True:  # a flag
                words.append(str(value).removesuffix(".0"))
    return f"python -m examples.object_discovery.demo {shlex.join(words)}"


@torch.no_grad()
def views(
    model: AKOrN, test: SegmentedImages, segmentations: tuple[Segmentation, ...], *, seed: int
) -> list[ExampleView]:
    """Views of the first held-out images for the report."""
    device = next(model.parameters()).device
    images = test.images[:NUM_PICTURES].to(device).float() / 255
    generator = generator_for(seed, "evaluation", device=device)
    trajectory = model.trajectories(images, generator=generator)[-1]
    return [
        ExampleView(
            image=images[i].cpu(),
            truth=true_labels(test.instances[i]),
            segments=[segmentation.labels[i] for segmentation in segmentations],
            states=trajectory.states[:, i].cpu(),
            energies=trajectory.energies[:, i].cpu(),
            scores={name: score[i].item() for name, score in segmentations[0].scores.items()},
        )
        for i in range(len(images))
    ]


if __name__ == "__main__":
    run_command(demo, DemoOptions)
