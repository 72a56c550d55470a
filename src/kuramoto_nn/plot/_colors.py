"""Colours of phases (a projection onto a wheel of even lightness), of states, and of labels."""

import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer
from kuramoto_nn.clustering import pca
from kuramoto_nn.functional import count_oscillators

SPREAD_EPS = 1e-4
"""Sites closer together than this (root mean square) count as one, the centre of the plane."""

LIGHTNESS, CHROMA = (0.38, 0.80), 0.14
"""OKLCH lightness at the centre and at the rim of the plane, and chroma at the rim."""

RADIUS_EPS = 1e-6
"""Points nearer to the centre than this have no angle."""

BACKGROUND, IGNORED = "#262932", "#8a8d96"
PALETTE = (
    *("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"),
    *("#a86bfd", "#94c793", "#762b67", "#5df9f4", "#6b4300"),
)
"""Okabe and Ito's colours, then the most distinct ones for normal, protan and deutan vision."""


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


def phase_plane(states: Tensor, oscillator_dim: int, *, oscillator: int | None = None) -> Tensor:
    """Project every site into the unit disc, such that synchronised sites lie close together.

    ``q_t = (v_t - mean v_t) D``, where ``v_t`` are the states of the sites and D the two principal
    directions of the last state over the sites, the same for all steps. Each step is centred and
    divided by its root-mean-square radius, as only relative phases matter, and
    ``q / sqrt(1 + |q|^2)`` maps it into the disc. The centre is the mean state of all sites, and
    the spread of a step is not visible. The sign of each direction makes the outermost site of the
    last state positive, so that a common rotation of all oscillators changes nothing.

    Args:
        states: States of one image, ``(C, h, w)`` or ``(T + 1, C, h, w)``.
        oscillator_dim: Components N of an oscillator.
        oscillator: Index of the only oscillator of each site to show; for N = 2 without a
            projection, at its phase ``atan2(x_2, x_1)`` on the unit circle. None shows all.

    Returns:
        Points of the unit disc, ``(..., h, w, 2)``, at least float32.

    Raises:
        ValueError: If the states are not of that shape or not finite, or there is no such
            oscillator.

    Examples:
        >>> states = torch.tensor([[1.0, 1.0, -1.0, -1.0], [0.0, 0.0, 0.0, 0.0]]).view(2, 2, 2)
        >>> phase_plane(states, 2)[..., 0].round(decimals=2).abs()
        tensor([[0.7100, 0.7100], [0.7100, 0.7100]])
    """
    points = _sites(states)
    count = count_oscillators(points.shape[-1], oscillator_dim)
    if oscillator is not None:
        oscillator = as_integer("oscillator", oscillator)
        if not 0 <= oscillator < count:
            raise ValueError(
                f"`oscillator` must be one of the {count} oscillators: got {oscillator}; "
                f"try 0 to {count - 1}"
            )
        points = points.unflatten(-1, (count, oscillator_dim))[..., oscillator, :]
        if oscillator_dim == 2:
            return points
    sites = points.flatten(-3, -2)
    sites = sites - sites.mean(-2, keepdim=True)
    last = sites if sites.ndim == 2 else sites[-1]
    directions = torch.linalg.svd(last, full_matrices=False).Vh[:2]
    plane = torch.zeros(*sites.shape[:-1], 2, dtype=sites.dtype, device=sites.device)
    plane[..., : len(directions)] = sites @ directions.T
    reference = plane if plane.ndim == 2 else plane[-1]
    outermost = reference.gather(0, reference.abs().argmax(0, keepdim=True))
    plane = plane * torch.where(outermost < 0, -1.0, 1.0)
    spread = plane.square().sum(-1, keepdim=True).mean(-2, keepdim=True).sqrt()
    plane = torch.where(spread < SPREAD_EPS, 0.0, plane / spread.clamp_min(SPREAD_EPS))
    plane = plane / (1 + plane.square().sum(-1, keepdim=True)).sqrt()
    return plane.unflatten(-2, points.shape[-3:-1])


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


def component_colors(states: Tensor) -> Tensor:
    """Colour every site by the three principal components of all states, as red, green and blue.

    Unlike `phase_colors`, which shows each step relative to its mean, it shows the states
    themselves, so that waves and common rotations are visible.

    Args:
        states: States of one image, ``(C, h, w)`` or ``(T + 1, C, h, w)``.

    Returns:
        sRGB colours in [0, 1], ``(..., h, w, 3)``: components in [-1, 1], others clipped.

    Raises:
        ValueError: If the states have another shape or are not finite.

    Examples:
        >>> component_colors(torch.randn(9, 4, 8, 8)).shape
        torch.Size([9, 8, 8, 3])
    """
    sites = _sites(states)
    components = pca(sites.reshape(1, -1, sites.shape[-1]).float(), 3)[0]
    colors = sites.new_full((len(components), 3), 0.5, dtype=torch.float32)
    colors[:, : components.shape[1]] = (1 + components.clamp(-1, 1)) / 2
    return colors.view(*sites.shape[:-1], 3)


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


def overlay_labels(
    images: Tensor, labels: Tensor, *, opacity: float = 0.5, background: int | None = None
) -> Tensor:
    """Lay the colours of labels over images.

    Args:
        images: ``(..., 3, H, W)`` in [0, 1], or uint8.
        labels: Integers ``(..., H, W)``.
        opacity: Share of the labels' colours.
        background: As in `label_colors`.

    Returns:
        sRGB colours in [0, 1], ``(..., H, W, 3)``.

    Raises:
        ValueError: If the shapes do not fit, or the labels are not integers.

    Examples:
        >>> overlay_labels(torch.zeros(3, 1, 1), torch.zeros(1, 1, dtype=torch.long))
        tensor([[[0.4510, 0.3118, 0.0000]]])
    """
    pixels = images.movedim(-3, -1)
    if pixels.shape != (*labels.shape, 3):
        raise ValueError(
            f"`images` and `labels` must be (..., 3, H, W) and (..., H, W): got "
            f"{tuple(images.shape)} and {tuple(labels.shape)}"
        )
    pixels = pixels / 255 if pixels.dtype == torch.uint8 else pixels.float()
    return torch.lerp(pixels, label_colors(labels, background), opacity)


def _sites(states: Tensor) -> Tensor:
    """Sites ``(..., h, w, C)`` of one image, at least float32."""
    if states.ndim not in (3, 4) or states.numel() == 0:
        raise ValueError(
            f"`states` must be (C, h, w) or (T + 1, C, h, w), one image: got "
            f"{tuple(states.shape)}; try trajectory.states[:, 0]"
        )
    if not states.isfinite().all():
        raise ValueError("`states` must be finite: got NaN or infinity; look at the run's loss")
    return states.detach().to(torch.promote_types(states.dtype, torch.float32)).movedim(-3, -1)
