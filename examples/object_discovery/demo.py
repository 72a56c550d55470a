"""Objects from nothing but images, in ten minutes: generate, train, evaluate, report.

    python -m examples.object_discovery.demo --out runs/demo --time-limit 600

The same command again goes on where it was stopped; a longer time limit trains further.
"""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

import torch

from examples.object_discovery.data import SegmentedImages, load
from examples.object_discovery.recipes import build_model, recipe_for
from examples.object_discovery.report import ExampleView, Report, write_report
from examples.object_discovery.scores import Segmentation
from examples.object_discovery.segment import segment
from examples.object_discovery.train import TrainOptions, train
from examples.object_discovery.weights import load_model
from examples.training.checks import check_positive, check_seed
from examples.training.command import run_command
from examples.training.compiling import Compile
from examples.training.distributed import pick_device
from examples.training.files import write_json
from examples.training.log import read_jsonl
from examples.training.randomness import generator_for
from examples.training.run_state import CHECKPOINT
from kuramoto_nn.models import AKOrN, ItrSA

PRESET, CONTROL = "tetrominoes-demo", "tetrominoes-demo-itrsa"
UPTILE = 4
NUM_PICTURES = 8


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Discover objects in Tetrominoes: generate, train, evaluate, and write a report."""

    out: Path = Path("runs/demo")
    """Folder of the results, the report, the logs and the checkpoints."""
    data: Path = Path("runs/data")
    """Folder where generated images are kept."""
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
        smallest = recipe_for(PRESET).batch_size
        if self.num_images < smallest:
            raise ValueError(f"--num-images must be at least {smallest}: got {self.num_images}")


def demo(options: DemoOptions) -> dict:
    """Run the whole demonstration.

    Args:
        options: Where, how long, and on what.

    Returns:
        The content of ``results.json``.
    """
    recipe = recipe_for(PRESET)
    test = load(
        recipe.data, "test", root=options.data, count=options.num_test_images, seed=options.seed
    )
    training = train_row(PRESET, options, options.out)
    device = pick_device(options.device)
    trained = cast(AKOrN, load_model(options.out / CHECKPOINT)[0]).to(device)
    untrained = build_model(PRESET, seed=options.seed).eval().to(device)

    before = segment_row(untrained, "untrained", test, options)
    after = segment_row(trained, "trained", test, options)
    finer = segment_row(trained, f"up-tiled x{UPTILE}", test, options, uptile=UPTILE)
    results = {
        "preset": PRESET,
        **after.scores.named(),
        **before.scores.named("_untrained"),
        **finer.scores.named("_uptiled"),
        **training,
        "num_test_images": after.scores.num_images,
        **facts_of_run(options, trained),
    }
    if options.compare:
        results |= compare_control(options, test)
    write_json(options.out / "results.json", results)
    trained.save_pretrained(options.out / "model", model_card_kwargs=card_of(results))
    report = Report(
        results=results,
        log=read_jsonl(options.out / "log.jsonl"),
        examples=pictures(trained, test, after, finer, before, seed=options.seed),
        oscillator_dim=trained.config.oscillator_dim,
        control_log=read_jsonl(options.out / "control" / "log.jsonl") if options.compare else [],
    )
    write_report(options.out / "report.html", report)
    print(
        f"FG-ARI {results['fg_ari_untrained']:.1f} untrained, {results['fg_ari']:.1f} trained, "
        f"{results['fg_ari_uptiled']:.1f} up-tiled; see {options.out / 'report.html'}"
    )
    return results


def train_row(preset: str, options: DemoOptions, out: Path) -> dict[str, float]:
    """Train one preset up to the time limit; say how far it got."""
    state = train(
        TrainOptions(
            preset=preset,
            out=out,
            data=options.data,
            num_images=options.num_images,
            time_limit=options.time_limit,
            seed=options.seed,
            device=options.device,
            compile=options.compile,
        )
    )
    images_seen = state.step * recipe_for(preset).batch_size
    return {"steps": state.step, "images_seen": images_seen, "seconds": round(state.seconds, 1)}


def segment_row(
    model: AKOrN | ItrSA,
    title: str,
    test: SegmentedImages,
    options: DemoOptions,
    *,
    uptile: int = 1,
) -> Segmentation:
    """Segment the held-out images with one model."""
    num_clusters = recipe_for(PRESET).num_clusters
    return segment(
        model, test, num_clusters=num_clusters, uptile=uptile, seed=options.seed, title=title
    )


def card_of(results: dict) -> dict:
    """What the card of the trained model tells."""
    count = results["num_test_images"]
    score = f"FG-ARI {results['fg_ari']:.1f}, MBO {results['mbo']:.1f} (x 100)"
    return {
        "data": f"Tetrominoes generated by kuramoto_nn's examples, {count} held-out images",
        "command": f"`{results['command']}`",
        "seed": results["seed"],
        "score": f"{score} after {results['images_seen']:,} images in {results['seconds']:.0f} s",
    }


def facts_of_run(options: DemoOptions, model: AKOrN) -> dict:
    """What one must know to run the same again."""
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
            words.append(f"--{field.name.replace('_', '-')}")
            if value is not True:  # a flag
                words.append(f"{value:g}" if isinstance(value, float) else str(value))
    return f"python -m examples.object_discovery.demo {shlex.join(words)}"


def compare_control(options: DemoOptions, test: SegmentedImages) -> dict:
    """Train and score the control, for the same time."""
    training = train_row(CONTROL, options, options.out / "control")
    control = load_model(options.out / "control" / CHECKPOINT)[0].to(pick_device(options.device))
    plain = segment_row(control, "control", test, options)
    finer = segment_row(control, f"control up-tiled x{UPTILE}", test, options, uptile=UPTILE)
    return {
        "control_preset": CONTROL,
        **plain.scores.named("_control"),
        **finer.scores.named("_control_uptiled"),
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
            truth=test.masks[i].long(),
            clusters=after.labels[i],
            clusters_uptiled=finer.labels[i],
            clusters_untrained=before.labels[i],
            states=trajectory.states[:, i].cpu(),
            energies=trajectory.energies[:, i].cpu(),
            fg_ari=after.fg_ari[i].item(),
            mbo=after.mbo[i].item(),
        )
        for i in range(len(images))
    ]


if __name__ == "__main__":
    run_command(demo, DemoOptions)
