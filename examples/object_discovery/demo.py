"""Objects from nothing but images, in ten minutes: generate, train, evaluate, report.

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
from examples.common.device import Compile, pick_device
from examples.common.files import write_json
from examples.common.progress import read_jsonl
from examples.common.randomness import build_model, generator_for
from examples.common.run import MODEL
from examples.object_discovery.data import SETS, SegmentedImages, load
from examples.object_discovery.recipes import recipe_for
from examples.object_discovery.report import ExampleView, Report, write_report
from examples.object_discovery.scores import SCORES, true_labels
from examples.object_discovery.segmenter import (
    Segmentation,
    Segmenter,
    load_network,
    segment_images,
)
from examples.object_discovery.train import options_for, train
from kuramoto_nn.models import AKOrN, ObjectDiscoveryModel

RECIPE, CONTROL = "tetrominoes-demo", "tetrominoes-demo-itrsa"
PUBLISHED = "tetrominoes-attn"
"""The preset whose published scores the report shows beside the demo's."""
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
    """Seconds of training in all, earlier sessions counted in."""
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
    """Run the whole demonstration.

    Args:
        options: Where, how long, and on what.

    Returns:
        The content of ``results.json``.
    """
    recipe, device = recipe_for(RECIPE), pick_device(options.device)
    count = options.num_test_images
    images = replace(recipe.data, root=options.data_root, num_test_images=count, seed=options.seed)
    test = load(images, "test")
    training = train_recipe(RECIPE, options, options.out)
    trained = load_network(str(options.out), device=device)
    assert isinstance(trained, AKOrN)
    untrained = build_model(recipe.model, seed=options.seed).eval().to(device)

    before = segment_with(untrained, "untrained", test, options)
    after = segment_with(trained, "trained", test, options)
    finer = segment_with(trained, f"up-tiled x{UPTILE}", test, options, uptile=UPTILE)
    results = {
        "recipe": RECIPE,
        **named(after),
        **named(before, "_untrained"),
        **named(finer, "_uptiled"),
        **training,
        "num_test_images": len(test),
        **facts_of_run(options, trained),
    }
    if options.compare:
        results |= compare_control(options, test)
    write_json(options.out / "results.json", results)
    trained.save_pretrained(options.out / MODEL, model_card_kwargs=card_of(results))
    examples = pictures(trained, test, after, finer, before, seed=options.seed)
    write_report(options.out / "report.html", report_of(options, trained, results, examples))
    first = next(iter(after.scores))
    print(
        f"{SCORES[first].title} {results[f'{first}_untrained']:.1f} untrained, "
        f"{results[first]:.1f} trained, {results[f'{first}_uptiled']:.1f} up-tiled; "
        f"see {options.out / 'report.html'}"
    )
    return results


def train_recipe(recipe: str, options: DemoOptions, out: Path) -> dict[str, float]:
    """Train one recipe up to the time limit; return how far it got."""
    run = train(
        options_for(
            recipe,
            out=out,
            data={
                "root": options.data_root,
                "num_images": options.num_images,
                "seed": options.seed,
            },
            time_limit=options.time_limit,
            seed=options.seed,
            device=options.device,
            compile=options.compile,
        )
    )
    images_seen = run.step * recipe_for(recipe).training.batch_size
    return {"steps": run.step, "images_seen": images_seen, "seconds": round(run.seconds, 1)}


def segment_with(
    model: ObjectDiscoveryModel,
    title: str,
    test: SegmentedImages,
    options: DemoOptions,
    *,
    uptile: int = 1,
) -> Segmentation:
    """Segment the held-out images with one model."""
    recipe = recipe_for(RECIPE)
    clusters = recipe.scoring.num_clusters or SETS[recipe.data.name].num_clusters
    scoring = replace(recipe.scoring, num_clusters=clusters, uptile=uptile)
    segmenter = Segmenter(model=model, scoring=scoring, seed=options.seed)
    return segment_images(segmenter, test, title=title)


