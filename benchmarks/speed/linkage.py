"""Average linkage from features to labels against fastcluster, one image after the other."""

from functools import partial

from benchmarks.baseline import evaluation as plain
from benchmarks.speed.report import BASELINE, OURS, Report, main
from benchmarks.speed.synthetic import sites
from kuramoto_nn.clustering import average_linkage

CASES = ((4096, 1), (256, 250))
"""Points and images."""
QUICK = ((256, 1), (64, 5))


def run(report: Report) -> None:
    """Measure one large image and a batch of small ones."""
    for num_points, batch in QUICK if report.quick else CASES:
        features = sites(batch, num_points, 128).to(report.device)
        by = {BASELINE: plain.average_linkage, OURS: average_linkage}
        report.compare(
            f"average linkage, {batch} x {num_points} points, 128 dimensions",
            {name: partial(link, features, 11) for name, link in by.items()},
        )


if __name__ == "__main__":
    main("linkage", run)
