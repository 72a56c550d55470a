"""The authors' numbers (../shared/golden) and their weights under our names.

The permutation is in facts/akorn.md: their channel of a head is ``c * heads + head`` with the two
channels of a GTA pair side by side; ours are head after head, the halves of the pairs apart.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling


class Golden(NamedTuple):
    meta: dict
    weights: dict[str, Tensor]
    arrays: dict[str, Tensor]


def read(folder: Path, name: str) -> Golden:
    file = np.load(folder / "golden" / f"{name}.npz")
    weights, arrays = {}, {}
    for key in file.files:
        if key.startswith("state_dict/"):
            weights[key.removeprefix("state_dict/")] = torch.from_numpy(file[key])
        elif key != "meta":
            arrays[key] = torch.from_numpy(file[key])
    return Golden(json.loads(str(file["meta"])), weights, arrays)


def load_convolution(coupling: ConvCoupling, weights: dict[str, Tensor], prefix: str) -> None:
    load(coupling, {name: weights[prefix + name] for name in ("weight", "bias")})


def load_attention(coupling: AttentionCoupling, weights: dict[str, Tensor], prefix: str) -> None:
    channels, heads = coupling.channels, coupling.num_heads
    pairs = channels // heads // 2
    order = torch.arange(channels).view(pairs, 2, heads).permute(2, 1, 0).flatten()
    qkv = weights[prefix + "W_qkv.weight"].view(3, channels, channels)[:, order].flatten(0, 1)
    state = {
        "qkv.weight": qkv,
        "qkv.bias": weights[prefix + "W_qkv.bias"].view(3, channels)[:, order].flatten(),
        "out.weight": weights[prefix + "W_o.weight"].flatten(1)[:, order],
        "out.bias": weights[prefix + "W_o.bias"],
    }
    if coupling.position is not None:
        rho = torch.stack([weights[f"{prefix}mat_{name}"] for name in "qkvo"], 1)
        diagonal = torch.stack((rho[..., 0, 0], rho[..., 1, 1]), -2)
        rest = torch.stack((rho[..., 0, 1], rho[..., 1, 0]), -2)
        state["position.weight"] = torch.stack((diagonal, rest)).view_as(coupling.position.weight)
    load(coupling, state)


def load(module: torch.nn.Module, state: dict[str, Tensor]) -> None:
    """Load every parameter of a module, reshaped (1x1 convolutions are linear maps here)."""
    own = module.state_dict()
    module.load_state_dict({name: value.view_as(own[name]) for name, value in state.items()})
