"""A block of oscillators: a Kuramoto layer and its readout, and what the first one starts from."""

import torch
from torch import Tensor, nn

from kuramoto_nn.layers import KuramotoLayer


class KuramotoBlock(nn.Module):
    """A Kuramoto layer and its readout: from one block's oscillators and stimulus to the next's.

    Args:
        layer: The layer.
        readout: From oscillators to features, the next stimulus; None passes the oscillators on.
        oscillator_map: What the oscillators pass on their way; None leaves them.

    Shape:
        x and c ``(B, C, *S)`` to the next block's x and c.
    """

    def __init__(
        self,
        layer: KuramotoLayer,
        readout: nn.Module | None,
        oscillator_map: nn.Module | None = None,
    ):
        super().__init__()
        self.layer, self.readout, self.oscillator_map = layer, readout, oscillator_map

    def forward(
        self, x: Tensor, c: Tensor, *, num_steps: int | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.read(self.layer(x, c, num_steps=num_steps))

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Oscillators and stimulus of the next block, from the last state of this one."""
        features = x if self.readout is None else self.readout(x)
        return x if self.oscillator_map is None else self.oscillator_map(x), features


def start_noise(
    stimulus: Tensor,
    noise: Tensor | None,
    generator: torch.Generator | None,
    *,
    dtype: torch.dtype,
) -> Tensor:
    """Where the oscillators start: the noise that was given, or standard normal noise.

    Args:
        stimulus: Gives shape and device.
        noise: The noise; drawn if None.
        generator: What draws it; the global generator if None.
        dtype: Type of the result, that of the weights (under autocast the stimulus has another).

    Returns:
        Noise of the stimulus' shape.

    Raises:
        ValueError: If the given noise has another shape.
    """
    if noise is None:
        wide = torch.promote_types(dtype, torch.float32)
        noise = torch.randn(stimulus.shape, generator=generator, dtype=wide, device=stimulus.device)
    if noise.shape != stimulus.shape:
        raise ValueError(
            f"`noise` must have the shape of the stimulus, {tuple(stimulus.shape)}: got "
            f"{tuple(noise.shape)}"
        )
    return noise.to(dtype)
