"""Growth of the cost with sites, steps, batch, votes and points: curves as JSON and as a plot."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import torch

from benchmarks.baseline import evaluation, models
from benchmarks.speed import synthetic, vote
from benchmarks.speed.layer import sized
from benchmarks.speed.measure import Work
from benchmarks.speed.report import BASELINE, OURS, Report, main
from kuramoto_nn.clustering import average_linkage

Candidates = dict[str, Work]


def layer_work(
    device: torch.device, *, sites: int = 64, steps: int = 8, batch: int = 16
) -> Candidates:
    """A forward pass of a layer with attention and GTA, ch 128."""
    side = math.isqrt(sites)
    plain = models.PlainKuramoto(sized(128, side, steps)).to(device)
    x, c = torch.randn(2, batch, 128, side, side, device=device)
    layers = {BASELINE: plain, OURS: plain.to_library().to(device)}
    return {name: torch.no_grad()(partial(layer, x, c)) for name, layer in layers.items()}


def vote_work(device: torch.device, *, votes: int) -> Candidates:
    """K samples of one board, ch 64, T 16."""
    plain = models.PlainSudoku("sudoku-akorn-tiny").to(device)
    puzzles = torch.zeros(1, 9, 9, dtype=torch.long, device=device)
    noise = torch.randn(1, votes, plain.config.channels, 9, 9, device=device)
    return {
        BASELINE: torch.no_grad()(partial(models.vote, plain, puzzles, noise, 16)),
        OURS: partial(vote.vote, plain.to_library().to(device), puzzles, noise, 16),
    }


def linkage_work(device: torch.device, *, points: int) -> Candidates:
    """Average linkage of one image's sites in 128 dimensions."""
    features = synthetic.sites(1, points, 128).to(device)
    by = {BASELINE: evaluation.average_linkage, OURS: average_linkage}
    return {name: partial(link, features, 11) for name, link in by.items()}


CURVES: dict[str, tuple[tuple[int, ...], tuple[int, ...], Callable[..., Candidates]]] = {
    "sites": ((16, 64, 256, 1024), (16, 64), partial(layer_work, batch=4)),
    "steps": ((1, 4, 16, 64), (1, 4), layer_work),
    "batch": ((1, 4, 16, 64, 256), (1, 4), layer_work),
    "votes": ((1, 4, 16, 64), (1, 2), vote_work),
    "points": ((64, 256, 1024, 4096), (64, 128), linkage_work),
}
"""By axis: values, values with ``--quick``, and the work."""


def run(report: Report) -> None:
    """Measure all curves and plot them."""
    panels = []
    for axis, (full, quick, work) in CURVES.items():
        values = quick if report.quick else full
        rows = [
            report.compare(f"{axis} = {value}", work(report.device, **{axis: value}))
            for value in values
        ]
        growth = rows[-1].seconds() / rows[-2].seconds()
        slope = math.log(growth) / math.log(values[-1] / values[-2])
        rows[-1].note(f"growth of ours at the end, power of {axis}", slope)
        panels.append((axis, values, rows, slope))
    plot(panels, report.options.folder / "scaling.png")


def plot(curves: list[tuple[str, tuple[int, ...], list[Any], float]], path: Path) -> None:
    """Draw seconds over the size of the work, both axes logarithmic."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(curves), figsize=(3.2 * len(curves), 3), squeeze=False)
    for panel, (axis, values, rows, slope) in zip(panels[0], curves, strict=True):
        for name in (BASELINE, OURS):
            panel.loglog(values, [row.seconds(name) for row in rows], marker="o", label=name)
        panel.set(xlabel=axis, title=f"grows as {axis}^{slope:.1f}")
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("seconds")
    panels[0][0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    main("scaling", run)
