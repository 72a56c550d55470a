"""Configuration of the image classifier."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kuramoto_nn.models._config.parts import Frequency, OscillatorConfig, StimulusNorm


@dataclass(frozen=True, kw_only=True)
class AKOrNClassifierConfig(OscillatorConfig):
    """Configuration of `AKOrNClassifier`; stage l has ``2^l channels``.

    Attributes:
        channels: Channels of the first stage.
        kernel_sizes: Side of the coupling's kernel, one for every stage.
        readout_kernel_size: Side of the kernels in the readout.
        readout_dim: Components that one length of the readout is taken over.
        num_classes: Classes.
        step_size: Step size gamma; the authors' value, as there are frequencies.
    """

    channels: int = 64
    num_steps: int = 3
    kernel_sizes: tuple[int, ...] = (9, 7, 5)
    readout_kernel_size: int = 3
    readout_dim: int = 2
    num_classes: int = 10
    oscillator_dim: int = 2
    step_size: float = 1.0
    stimulus_norm: StimulusNorm | None = "group"
    frequency: Frequency | None = "shared"

    def __post_init__(self):
        super().__post_init__()
        if not self.kernel_sizes:
            raise ValueError("`kernel_sizes` must name one kernel for every stage: got none")

    def example_input(self) -> Tensor:
        """A black image of CIFAR's size, ``(1, 3, 32, 32)``."""
        return torch.zeros(1, 3, 32, 32)
