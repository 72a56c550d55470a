"""The authors' tensors into our modules: one function per module, which names what it takes."""

from math import prod

import torch
from torch import Tensor, nn

from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling
from kuramoto_nn.layers import (
    FeedForwardReadout,
    KuramotoLayer,
    NaturalFrequency,
    NormReadout,
    OscillatorNorm,
    PatchEmbed,
    PooledHead,
)
from kuramoto_nn.models.itrsa import ItrSABlock
from kuramoto_nn.reference.tensors import Tensors


def fill_layer(tensors: Tensors, layer: KuramotoLayer, prefix: str) -> None:
    """A Kuramoto layer; its step size is filled by the caller."""
    fill_coupling(tensors, layer.coupling, f"{prefix}connectivity.")
    if layer.frequency is not None:
        assert isinstance(layer.frequency, NaturalFrequency)
        speeds = layer.frequency.weight  # theirs lists the planes of all oscillators in one row
        planes = tuple(speeds.flatten(0, -2).shape) if speeds.ndim > 1 else tuple(speeds.shape)
        tensors.fill(speeds, f"{prefix}omg.omg_param", shape=planes)
    norm = layer.stimulus_norm
    if norm is not None:
        scale = "weight" if isinstance(norm, OscillatorNorm) else "scale"
        tensors.affine(norm, f"{prefix}c_norm.", (scale, "bias"))


def fill_coupling(tensors: Tensors, coupling: nn.Module, prefix: str) -> None:
    """A convolution, or attention: theirs interleaves the heads, ours has head after head."""
    if isinstance(coupling, ConvCoupling):
        tensors.affine(coupling, prefix)
        return
    assert isinstance(coupling, AttentionCoupling)
    channels, heads = coupling.channels, coupling.num_heads
    head_dim = channels // heads
    order = torch.arange(channels).view(head_dim, heads)  # their channel of (component, head)
    position = coupling.position
    if position is not None:  # the two channels of a pair: side by side there, apart here
        order = order.unflatten(0, (-1, 2)).transpose(0, 1).flatten(0, 1)
    order = order.T.flatten()

    def rows(qkv: Tensor) -> Tensor:
        return qkv.unflatten(0, (3, channels))[:, order]

    tensors.fill(coupling.qkv.weight, f"{prefix}W_qkv.weight", convert=rows)
    tensors.fill(coupling.qkv.bias, f"{prefix}W_qkv.bias", convert=rows)
    tensors.fill(coupling.out.weight, f"{prefix}W_o.weight", convert=lambda out: out[:, order])
    tensors.fill(coupling.out.bias, f"{prefix}W_o.bias")
    if position is not None:
        tensors.fill(
            position.weight,
            *(f"{prefix}mat_{name}" for name in "qkvo"),
            shape=(prod(position.grid), head_dim // 2, 2, 2),
            convert=_transforms,
        )


def _transforms(*rho: Tensor) -> Tensor:
    """2x2 matrices ``(sites, pairs, 2, 2)`` of q, k, v, o as our ``(2, sites, 4, 2, pairs)``."""
    matrices = torch.stack(rho, 1)
    diagonal = torch.stack((matrices[..., 0, 0], matrices[..., 1, 1]), -2)
    rest = torch.stack((matrices[..., 0, 1], matrices[..., 1, 0]), -2)
    return torch.stack((diagonal, rest))


def fill_norm_readout(tensors: Tensors, readout: NormReadout, prefix: str) -> None:
    """The lengths of linear combinations of oscillators."""
    tensors.affine(readout.mix, f"{prefix}invconv.")
    tensors.fill(readout.bias, f"{prefix}bias")


def fill_feed_forward_readout(tensors: Tensors, readout: FeedForwardReadout, prefix: str) -> None:
    """The norm readout and the residual network behind it; units are (norm, relu, convolution)."""
    fill_norm_readout(tensors, readout.readout, f"{prefix}0.")
    units = [(unit, f"{prefix}1.fn.fn.{i}.fn.") for i, unit in enumerate(readout.residual)]
    for unit, name in [*units, (readout.out, f"{prefix}2.fn.")]:
        *before, _, convolve = unit
        tensors.affine(convolve, f"{name}2.")
        for norm in before:
            tensors.affine(norm, f"{name}0.")
            for statistic in ("running_mean", "running_var", "num_batches_tracked"):
                tensors.fill(getattr(norm, statistic), f"{name}0.{statistic}")


def fill_itrsa_block(
    tensors: Tensors, block: ItrSABlock, prefix: str, *, norm_names: tuple[str, str]
) -> None:
    """A block of iterated attention; the two of a norm are called differently with images."""
    fill_coupling(tensors, block.mix, f"{prefix}attn.")
    tensors.affine(block.mix_norm, f"{prefix}layernorm1.", norm_names)
    tensors.affine(block.mlp_norm, f"{prefix}layernorm2.", norm_names)
    for index in (0, 2):
        tensors.affine(block.mlp[index], f"{prefix}mlp.{index}.")


def fill_images(tensors: Tensors, embed: PatchEmbed, head: PooledHead) -> None:
    """Both ends of an object-discovery model."""
    tensors.affine(embed.conv, "patchfy.1.")
    tensors.affine(head.hidden, "out.3.")
    tensors.affine(head.out, "out.5.")
