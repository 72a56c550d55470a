"""FG-ARI and MBO of a batch of label maps against scikit-learn and boolean masks per image."""

from functools import partial
from typing import Any

from torch import Tensor

from benchmarks.baseline import evaluation as plain
from benchmarks.speed.report import BASELINE, OURS, Report, main
from benchmarks.speed.synthetic import label_maps
from kuramoto_nn import metrics


def run(report: Report) -> None:
    """Measure batches of maps with 11 segments and 7 objects."""
    side, batches = (32, (4,)) if report.quick else (128, (32, 320))
    for batch in batches:
        maps = [label_maps(batch, side, k).to(report.device) for k in (11, 8)]
        report.compare(
            f"FG-ARI + MBO, {batch} maps of {side}x{side}",
            {BASELINE: partial(scores, plain, *maps), OURS: partial(scores, metrics, *maps)},
        )


def scores(by: Any, pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both scores of every image by the functions of a module."""
    return by.foreground_ari(pred, target), by.mean_best_overlap(pred, target)


if __name__ == "__main__":
    main("metrics", run)
