"""Scores of the paper's tables by preset: mean and standard deviation, x 100.

Reference: Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025). The paper's scores
of the classifier are of robustness benchmarks and are not listed here.
"""

Score = tuple[float, float]

_NAMES = ("FG-ARI", "MBO", "OOD FG-ARI", "OOD MBO", "CAMO FG-ARI", "CAMO MBO")


def _scores(*plain: Score, uptiled: tuple[Score, ...] = ()) -> dict[str, Score]:
    """Scores by name: the first of `_NAMES`, without and with up-tiling."""
    with_uptiling = [f"{name}, up-tiled x4" for name in _NAMES]
    return dict(zip([*_NAMES[: len(plain)], *with_uptiling], [*plain, *uptiled], strict=False))


PUBLISHED: dict[str, dict[str, Score]] = {
    "clevrtex-vit": _scores(
        (46.4, 0.6), (25.1, 0.7), (44.1, 0.5), (27.2, 0.5), (32.5, 0.6), (16.1, 1.1)
    ),
    "clevrtex-itrsa-l1": _scores(
        (65.7, 0.3), (44.6, 0.9), (64.6, 0.8), (45.1, 0.4), (49.0, 0.7), (30.2, 0.8)
    ),
    "clevrtex-itrsa-l2": _scores(
        (76.3, 0.4), (48.5, 0.1), (74.9, 0.8), (46.4, 0.5), (61.9, 1.3), (37.1, 0.5)
    ),
    "clevrtex-attn-l1": _scores(
        (75.6, 0.2), (55.0, 0.0), (73.4, 0.4), (56.1, 1.1), (59.9, 0.1), (44.3, 0.9)
    ),
    "clevrtex-attn-l2": _scores(
        *((80.5, 1.5), (54.9, 0.6), (79.2, 1.2), (55.7, 0.5), (67.7, 1.5), (46.2, 0.9)),
        uptiled=((87.7, 1.0), (55.3, 2.1), (85.2, 0.9), (55.6, 1.5), (74.5, 1.2), (45.6, 3.4)),
    ),
    "clevrtex-large-l2": _scores(
        uptiled=((88.5, 0.9), (59.7, 0.9), (87.7, 0.5), (60.8, 0.6), (77.0, 0.5), (53.4, 0.7))
    ),
    "tetrominoes-itrconv": _scores((59.0, 2.9), (51.6, 2.2)),
    "tetrominoes-conv": _scores((76.4, 0.8), (51.9, 1.5)),
    "tetrominoes-itrsa": _scores((85.8, 0.8), (54.9, 3.4)),
    "tetrominoes-attn": _scores((88.6, 1.7), (56.4, 0.9), uptiled=((93.1, 0.3), (56.3, 0.0))),
    "dsprites-itrconv": _scores((29.1, 6.2), (38.5, 5.2)),
    "dsprites-conv": _scores((63.8, 7.7), (50.7, 4.7)),
    "dsprites-itrsa": _scores((68.1, 1.4), (63.0, 1.2)),
    "dsprites-attn": _scores((78.3, 1.3), (63.0, 1.8), uptiled=((87.1, 1.0), (60.2, 1.9))),
    "clevr-itrconv": _scores((49.3, 5.1), (29.7, 3.0)),
    "clevr-conv": _scores((59.0, 4.3), (44.4, 2.0)),
    "clevr-itrsa": _scores((82.5, 1.7), (39.4, 1.9)),
    "clevr-attn": _scores((91.0, 0.5), (45.5, 1.4), uptiled=((94.6, 0.7), (44.7, 0.7))),
    "sudoku-transformer": {"boards solved": (98.6, 0.3), "boards solved, OOD": (5.2, 0.2)},
    "sudoku-itrsa": {
        "boards solved, T = 32": (95.7, 8.5),
        "boards solved, OOD, T = 32": (34.4, 5.4),
    },
    "sudoku-akorn": {
        "boards solved, T = 128": (100.0, 0.0),
        "boards solved, OOD, T = 128": (51.7, 3.3),
        "boards solved, T = 128, vote of 100": (100.0, 0.0),
        "boards solved, OOD, T = 128, vote of 100": (81.6, 1.5),
        "boards solved, T = 128, vote of 4096": (100.0, 0.0),
        "boards solved, OOD, T = 128, vote of 4096": (89.5, 2.5),
    },
}
