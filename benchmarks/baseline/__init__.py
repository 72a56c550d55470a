"""Baseline of the benchmarks: the formulas as research code writes them.

Channels-first memory, eager, float32; heads by rearrangement, with interleaved channels; attention
written out; 2x2 transforms by broadcasting; the states and energies of all steps kept; one image
or board at a time where NumPy or scikit-learn does the work. Nothing is slowed down on purpose.
"""

from benchmarks.baseline.evaluation import (
    LINKAGE,
    average_linkage,
    foreground_ari,
    mean_best_overlap,
    pca,
)
from benchmarks.baseline.kuramoto import PlainAttention, PlainKuramoto, by_matrix_products
from benchmarks.baseline.models import PlainAKOrN, PlainSudoku, uptiled_features, vote
from benchmarks.baseline.views import random_views
from benchmarks.baseline.weights import to_library

__all__ = [
    "LINKAGE",
    "PlainAKOrN",
    "PlainAttention",
    "PlainKuramoto",
    "PlainSudoku",
    "average_linkage",
    "by_matrix_products",
    "foreground_ari",
    "mean_best_overlap",
    "pca",
    "random_views",
    "to_library",
    "uptiled_features",
    "vote",
]
