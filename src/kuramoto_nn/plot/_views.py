"""Curves over the steps, coupling kernels, and oscillators on their sphere, as figures."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kuramoto_nn.functional import count_oscillators
from kuramoto_nn.plot._colors import PALETTE
from kuramoto_nn.plot._figures import _figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_KERNELS, MOST_PATHS = 8, 300
"""Oscillators of a site whose kernels are drawn, and paths on the sphere."""


def plot_curves(curves: Mapping[str, Tensor], *, x_label: str = "step t") -> Figure:
    """Draw curves over the steps, one panel per name, such as the energy and the order parameter.

    Args:
        curves: By name, values ``(T + 1,)``, or ``(T + 1, B)``, of which the mean is drawn strong.
        x_label: Name of the horizontal axis.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If there is no curve, or one has another shape.
        ImportError: If matplotlib is not installed.
    """
    for name, values in curves.items():
        if values.ndim not in (1, 2):
            raise ValueError(f"`{name}` must be (T + 1,) or (T + 1, B): got {tuple(values.shape)}")
    if not curves:
        raise ValueError("`curves` must hold at least one curve: got none")
    figure = _figure(6, 2 * len(curves))
    panels = figure.subplots(len(curves), sharex=True, squeeze=False)[:, 0]
    for axes, (name, values) in zip(panels, curves.items(), strict=True):
        values = values.detach().cpu().double()
        if values.ndim == 2:
            axes.plot(values.tolist(), color=PALETTE[1], linewidth=0.8, alpha=0.5)
            values = values.mean(1)
        axes.plot(values.tolist(), color=PALETTE[4])
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel(x_label)
    return figure


def plot_kernels(weight: Tensor, oscillator_dim: int) -> Figure:
    """Draw the kernels of a convolutional coupling, a picture for each pair of oscillators.

    At every offset a pair is coupled by an N x N block. Its isotropic part, ``trace / N``, is
    drawn: positive (red) attracts, negative (blue) repels. Row k, column l: the pull of oscillator
    l on oscillator k.

    Args:
        weight: ``(C, C, k, k)``, as of `ConvCoupling` or `torch.nn.Conv2d`; the first 8
            oscillators are drawn.
        oscillator_dim: Components N of an oscillator.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If the weight has another shape, or N does not divide C.
        ImportError: If matplotlib is not installed.
    """
    if weight.ndim != 4 or weight.shape[0] != weight.shape[1]:
        raise ValueError(f"`weight` must be (C, C, k, k): got {tuple(weight.shape)}")
    count = count_oscillators(len(weight), oscillator_dim)
    size = (count, oscillator_dim)
    blocks = weight.detach().cpu().unflatten(1, size).unflatten(0, size)  # (K, N, K, N, k, k)
    kernels = torch.einsum("knlnxy->klxy", blocks)[:MOST_KERNELS, :MOST_KERNELS] / oscillator_dim
    limit = kernels.abs().max().item() or 1.0
    figure = _figure(1 + len(kernels), 0.5 + len(kernels))
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    panels = figure.subplots(len(kernels), len(kernels), squeeze=False)
    scale = {"cmap": "RdBu_r", "norm": Normalize(-limit, limit)}
    for pair in product(range(len(kernels)), repeat=2):
        panels[pair].imshow(kernels[pair].tolist(), interpolation="nearest", **scale)
        panels[pair].set(xticks=[], yticks=[])
    figure.colorbar(ScalarMappable(**scale), ax=panels, label="trace / N")
    return figure


def plot_sphere(states: Tensor) -> Figure:
    """Draw the paths of oscillators with N = 3 on their sphere, with points at the last states.

    Args:
        states: States of one sample, ``(T + 1, C, *S)`` with C = 3 K; the first 300 oscillators
            are drawn.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If the shape is another one, or 3 does not divide C.
        ImportError: If matplotlib is not installed.
    """
    if states.ndim < 2:
        raise ValueError(f"`states` must be (T + 1, C, *S): got {tuple(states.shape)}")
    count = count_oscillators(states.shape[1], 3)
    paths = states.detach().cpu().unflatten(1, (count, 3)).movedim(2, -1).flatten(1, -2)
    paths = paths[:, :MOST_PATHS].movedim(0, -1)  # (P, 3, T + 1)
    figure = _figure(5, 5)
    axes = figure.add_subplot(projection="3d", box_aspect=(1, 1, 1))
    turn = torch.linspace(0, 2 * torch.pi, 73)
    for height in torch.linspace(-0.8, 0.8, 5).tolist():  # circles of equal latitude
        radius = (1 - height**2) ** 0.5
        circle = (radius * turn.cos()).tolist(), (radius * turn.sin()).tolist()
        axes.plot(*circle, height, color="#8a8d96", linewidth=0.4)
    for i, path in enumerate(paths):
        color = PALETTE[i % len(PALETTE)]
        axes.plot(*path.tolist(), color=color, linewidth=0.8, alpha=0.6)
        axes.plot(*path[:, -1:].tolist(), color=color, marker="o", markersize=4)
    axes.set_axis_off()
    return figure
