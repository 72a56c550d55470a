"""Pictures of segmentations: matched colours, and a sheet of the best, median and worst images."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from examples.common.files import write_whole
from examples.common.progress import Meter
from examples.object_discovery.data import VOID, SegmentedImages
from examples.object_discovery.scores import SCORES, Rows
from examples.object_discovery.segmenter import Segmenter
from kuramoto_nn.plot import plot_segmentation

PER_GROUP = 4


def true_labels(labels: Tensor) -> Tensor:
    """Labels of a data set as plots expect them: int64, -1 where they are `VOID`."""
    return labels.long().masked_fill(labels == VOID, -1)


def match_labels(labels: Tensor, truth: Tensor) -> Tensor:
    """Rename segments after the true objects that they overlap most, for comparable colours.

    Each true label goes to at most one segment, such that the sum of all overlaps is largest; other
    segments take new labels. Both maps are ``(H, W)``; negative pixels of ``truth`` do not count.

    Examples:
        >>> match_labels(torch.tensor([[7, 7, 5]]), torch.tensor([[0, 0, 1]]))
        tensor([[0, 0, 1]])
    """
    segments, index = np.unique(labels.cpu().numpy(), return_inverse=True)
    objects = truth.cpu().numpy()
    names = np.unique(objects[objects >= 0])
    masks = index.reshape(objects.shape) == np.arange(len(segments))[:, None, None]
    overlap = np.array([[(mask & (objects == name)).sum() for name in names] for mask in masks])
    renamed = names.max(initial=0) + 1 + np.arange(len(segments))
    rows, columns = linear_sum_assignment(overlap.reshape(len(segments), len(names)), maximize=True)
    renamed[rows] = names[columns]
    return torch.from_numpy(renamed[index.reshape(objects.shape)])


def choose(rows: Rows, count: int = PER_GROUP) -> dict[str, list[int]]:
    """Numbers of the best, median and worst images by their first score, if they have it.

    Examples:
        >>> choose({i: {"fg_ari": float(i), "mbo": 0.0} for i in range(5)}, 1)
        {'best': [4], 'median': [2], 'worst': [0]}
    """
    first = {index: next(iter(scores.values())) for index, scores in rows.items()}
    order = sorted((i for i in first if not math.isnan(first[i])), key=lambda i: (first[i], i))
    count = min(count, len(order))
    middle = (len(order) - count) // 2
    return {
        "best": order[len(order) - count :][::-1],
        "median": order[middle : middle + count],
        "worst": order[:count],
    }


def write_sheet(path: Path, data: SegmentedImages, rows: Rows, segmenter: Segmenter) -> None:
    """Segment the chosen images once more, which gives the same labels, and draw them as a PNG."""
    chosen = [(name, index) for name, indices in choose(rows).items() for index in indices]
    if not chosen:
        return
    indices = [index for _, index in chosen]
    truth, found = true_labels(data.instances[indices]), []
    with Meter("contact sheet") as meter:
        for index, objects in zip(indices, truth, strict=True):
            found.append(match_labels(segmenter(data, [index]).labels[0], objects))
            meter.show(len(found), len(indices))
    figure = plot_segmentation(data.images[indices], truth, torch.stack(found))
    for (name, index), axes in zip(chosen, figure.axes[::3], strict=True):
        scores = (f"{SCORES[n].title} {score:.1f}" for n, score in rows[index].items())
        axes.set_title(f"{name}: #{index}  {'  '.join(scores)}", fontsize=9, loc="left")
    figure.suptitle("image, truth, prediction", fontsize=9)
    write_whole(path, partial(figure.savefig, format="png"))
