"""One small model of every family, and what goes into it."""

from typing import Any

import torch
from torch import Tensor

from kuramoto_nn.models import (
    AKOrN,
    AKOrNClassifier,
    AKOrNSudoku,
    ItrSA,
    ItrSASudoku,
    Model,
    create_model,
)

ALL = {
    "attention": lambda: AKOrN.from_preset("tetrominoes-attn-tiny", num_steps=2),
    "convolution": lambda: AKOrN.from_preset(
        "tetrominoes-conv-tiny", num_steps=2, frequency="shared", stimulus_norm="scale"
    ),
    "deep": lambda: AKOrN.from_preset(
        "clevrtex-attn-tiny",
        num_blocks=2,
        num_steps=2,
        image_size=32,
        map_oscillators=True,
        position="sincos",
        frequency="per-oscillator",
        trainable_step_size=True,
    ),
    "ablations": lambda: AKOrN.from_preset(
        "tetrominoes-attn-tiny", num_blocks=2, num_steps=2, readout=None, project=False
    ),
    "mixed": lambda: create_model(
        "tetrominoes-attn-tiny",
        num_blocks=2,
        num_steps=2,
        coupling=("convolution", "attention"),
        kernel_size=(5, 3),
        oscillator_dim=(2, 4),
    ),
    "itrsa": lambda: ItrSA.from_preset("tetrominoes-itrsa-tiny", num_blocks=2, num_steps=2),
    "itrconv": lambda: ItrSA.from_preset("tetrominoes-itrconv-tiny", num_steps=2),
    "sudoku": lambda: AKOrNSudoku.from_preset("sudoku-akorn-tiny", num_steps=2),
    "sudoku-plain": lambda: AKOrNSudoku.from_preset(
        "sudoku-akorn-tiny", num_blocks=2, num_steps=2, readout="norm", position="sincos"
    ),
    "sudoku-itrsa": lambda: ItrSASudoku.from_preset("sudoku-itrsa-tiny", num_steps=2),
    "classifier": lambda: AKOrNClassifier.from_preset(
        "cifar10-akorn-tiny", channels=8, num_steps=2
    ),
    "classifier-mixed": lambda: create_model(
        "cifar10-akorn-mix",
        channels=8,
        num_steps=2,
        kernel_size=(5, 3, 3),
        num_heads=4,
        oscillator_dim=(2, 4, 2),
        readout_dim=(2, 2, 4),
    ),
}


def build(name: str, seed: int = 0) -> Any:
    """A model with random weights; the zero biases of fresh readouts too."""
    torch.manual_seed(seed)
    model = ALL[name]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1 and parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def inputs(model: Model, batch: int = 3, seed: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Images or puzzles, and noise where the model takes any."""
    generator = torch.Generator().manual_seed(seed)
    example = model.config.example_input()
    shape = (batch, *example.shape[1:])
    if example.is_floating_point():
        given = torch.rand(shape, generator=generator)
    else:
        given = torch.randint(0, 10, shape, generator=generator)
    if isinstance(model, ItrSA | ItrSASudoku):
        return given, {}
    shape = (batch, model.config.channels, *model.config.grid)
    return given, {"noise": torch.randn(shape, generator=generator)}
