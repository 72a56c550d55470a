"""The energy as the authors' code reports it."""

import torch
from torch import Tensor

from kuramoto_nn.layers import KuramotoLayer


def energies(layer: KuramotoLayer, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
    """Energies of a call in the authors' convention, to compare logs with.

    Theirs is ``-sum_i x_i . ((J x)_i + c_i)``, without the 1/2 on the pair term; entry t > 0
    belongs to the state *before* update t, and entry 0 is a placeholder zero. Ours
    (`KuramotoLayer.energy`) is the function that the dynamics descend.

    Args:
        layer: The layer.
        x: Where the oscillators start, ``(B, C, *S)``.
        c: Stimulus, same shape.
        num_steps: T; the layer's own if None.

    Returns:
        Shape ``(T + 1, B)``.
    """
    trajectory = layer.trajectory(x, c, num_steps=num_steps)
    stimulus = c if layer.stimulus_norm is None else layer.stimulus_norm(c)
    wide = trajectory.energies.dtype
    along = (trajectory.states.to(wide) * stimulus.to(wide)).flatten(2).sum(2)
    theirs = 2 * trajectory.energies + along
    return torch.cat((torch.zeros_like(theirs[:1]), theirs[:-1]))
