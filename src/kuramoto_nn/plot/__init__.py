"""Phases, segments and trajectories as pictures.

Colours are tensors; figures need matplotlib (the extra `plot`).

A site's K oscillators are one point of R^C. All states are projected onto one plane, in which
synchronised sites lie close to each other: the angle is the hue, the radius the strength of the
colour.
"""

from kuramoto_nn.plot._colors import label_colors, phase_colors, phase_plane, plane_colors
from kuramoto_nn.plot._figures import plot_segmentation, plot_trajectory

__all__ = [
    "label_colors",
    "phase_colors",
    "phase_plane",
    "plane_colors",
    "plot_segmentation",
    "plot_trajectory",
]
