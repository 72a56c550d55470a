"""Trajectories and segmentations as matplotlib figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kuramoto_nn.plot._colors import PALETTE, label_colors, phase_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_trajectory(states: Tensor, energies: Tensor, oscillator_dim: int) -> Figure:
    """Draw the phases after every step and the energy below them.

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
    pictures = phase_colors(states, oscillator_dim).cpu()
    steps = len(pictures)
    figure = _figure(max(1.3 * steps, 4), 3.6)
    grid = figure.add_gridspec(2, steps, height_ratios=(1, 1.3))
    for t in range(steps):
        _picture(figure.add_subplot(grid[0, t]), pictures[t], f"t = {t}")
    axes = figure.add_subplot(grid[1, :])
    axes.plot(range(steps), energies.detach().cpu().tolist(), marker="o", color=PALETTE[4])
    axes.set(xlabel="step t", ylabel="energy E", xticks=range(steps))
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
    for labels in label_maps:
        if images.ndim != 4 or labels.shape != (len(images), *images.shape[2:]):
            raise ValueError(
                "`images` and `label_maps` must be (B, 3, H, W) and (B, H, W): got "
                f"{tuple(images.shape)} and {tuple(labels.shape)}"
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


def _figure(width: float, height: float) -> Figure:
    # A Figure without pyplot: no global state, no window, nothing to close.
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "figures need matplotlib, which is not installed; try pip install 'kuramoto_nn[plot]'"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _picture(axes: Axes, rgb: Tensor, title: str) -> None:
    axes.imshow(rgb.clamp(0, 1).tolist(), interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()
