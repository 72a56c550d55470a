"""Growth of the cost with sites, steps, batch, votes and points: curves as JSON and as a plot.

python -m benchmarks.speed.scaling [--quick] [--device cuda] [--threads 2]
"""

import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import matplotlib
import torch

from benchmarks import baseline
from benchmarks.baseline import PlainAttention, PlainKuramoto, PlainSudoku, to_library
from benchmarks.speed import vote
from benchmarks.speed.report import BASELINE, OURS, Report, main
from benchmarks.speed.synthetic import sites
from kuramoto_nn.clustering import average_linkage

Work = dict[str, Callable[[], object]]
MakeWork = Callable[[int, torch.device], Work]


def layer_work(device: torch.device, *, side: int = 8, num_steps: int = 8, batch: int = 16) -> Work:
    """A forward pass of a layer with attention and GTA, ch 128."""
    plain = PlainKuramoto(PlainAttention(128, 8, (side, side)), channels=128, num_steps=num_steps)
    ours = to_library(plain, (side, side)).to(device)
    x, c = torch.randn(2, batch, 128, side, side, device=device)
    layers = {BASELINE: plain.to(device), OURS: ours}
    return {name: torch.no_grad()(partial(layer, x, c)) for name, layer in layers.items()}


def vote_work(samples: int, device: torch.device) -> Work:
    """K samples of one board, ch 64, T 16."""
    plain = PlainSudoku.from_preset("sudoku-akorn-tiny").to(device)
    puzzles = torch.zeros(1, 9, 9, dtype=torch.long, device=device)
    noise = torch.randn(1, samples, plain.config.channels, 9, 9, device=device)
    return {
        BASELINE: torch.no_grad()(partial(baseline.vote, plain, puzzles, noise, 16)),
        OURS: partial(vote.vote, to_library(plain).to(device), puzzles, noise, 16),
    }


def linkage_work(num_points: int, device: torch.device) -> Work:
    """Average linkage of one image's sites in 128 dimensions."""
    features = sites(1, num_points, 128).to(device)
    return {
        BASELINE: partial(baseline.average_linkage, features, 11),
        OURS: partial(average_linkage, features, 11),
    }


CURVES: dict[str, tuple[tuple[int, ...], tuple[int, ...], MakeWork, str]] = {
    "sites": (
        (16, 64, 256, 1024),
        (16, 64),
        lambda value, device: layer_work(device, side=math.isqrt(value), batch=4),
        "Up to a few hundred sites the four linear maps dominate, whose cost is linear; beyond, "
        "the pairs of sites in attention, quadratic.",
    ),
    "steps": (
        (1, 4, 16, 64),
        (1, 4),
        lambda value, device: layer_work(device, num_steps=value),
        "Linear: every step is the same work on the same memory.",
    ),
    "batch": (
        (1, 4, 16, 64, 256),
        (1, 4),
        lambda value, device: layer_work(device, batch=value),
        "Linear once all cores have work; below that, the cost of the calls dominates. Tensors of "
        "tens of MB also cost fresh memory from the system, page by page.",
    ),
    "votes": ((1, 4, 16, 64), (1, 2), vote_work, "Linear: samples are a larger batch."),
    "points": (
        (64, 256, 1024, 4096),
        (64, 128),
        linkage_work,
        "Quadratic in the number of points: all distances are computed, kept and averaged.",
    ),
}
"""By axis: values, values with ``--quick``, the work, and the bottleneck in a sentence."""


def run(report: Report) -> None:
    """Measure all curves and plot them."""
    curves = {}
    for axis, (values, quick, work, bound) in CURVES.items():
        values = quick if report.options.quick else values
        rows = [report.compare(f"{axis} = {value}", work(value, report.device)) for value in values]
        seconds = {name: [row.times[name].median for row in rows] for name in (BASELINE, OURS)}
        slope = math.log(seconds[OURS][-1] / seconds[OURS][-2]) / math.log(values[-1] / values[-2])
        report.note(rows[-1], f"growth of ours at the end, power of {axis}", slope)
        report.note(rows[-1], "bound", bound)
        curves[axis] = (values, seconds, slope)
    plot(curves, report.options.folder / "scaling.png")


def plot(
    curves: dict[str, tuple[Iterable[int], dict[str, list[float]], float]], path: Path
) -> None:
    """Draw seconds over the size of the work, both axes logarithmic."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(curves), figsize=(3.2 * len(curves), 3), squeeze=False)
    for panel, (axis, (values, seconds, slope)) in zip(panels[0], curves.items(), strict=True):
        for name, column in seconds.items():
            panel.loglog(values, column, marker="o", label=name)
        panel.set(xlabel=axis, title=f"grows as {axis}^{slope:.1f}")
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("seconds")
    panels[0][0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    main("scaling", run)
