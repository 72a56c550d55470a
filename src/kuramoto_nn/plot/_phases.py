"""Projection of the sites of all states onto one plane, for colours."""

import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer
from kuramoto_nn.functional import count_oscillators

SPREAD_EPS = 1e-4
"""Sites closer together than this (root mean square) count as one, the centre of the plane."""


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
    if states.ndim not in (3, 4):
        raise ValueError(
            f"`states` must be (C, h, w) or (T + 1, C, h, w), one image: got "
            f"{tuple(states.shape)}; try trajectory.states[:, 0]"
        )
    count = count_oscillators(states.shape[-3], oscillator_dim)
    if not states.isfinite().all():
        raise ValueError("`states` must be finite: got NaN or infinity; look at the run's loss")
    points = states.detach().to(torch.promote_types(states.dtype, torch.float32)).movedim(-3, -1)
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
