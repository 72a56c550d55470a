"""Trajectories, segmentations, curves, kernels and oscillators on their sphere, as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kuramoto_nn.functional import count_oscillators
from kuramoto_nn.plot._colors import PALETTE, label_colors, phase_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_STATES, MOST_KERNELS, MOST_PATHS = 17, 8, 300
"""States of a trajectory, oscillators of a site with kernels, and paths on the sphere, as drawn."""

LINE_COLORS = (PALETTE[4], PALETTE[0], PALETTE[2], PALETTE[6], PALETTE[1], PALETTE[5])
"""Colours of curves that are seen on white and on dark gray."""


def plot_trajectory(states: Tensor, energies: Tensor, oscillator_dim: int) -> Figure:
    """Draw the phases over the steps, of 17 states at most, and the energy below them.

    Args:
        states: States of one image, ``(T + 1, C, h, w)``.
        energies: Their energies, ``(T + 1,)``.
        oscillator_dim: Components N of an oscillator.

    Returns:
        A matplotlib figure; ``figure.savefig("phases.png")`` writes it.

    Raises:
        ValueError: If the shapes do not fit.
        ImportError: If matplotlib is not installed.
    """
    if states.ndim != 4 or energies.shape != states.shape[:1]:
        raise ValueError(
            "`states` and `energies` must be (T + 1, C, h, w) and (T + 1,), one image: got "
            f"{tuple(states.shape)} and {tuple(energies.shape)}; try states[:, 0], energies[:, 0]"
        )
    last = len(states) - 1
    steps = torch.linspace(0, last, min(last + 1, MOST_STATES)).round().int().tolist()
    pictures = phase_colors(states[steps], oscillator_dim).cpu()
    figure = _figure(max(1.3 * len(steps), 4), 3.6)
    grid = figure.add_gridspec(2, len(steps), height_ratios=(1, 1.3))
    for column, t in enumerate(steps):
        _picture(figure.add_subplot(grid[0, column]), pictures[column], f"t = {t}")
    axes = figure.add_subplot(grid[1, :])
    axes.plot(energies.detach().cpu().tolist(), marker="o", color=PALETTE[4])
    axes.set(xlabel="step t", ylabel="energy E", xticks=steps)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_segmentation(
    images: Tensor, *label_maps: Tensor, titles: Sequence[str] | None = None
) -> Figure:
    """Draw one row per image: the image and its label maps side by side.

    Args:
        images: ``(B, 3, H, W)`` in [0, 1], or uint8.
        *label_maps: ``(B, H, W)`` integers each, such as truth and clusters.
        titles: One for the images and one for each map; none if not given.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If the shapes or the number of titles do not fit.
        ImportError: If matplotlib is not installed.
    """
    shapes = [tuple(labels.shape) for labels in label_maps]
    if images.ndim != 4 or any(shape != (len(images), *images.shape[2:]) for shape in shapes):
        raise ValueError(
            "`images` and `label_maps` must be (B, 3, H, W) and (B, H, W): got "
            f"{tuple(images.shape)} and {shapes}"
        )
    if images.dtype == torch.uint8:
        images = images / 255
    columns = [images.detach().movedim(1, -1), *map(label_colors, label_maps)]
    titles = [""] * len(columns) if titles is None else titles
    if len(titles) != len(columns):
        raise ValueError(f"`titles` must name the {len(columns)} columns: got {len(titles)}")
    figure = _figure(1.8 * len(columns), 1.8 * len(images) + 0.3)
    axes = figure.subplots(len(images), len(columns), squeeze=False)
    for row in range(len(images)):
        for column, pictures in enumerate(columns):
            title = titles[column] if row == 0 else ""
            _picture(axes[row, column], pictures[row].cpu(), title)
    return figure


def plot_curves(
    panels: Mapping[str, Tensor | Mapping[str, Tensor]],
    *,
    x: Sequence[float] | Tensor | None = None,
    x_label: str = "step t",
) -> Figure:
    """Draw curves over the steps in panels, such as the energy and the order parameter.

    Args:
        panels: By the name of the vertical axis, one curve or several by name. A curve is
            ``(T + 1,)``, or ``(T + 1, B)`` for samples, whose mean is drawn strong.
        x: Values on the horizontal axis; 0 to T if None.
        x_label: Name of the horizontal axis.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If there is no curve, or one has another shape or length.
        ImportError: If matplotlib is not installed.
    """
    named = {
        name: curves if isinstance(curves, Mapping) else {"": curves}
        for name, curves in panels.items()
    }
    if not named or not all(named.values()):
        raise ValueError("`panels` must hold at least one curve each: got none")
    for name, curves in named.items():
        for curve in curves.values():
            if curve.ndim not in (1, 2) or (x is not None and len(curve) != len(x)):
                wanted = "(T + 1,) or (T + 1, B)" if x is None else f"({len(x)},) or ({len(x)}, B)"
                raise ValueError(f"`{name}` must be {wanted}: got {tuple(curve.shape)}")
    figure = _figure(6, 1 + 2 * len(named))
    rows = figure.subplots(len(named), sharex=True, squeeze=False)[:, 0]
    for axes, (name, curves) in zip(rows, named.items(), strict=True):
        for color, (label, curve) in zip(cycle(LINE_COLORS), curves.items(), strict=False):
            values = curve.detach().cpu().double()
            across = [float(at) for at in (range(len(values)) if x is None else x)]
            if values.ndim == 2:
                axes.plot(across, values.tolist(), color=color, linewidth=0.8, alpha=0.3)
                values = values.mean(1)
            axes.plot(across, values.tolist(), color=color, label=label)
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
        if len(curves) > 1:
            axes.legend(frameon=False)
    rows[-1].set_xlabel(x_label)
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
    axes: Any = figure.add_subplot(projection="3d")
    axes.set_box_aspect((1, 1, 1), zoom=1.5)
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


def _figure(width: float, height: float) -> Figure:
    # A Figure without pyplot: no global state, no window, nothing to close.
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ModuleNotFoundError(
            "figures need matplotlib, which is not installed; try pip install 'kuramoto_nn[plot]'",
            name="matplotlib",
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _picture(axes: Axes, rgb: Tensor, title: str) -> None:
    axes.imshow(rgb.clamp(0, 1).tolist(), interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()
