"""Tensors as pictures inside the page: PNG data, matched label colours, outlines."""

import base64
import io

import numpy as np
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from kuramoto_nn.plot import label_colors, plane_colors


def png(rgb: Tensor) -> str:
    """Encode colours as the address of an embedded picture.

    Args:
        rgb: ``(H, W, 3)``, or ``(H, W, 4)`` with opacity, in [0, 1].

    Returns:
        A ``data:`` address.

    Examples:
        >>> png(torch.zeros(2, 2, 3))[:22]
        'data:image/png;base64,'
    """
    pixels = (rgb.detach().cpu().float().clamp(0, 1) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def label_png(labels: Tensor) -> str:
    """Encode a label map ``(H, W)`` in the colours of its labels."""
    return png(label_colors(labels.long()))


def match_labels(labels: Tensor, truth: Tensor) -> Tensor:
    """Rename segments after the true objects they overlap most, so that colours can be compared.

    Args:
        labels: ``(H, W)`` integers.
        truth: ``(H, W)`` integers; negative pixels do not count.

    Returns:
        The same segments: each true label goes to at most one of them, so that the overlap is
        largest in sum; segments left over take new labels.

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


def outline(labels: Tensor) -> str:
    """Trace the borders between labels as an SVG path, one unit a pixel.

    Args:
        labels: ``(H, W)`` integers.

    Returns:
        The path's ``d``.

    Examples:
        >>> outline(torch.tensor([[0, 1]]))
        'M1 0v1'
    """
    upright = (labels[:, 1:] != labels[:, :-1]).nonzero().tolist()
    level = (labels[1:] != labels[:-1]).nonzero().tolist()
    return "".join([f"M{x + 1} {y}v1" for y, x in upright] + [f"M{x} {y + 1}h1" for y, x in level])


def wheel_png(size: int = 160) -> str:
    """Encode the disc of `plane_colors`, the legend of all phase pictures; y points up."""
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    points = torch.stack(torch.meshgrid(axis, -axis, indexing="xy"), -1)
    inside = (1 - points.norm(dim=-1, keepdim=True)).mul(size / 2).clamp(0, 1)
    return png(torch.cat((plane_colors(points), inside), -1))
