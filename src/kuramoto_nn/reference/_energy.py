"""The energy as the authors' code reports it."""

import torch
from torch import Tensor

from kuramoto_nn import functional
from kuramoto_nn.layers import KuramotoLayer


def energy(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    """Energy of a state in the authors' convention, ``-sum_i x_i . ((J x)_i + c_i)``.

    Without the 1/2 on the pair term of `kuramoto_nn.functional.energy`, the function that the
    dynamics descend. For ``energy=`` of `KuramotoLayer.rollout` and `AKOrNSudoku.rollout`.

    Args:
        x: Oscillators, shape ``(B, ...)``.
        coupled: ``J x``, same shape.
        stimulus: c, same shape.

    Returns:
        One energy per sample, shape ``(B,)``, float32 or wider.

    Examples:
        >>> x = torch.tensor([[1.0, 0.0]])
        >>> energy(x, coupled=2 * x, stimulus=torch.tensor([[0.5, 3.0]]))
        tensor([-2.5000])
    """
    return functional.energy(x, 2 * coupled, stimulus)


def energies(layer: KuramotoLayer, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
    """Energies of a call as the authors' code logs them.

    Entry t > 0 is `energy` of the state *before* update t, and entry 0 a placeholder zero.

    Args:
        layer: The layer.
        x: Start of the oscillators, ``(B, C, *S)``.
        c: Stimulus, same shape.
        num_steps: T; the layer's own if None.

    Returns:
        Shape ``(T + 1, B)``.
    """
    values = layer.rollout(x, c, num_steps=num_steps, energy=energy).energies
    return torch.cat((torch.zeros_like(values[:1]), values[:-1]))
