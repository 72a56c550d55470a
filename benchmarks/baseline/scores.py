"""FG-ARI by scikit-learn and MBO by boolean masks, image by image."""

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor


def foreground_ari(pred: Tensor, target: Tensor) -> Tensor:
    """Adjusted Rand index over the pixels with ``target > 0`` of every image, ``(B,)``."""
    scores = []
    for segments, truth in zip(pred.cpu().numpy(), target.cpu().numpy(), strict=True):
        foreground = truth > 0
        if foreground.any():
            scores.append(adjusted_rand_score(truth[foreground], segments[foreground]))
        else:
            scores.append(np.nan)
    return torch.tensor(scores, dtype=torch.float64)


def mean_best_overlap(pred: Tensor, target: Tensor) -> Tensor:
    """Mean over the objects of the best IoU with any segment of every image, ``(B,)``."""
    scores = []
    for segments, truth in zip(pred.cpu().numpy(), target.cpu().numpy(), strict=True):
        counted = truth >= 0
        best = []
        for label in np.unique(truth[truth > 0]):
            true = truth == label
            overlaps = []
            for segment in np.unique(segments):
                predicted = (segments == segment) & counted
                overlaps.append((true & predicted).sum() / (true | predicted).sum())
            best.append(max(overlaps))
        scores.append(np.mean(best) if best else np.nan)
    return torch.tensor(scores, dtype=torch.float64)
