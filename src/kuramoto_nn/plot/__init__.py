"""Phases, segments and trajectories as pictures.

Colours are tensors; figures need matplotlib (the extra `plot`) and follow its styles. For a dark
page, draw inside ``with matplotlib.style.context("dark_background")`` and write with
``figure.savefig(path, transparent=True)``.

A site's K oscillators are one point of R^C. All states are projected onto one plane, in which
synchronised sites lie close to each other: the angle is the hue, the radius the strength of the
colour.
"""

from kuramoto_nn.plot._colors import (
    component_colors,
    label_colors,
    overlay_labels,
    phase_colors,
    phase_plane,
    plane_colors,
)
from kuramoto_nn.plot._figures import (
    plot_curves,
    plot_kernels,
    plot_segmentation,
    plot_sphere,
    plot_trajectory,
)
from kuramoto_nn.plot._films import FILM_FORMATS, write_film

__all__ = [
    "FILM_FORMATS",
    "component_colors",
    "label_colors",
    "overlay_labels",
    "phase_colors",
    "phase_plane",
    "plane_colors",
    "plot_curves",
    "plot_kernels",
    "plot_segmentation",
    "plot_sphere",
    "plot_trajectory",
    "write_film",
]
