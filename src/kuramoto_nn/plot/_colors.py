"""Colours of phases (a wheel of even lightness) and of labels (a palette)."""

import torch
from torch import Tensor

from kuramoto_nn.plot._phases import phase_plane

LIGHTNESS, CHROMA = (0.38, 0.80), 0.14
"""OKLCH lightness at the centre and at the rim of the plane, and chroma at the rim."""

RADIUS_EPS = 1e-6
"""Points nearer to the centre than this have no angle."""

BACKGROUND, IGNORED = "#262932", "#8a8d96"
PALETTE = (
    *("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"),
    *("#a86bfd", "#94c793", "#762b67", "#5df9f4", "#6b4300"),
)
"""Okabe and Ito's colours, then those farthest from them to normal, protan and deutan eyes."""


def phase_colors(states: Tensor, oscillator_dim: int, *, oscillator: int | None = None) -> Tensor:
    """Colour every site by its phases: ``plane_colors(phase_plane(…))``.

    Args:
        states: As `phase_plane` takes them.
        oscillator_dim: Components N of an oscillator.
        oscillator: Shows only this one of the K oscillators.

    Returns:
        sRGB colours in [0, 1], ``(T + 1, h, w, 3)``, or ``(h, w, 3)`` of a single state.

    Raises:
        ValueError: As `phase_plane`.

    Examples:
        >>> phase_colors(torch.randn(9, 128, 8, 8), 4).shape
        torch.Size([9, 8, 8, 3])
    """
    return plane_colors(phase_plane(states, oscillator_dim, oscillator=oscillator))


def plane_colors(points: Tensor) -> Tensor:
    """Colour the unit disc: the angle is the hue in OKLCH, the squared radius the strength.

    Lightness and chroma go from a dark gray at the centre to a wheel of even lightness at the rim.

    Args:
        points: Points of the unit disc, ``(..., 2)``.

    Returns:
        sRGB colours in [0, 1], ``(..., 3)``.

    Reference:
        B. Ottosson, *A perceptual color space for image processing* (2020).

    Examples:
        >>> plane_colors(torch.tensor([[0.0, 0.0], [1.0, 0.0]])).round(decimals=1)
        tensor([[0.3000, 0.3000, 0.3000], [1.0000, 0.6000, 0.7000]])
    """
    radius = points.norm(dim=-1, keepdim=True)
    strength = radius.square().clamp_max(1)
    low, high = LIGHTNESS
    lightness = low + (high - low) * strength
    a, b = (CHROMA * strength * points / radius.clamp_min(RADIUS_EPS)).split(1, -1)
    cone_l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    cone_m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    cone_s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * cone_l - 3.3077115913 * cone_m + 0.2309699292 * cone_s
    green = -1.2684380046 * cone_l + 2.6097574011 * cone_m - 0.3413193965 * cone_s
    blue = -0.0041960863 * cone_l - 0.7034186147 * cone_m + 1.7076147010 * cone_s
    linear = torch.cat((red, green, blue), -1).clamp(0, 1)
    curved = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved).clamp(0, 1)


def label_colors(labels: Tensor, background: int | None = 0) -> Tensor:
    """Colour a label map with a categorical palette that colour-blind eyes can tell apart.

    Args:
        labels: Integers of any shape; negative ones (ignored pixels) become gray. The palette has
            12 colours and starts again after them.
        background: The label drawn dark; None if there is none.

    Returns:
        sRGB colours in [0, 1], ``(..., 3)``.

    Raises:
        ValueError: If the labels are not integers.

    Examples:
        >>> label_colors(torch.tensor([0, 1])).round(decimals=2)
        tensor([[0.1500, 0.1600, 0.2000], [0.9000, 0.6200, 0.0000]])
    """
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"`labels` must be integers: got {labels.dtype}; try labels.long()")
    hexes = (*PALETTE, IGNORED, BACKGROUND)
    rgb = [[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in hexes]
    palette = torch.tensor(rgb, device=labels.device)
    labels = labels.long()
    first = 0 if background is None else 1
    index = torch.where(labels < 0, len(PALETTE), (labels - first) % len(PALETTE))
    if background is not None:
        index = torch.where(labels == background, len(PALETTE) + 1, index)
    return palette[index]
