"""Conversion of plain modules to the library's, with the same weights.

`kuramoto_nn.reference` reads the layout of the plain modules, with interleaved heads and pairs, so
that only names are translated here.
"""

import re
from typing import Any

from torch import nn

from benchmarks.baseline.kuramoto import PlainAttention, PlainKuramoto
from benchmarks.baseline.models import PlainAKOrN, PlainSudoku
from kuramoto_nn import reference

_LAYER = (
    (r"coupling\.qkv", "connectivity.W_qkv"),
    (r"coupling\.out", "connectivity.W_o"),
    (r"coupling\.rho_", "connectivity.mat_"),
    (r"coupling", "connectivity"),
    (r"\bnorm\.", "c_norm."),
    (r"\bomega$", "omg.omg_param"),
    (r".*\bgamma$", "gamma"),
)
_AKORN = (
    (r"^embed\.", "patchfy.1."),
    (r"^readouts\.(\d+)\.mix", r"layers.\1.1.invconv"),
    (r"^readouts\.(\d+)\.bias", r"layers.\1.1.bias"),
    (r"^layers\.(\d+)\.(?!1\.)", r"layers.\1.0."),
    (r"^head\.0", "out.3"),
    (r"^head\.2", "out.5"),
)
_SUDOKU = (
    (r"^embed\.", "embedding."),
    (r"^layer\.", "layers.0.0."),
    (r"^readout\.mix", "layers.0.1.0.invconv"),
    (r"^readout\.bias", "layers.0.1.0.bias"),
    (r"^first", "layers.0.1.1.fn.fn.0.fn.2"),
    (r"^second", "layers.0.1.1.fn.fn.1.fn.2"),
    (r"^third", "layers.0.1.2.fn.2"),
    (r"^out\.", "out.1."),
)


def to_library(plain: nn.Module, grid: tuple[int, int] | None = None) -> Any:
    """Build the library's layer or model with the same weights as a plain one.

    A layer with attention needs the height and width of its grid.
    """
    if isinstance(plain, PlainKuramoto):
        weights = _renamed(plain, _LAYER)
        gamma = weights.pop("gamma").item()
        return reference.load(weights, "layer", gamma=gamma, **_layer_arguments(plain, grid))
    assert isinstance(plain, PlainAKOrN | PlainSudoku)
    config = plain.config
    sizes = {
        "n": config.oscillator_dim,
        "ch": config.channels,
        "L": config.num_blocks,
        "T": config.num_steps,
        "heads": config.num_heads,
    }
    if isinstance(plain, PlainSudoku):
        return reference.load(_renamed(plain, _SUDOKU + _LAYER), "sudoku-akorn", **sizes)
    return reference.load(
        _renamed(plain, _AKORN + _LAYER),
        "akorn",
        **sizes,
        psize=plain.config.patch_size,
        imsize=plain.config.sides[0],
        J="conv" if config.coupling == "convolution" else "attn",
        ksize=config.kernel_size,
        c_norm="none" if plain.config.stimulus_norm is None else "gn",
    )


def _layer_arguments(plain: PlainKuramoto, grid: tuple[int, int] | None) -> dict[str, Any]:
    coupling = plain.coupling
    arguments = {
        "n": plain.oscillator_dim,
        "T": plain.num_steps,
        "c_norm": "none" if plain.norm is None else "gn",
        "use_omega": plain.omega is not None,
        "global_omg": True,
    }
    if isinstance(coupling, PlainAttention):
        attention = {"J": "attn", "gta": True, "heads": coupling.num_heads, "hw": grid}
        return arguments | attention | {"ch": coupling.out.out_channels}
    assert isinstance(coupling, nn.Conv2d)
    return arguments | {"J": "conv", "ksize": coupling.kernel_size[0], "ch": coupling.out_channels}


def _renamed(plain: nn.Module, names: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    weights = {}
    for name, value in plain.state_dict().items():
        for pattern, replacement in names:
            name = re.sub(pattern, replacement, name)
        weights[name] = value
    return weights
