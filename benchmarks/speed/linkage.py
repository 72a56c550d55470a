"""Average linkage from features to labels against fastcluster, one image after the other.

The limit is writing and reading the float64 distances of every pair once.
"""

from functools import partial

from benchmarks.baseline import evaluation as plain
from benchmarks.speed.measure import copy
from benchmarks.speed.report import BASELINE, OURS, Report, main
from benchmarks.speed.synthetic import same_partition, sites
from kuramoto_nn.clustering import average_linkage

NUM_CLUSTERS, NUM_CHANNELS = 11, 128
CASES = ((4096, 1, 3.0), (256, 250, 4.0))
"""Points, images, and the speedup to reach."""
QUICK = ((256, 1, 3.0), (64, 5, 4.0))


def run(report: Report) -> None:
    """Measure one large image and a batch of small ones."""
    if plain.LINKAGE != "fastcluster":
        print("fastcluster, which the targets refer to, is missing: pip install fastcluster")
    for num_points, batch, least in QUICK if report.quick else CASES:
        features = sites(batch, num_points, NUM_CHANNELS).to(report.device)
        candidates = {
            BASELINE: partial(plain.average_linkage, features, NUM_CLUSTERS),
            OURS: partial(average_linkage, features, NUM_CLUSTERS),
        }
        row = report.compare(
            f"average linkage, {batch} x {num_points} points, {NUM_CHANNELS} dimensions",
            candidates,
            limit=copy(report.device),
            amount=2.0 * 8 * batch * num_points**2,
        )
        row.note("baseline links with", plain.LINKAGE)
        row.note("same partition", same_partition(*[work() for work in candidates.values()]))
        row.note("images/s, ours", batch / row.seconds())
        report.expect(row, "ours: speedup", row.speedup(), least=least)


if __name__ == "__main__":
    main("linkage", run)