def named(segmentation: Segmentation, suffix: str = "") -> dict[str, float]:
    """Mean of every score as an entry of the results."""
    return {f"{name}{suffix}": mean for name, mean in segmentation.means.items()}


def report_of(
    options: DemoOptions, model: AKOrN, results: dict[str, Any], examples: list[ExampleView]
) -> Report:
    """The report of the run."""
    oscillator_dim = model.config.block(model.config.num_blocks - 1).oscillator_dim
    assert isinstance(oscillator_dim, int)
    return Report(
        results=results,
        log=read_jsonl(options.out / "log.jsonl"),
        examples=examples,
        oscillator_dim=oscillator_dim,
        control_log=read_jsonl(options.out / "control" / "log.jsonl") if options.compare else [],
        published=AKOrN.presets()[PUBLISHED].published,
    )


def card_of(results: dict[str, Any]) -> dict[str, Any]:
    """What the card of the trained model says."""
    count = results["num_test_images"]
    scores = ", ".join(f"{s.title} {results[n]:.1f}" for n, s in SCORES.items() if n in results)
    seen = f"{results['images_seen']:,} images in {results['seconds']:.0f} s"
    return {
        "data": f"Tetrominoes, {count} held-out images",
        "command": f"`{results['command']}`",
        "seed": results["seed"],
        "score": f"{scores} (x 100) after {seen}",
    }


def facts_of_run(options: DemoOptions, model: AKOrN) -> dict[str, Any]:
    """Facts needed to repeat the run."""
    return {
        "uptile": UPTILE,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "device": str(pick_device(options.device)),
        "threads": torch.get_num_threads(),
        "seed": options.seed,
        "torch": torch.__version__,
        "command": command_of(options),
    }


def command_of(options: DemoOptions) -> str:
    """The command line with the time, the seed, and whatever is not the default."""
    words = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in ("time_limit", "seed") or value != field.default:
            name = field.name.replace("data_root", "data.root").replace("_", "-")
            words.append(f"--{name}")
            if value is not True:  # a flag
                words.append(f"{value:g}" if isinstance(value, float) else str(value))
    return f"python -m examples.object_discovery.demo {shlex.join(words)}"


def compare_control(options: DemoOptions, test: SegmentedImages) -> dict[str, Any]:
    """Train and score the control, for the same time."""
    training = train_recipe(CONTROL, options, options.out / "control")
    control = load_network(str(options.out / "control"), device=pick_device(options.device))
    plain = segment_with(control, "control", test, options)
    finer = segment_with(control, f"control up-tiled x{UPTILE}", test, options, uptile=UPTILE)
    return {
        "control_recipe": CONTROL,
        **named(plain, "_control"),
        **named(finer, "_control_uptiled"),
        **{f"{name}_control": value for name, value in training.items()},
    }


@torch.no_grad()
def pictures(
    model: AKOrN,
    test: SegmentedImages,
    after: Segmentation,
    finer: Segmentation,
    before: Segmentation,
    *,
    seed: int,
) -> list[ExampleView]:
    """What the report shows of the first held-out images."""
    device = next(model.parameters()).device
    images = test.images[:NUM_PICTURES].to(device).float() / 255
    trajectory = model.trajectories(
        images, generator=generator_for(seed, "evaluation", device=device)
    )[-1]
    return [
        ExampleView(
            image=images[i].cpu(),
            truth=true_labels(test.instances[i]),
            clusters=after.labels[i],
            clusters_uptiled=finer.labels[i],
            clusters_untrained=before.labels[i],
            states=trajectory.states[:, i].cpu(),
            energies=trajectory.energies[:, i].cpu(),
            scores={name: score[i].item() for name, score in after.scores.items()},
        )
        for i in range(len(images))
    ]


if __name__ == "__main__":
    run_command(demo, DemoOptions)
