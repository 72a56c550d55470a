"""The rows of the paper's tables as configurations, by name, and what was published for them.

How a row is trained (batch, rate, epochs) is the business of `examples`. Names that end in
``-tiny`` are small enough to train in minutes on a CPU.

Reference: Miyato et al. (ICLR 2025), tables and appendix; the authors' gamma = 1 without natural
frequencies is `step_size` 0.5 here.
"""

from dataclasses import replace
from typing import TypeVar

from kuramoto_nn.models._config import (
    AKOrNClassifierConfig,
    AKOrNConfig,
    AKOrNSudokuConfig,
    GridConfig,
    ItrSAConfig,
    ItrSASudokuConfig,
    ObjectDiscoveryConfig,
)

GridConfigT = TypeVar("GridConfigT", bound=GridConfig)
ImageConfigT = TypeVar("ImageConfigT", bound=ObjectDiscoveryConfig)


def _convolution(config: ImageConfigT, kernel_size: int) -> ImageConfigT:
    return replace(config, coupling="convolution", kernel_size=kernel_size, position=None)


def _tiny(config: GridConfigT) -> GridConfigT:
    return replace(config, channels=64, num_heads=4)


_CLEVRTEX = AKOrNConfig(stimulus_norm="group")
_TETROMINOES = AKOrNConfig(image_size=32, patch_size=4, channels=128)
_DSPRITES = replace(_TETROMINOES, image_size=64)
_ITRSA_TETROMINOES = ItrSAConfig(image_size=32, patch_size=4, channels=128)
_ITRSA_DSPRITES = replace(_ITRSA_TETROMINOES, image_size=64)

AKORN_PRESETS = {
    "clevrtex-attn-l1": _CLEVRTEX,
    "clevrtex-attn-l2": replace(_CLEVRTEX, num_blocks=2),
    "clevrtex-large-l2": replace(_CLEVRTEX, num_blocks=2, channels=512),
    "tetrominoes-attn": _TETROMINOES,
    "tetrominoes-conv": _convolution(_TETROMINOES, 5),
    "dsprites-attn": _DSPRITES,
    "dsprites-conv": _convolution(_DSPRITES, 7),
    "clevr-attn": AKOrNConfig(),
    "clevr-conv": _convolution(AKOrNConfig(), 7),
    "clevrtex-attn-tiny": _tiny(_CLEVRTEX),
    "tetrominoes-attn-tiny": _tiny(_TETROMINOES),
    "tetrominoes-conv-tiny": _tiny(_convolution(_TETROMINOES, 5)),
    # The demo's own: larger and fewer steps learn more in the few minutes that it has.
    "tetrominoes-demo": replace(_TETROMINOES, step_size=1.0, num_steps=4),
}

ITRSA_PRESETS = {
    "clevrtex-itrsa-l1": ItrSAConfig(),
    "clevrtex-itrsa-l2": ItrSAConfig(num_blocks=2),
    "clevrtex-vit": ItrSAConfig(num_steps=1),
    "tetrominoes-itrsa": _ITRSA_TETROMINOES,
    "tetrominoes-itrconv": _convolution(_ITRSA_TETROMINOES, 5),
    "tetrominoes-demo-itrsa": replace(_ITRSA_TETROMINOES, num_steps=4),
    "dsprites-itrsa": _ITRSA_DSPRITES,
    "dsprites-itrconv": _convolution(_ITRSA_DSPRITES, 7),
    "clevr-itrsa": ItrSAConfig(),
    "clevr-itrconv": _convolution(ItrSAConfig(), 7),
    "clevrtex-itrsa-tiny": _tiny(ItrSAConfig()),
    "clevrtex-vit-tiny": _tiny(ItrSAConfig(num_steps=1)),
    "tetrominoes-itrsa-tiny": _tiny(_ITRSA_TETROMINOES),
    "tetrominoes-itrconv-tiny": _tiny(_convolution(_ITRSA_TETROMINOES, 5)),
}

SUDOKU_PRESETS = {
    "sudoku-akorn": AKOrNSudokuConfig(),
    "sudoku-akorn-tiny": _tiny(AKOrNSudokuConfig()),
}

ITRSA_SUDOKU_PRESETS = {
    "sudoku-itrsa": ItrSASudokuConfig(),
    "sudoku-transformer": ItrSASudokuConfig(num_steps=1, num_blocks=8),
    "sudoku-itrsa-tiny": _tiny(ItrSASudokuConfig()),
    "sudoku-transformer-tiny": _tiny(ItrSASudokuConfig(num_steps=1, num_blocks=8)),
}

CLASSIFIER_PRESETS = {
    "cifar10-akorn": AKOrNClassifierConfig(),
    "cifar10-akorn-tiny": AKOrNClassifierConfig(channels=16, kernel_sizes=(5, 5, 3)),
}
