"""The rows of the paper's object-discovery tables as configurations, by name.

How a row is trained (batch, rate, epochs) is the business of `examples/object_discovery`.
Reference: Miyato et al. (ICLR 2025), appendix; the authors' gamma = 1 is `step_size` 0.5 here.
"""

from dataclasses import replace
from typing import TypeVar

from kuramoto_nn.models.config import AKOrNConfig, ItrSAConfig

Config = TypeVar("Config", AKOrNConfig, ItrSAConfig)

_CLEVRTEX = AKOrNConfig(stimulus_norm="group")
_TETROMINOES = AKOrNConfig(image_size=32, patch_size=4, channels=128)
_DSPRITES = replace(_TETROMINOES, image_size=64)
_ITRSA_TETROMINOES = ItrSAConfig(image_size=32, patch_size=4, channels=128)
_ITRSA_DSPRITES = replace(_ITRSA_TETROMINOES, image_size=64)


def _convolution(config: Config, kernel_size: int) -> Config:
    return replace(config, coupling="convolution", kernel_size=kernel_size, position=None)


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
}
