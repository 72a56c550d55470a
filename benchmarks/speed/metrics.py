"""FG-ARI and MBO of a batch of label maps against scikit-learn and boolean masks per image.

    python -m benchmarks.speed.metrics [--quick] [--device cuda] [--threads 2]

The limit is reading both maps once.
"""

from functools import partial

from torch import Tensor

from benchmarks import baseline
from benchmarks.speed.measure import copy
from benchmarks.speed.report import BASELINE, OURS, Report, main
from benchmarks.speed.synthetic import label_maps
from kuramoto_nn.metrics import foreground_ari, mean_best_overlap


def run(report: Report) -> None:
    """Measure batches of maps with 11 segments and 7 objects."""
    side, batches = (32, (4,)) if report.options.quick else (128, (32, 320))
    for batch in batches:
        pred, target = (label_maps(batch, side, k).to(report.device) for k in (11, 8))
        row = report.compare(
            f"FG-ARI + MBO, {batch} maps of {side}x{side}",
            {BASELINE: partial(plain_scores, pred, target), OURS: partial(scores, pred, target)},
            limit=copy(report.device),
            amount=2.0 * pred.nbytes,
        )
        report.note(row, "ours [us/image]", 1e6 * row.times[OURS].median / batch)
        report.expect(row, "ours: speedup", row.speedup(OURS), least=25)


def scores(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both scores of every image."""
    return foreground_ari(pred, target), mean_best_overlap(pred, target)


def plain_scores(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The same, image by image."""
    return baseline.foreground_ari(pred, target), baseline.mean_best_overlap(pred, target)


if __name__ == "__main__":
    main("metrics", run)
