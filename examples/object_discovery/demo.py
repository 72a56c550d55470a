"""Objects from nothing but images, in ten minutes: generate, train, evaluate, report.

    python -m examples.object_discovery.demo --out runs/demo --time-limit 600

The same command again goes on where it was stopped; a longer time limit trains further.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from examples.object_discovery.data import SegmentedImages, load
from examples.object_discovery.evaluate import Scores, score
from examples.object_discovery.recipes import build_model, recipe_for
from examples.object_discovery.report import ExampleView, Report, write_report
from examples.object_discovery.run_state import CHECKPOINT, load_model
from examples.object_discovery.segment import Segmentation
from examples.object_discovery.train import TrainOptions, train
from examples.training.command import run_command
from examples.training.compiling import Compile
from examples.training.distributed import pick_device
from examples.training.files import write_text
from examples.training.log import read_jsonl
from examples.training.randomness import generator_for
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
    trained = load_model(options.out / CHECKPOINT)[0]
    torch.manual_seed(generator_for(options.seed, "initialisation").initial_seed())
    untrained = build_model(PRESET).eval()
    assert isinstance(trained, AKOrN)

    before, before_masks = score_row(untrained, "untrained", test, options)
    after, masks = score_row(trained, "trained", test, options)
    finer, finer_masks = score_row(trained, f"up-tiled x{UPTILE}", test, options, uptile=UPTILE)
    results = {
        "preset": PRESET,
        "fg_ari": after.fg_ari,
        "mbo": after.mbo,
        "fg_ari_untrained": before.fg_ari,
        "mbo_untrained": before.mbo,
        "fg_ari_uptiled": finer.fg_ari,
        "mbo_uptiled": finer.mbo,
        "uptile": UPTILE,
        **training,
        "num_test_images": after.num_images,
        "parameters": sum(parameter.numel() for parameter in trained.parameters()),
        "device": str(pick_device(options.device)),
        "threads": torch.get_num_threads(),
        "seed": options.seed,
        "torch": torch.__version__,
        "command": f"python -m examples.object_discovery.demo --time-limit {options.time_limit:g} "
        f"--seed {options.seed}" + (" --compare" if options.compare else ""),
    }
    if options.compare:
        results |= compare_control(options, test)
    write_text(options.out / "results.json", json.dumps(results, indent=1) + "\n")
    report = Report(
        results=results,
        log=read_jsonl(options.out / "log.jsonl"),
        examples=pictures(trained, test, masks, finer_masks, before_masks, seed=options.seed),
        oscillator_dim=trained.config.oscillator_dim,
        control_log=read_jsonl(options.out / "control" / "log.jsonl") if options.compare else [],
    )
    write_report(options.out / "report.html", report)
    print(
        f"FG-ARI {before.fg_ari:.1f} untrained, {after.fg_ari:.1f} trained, {finer.fg_ari:.1f} "
        f"up-tiled; see {options.out / 'report.html'}"
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


def score_row(
    model: AKOrN | ItrSA,
    title: str,
    test: SegmentedImages,
    options: DemoOptions,
    *,
    uptile: int = 1,
) -> tuple[Scores, Segmentation]:
    """Score one model on the held-out images."""
    return score(
        model.to(pick_device(options.device)),
        test,
        num_clusters=recipe_for(PRESET).num_clusters,
        uptile=uptile,
        seed=options.seed,
        title=title,
    )


def compare_control(options: DemoOptions, test: SegmentedImages) -> dict:
    """Train and score the control, for the same time."""
    training = train_row(CONTROL, options, options.out / "control")
    control = load_model(options.out / "control" / CHECKPOINT)[0]
    plain, _ = score_row(control, "control", test, options)
    finer, _ = score_row(control, f"control up-tiled x{UPTILE}", test, options, uptile=UPTILE)
    return {
        "control_preset": CONTROL,
        "fg_ari_control": plain.fg_ari,
        "mbo_control": plain.mbo,
        "fg_ari_control_uptiled": finer.fg_ari,
        "mbo_control_uptiled": finer.mbo,
        "images_seen_control": training["images_seen"],
        "seconds_control": training["seconds"],
    }


@torch.no_grad()
def pictures(
    model: AKOrN,
    test: SegmentedImages,
    masks: Segmentation,
    finer_masks: Segmentation,
    before_masks: Segmentation,
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
            clusters=masks.labels[i],
            clusters_uptiled=finer_masks.labels[i],
            clusters_untrained=before_masks.labels[i],
            states=trajectory.states[:, i].cpu(),
            energies=trajectory.energies[:, i].cpu(),
            fg_ari=masks.fg_ari[i].item(),
            mbo=masks.mbo[i].item(),
        )
        for i in range(len(images))
    ]


if __name__ == "__main__":
    run_command(demo, DemoOptions)
