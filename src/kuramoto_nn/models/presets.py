"""The rows of the paper's object-discovery tables as configurations, by name.

How a row is trained (batch, rate, epochs) is the business of `examples/object_discovery`.
Reference: Miyato et al. (ICLR 2025), appendix; the authors' gamma = 1 is `step_size` 0.5 here.
"""

from kuramoto_nn.models.config import AKOrNConfig, ItrSAConfig

_SMALL = {"channels": 128, "patch_size": 4}
_TETROMINOES = {"image_size": 32, **_SMALL}
_DSPRITES = {"image_size": 64, **_SMALL}

AKORN_PRESETS = {
    "clevrtex-attn-l1": AKOrNConfig(stimulus_norm="group"),
    "clevrtex-attn-l2": AKOrNConfig(stimulus_norm="group", num_blocks=2),
    "clevrtex-large-l2": AKOrNConfig(stimulus_norm="group", num_blocks=2, channels=512),
    "tetrominoes-attn": AKOrNConfig(**_TETROMINOES),
    "tetrominoes-conv": AKOrNConfig(
        **_TETROMINOES, coupling="convolution", kernel_size=5, position=None
    ),
    "dsprites-attn": AKOrNConfig(**_DSPRITES),
    "dsprites-conv": AKOrNConfig(**_DSPRITES, coupling="convolution", position=None),
    "clevr-attn": AKOrNConfig(),
    "clevr-conv": AKOrNConfig(coupling="convolution", position=None),
    # The demo's own: larger steps bind sooner, which is what ten minutes are short of.
    "tetrominoes-demo": AKOrNConfig(**_TETROMINOES, step_size=1.0),
}

ITRSA_PRESETS = {
    "clevrtex-itrsa-l1": ItrSAConfig(),
    "clevrtex-itrsa-l2": ItrSAConfig(num_blocks=2),
    "clevrtex-vit": ItrSAConfig(num_steps=1),
    "tetrominoes-itrsa": ItrSAConfig(**_TETROMINOES),
    "tetrominoes-itrconv": ItrSAConfig(
        **_TETROMINOES, coupling="convolution", kernel_size=5, position=None
    ),
    "dsprites-itrsa": ItrSAConfig(**_DSPRITES),
    "dsprites-itrconv": ItrSAConfig(**_DSPRITES, coupling="convolution", position=None),
    "clevr-itrsa": ItrSAConfig(),
    "clevr-itrconv": ItrSAConfig(coupling="convolution", position=None),
}
