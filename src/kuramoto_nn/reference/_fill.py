"""Copy the authors' tensors into our modules: one function per module."""

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
from kuramoto_nn.models._itrsa import ItrSABlock
from kuramoto_nn.reference._reader import StateDictReader


def fill_layer(reader: StateDictReader, layer: KuramotoLayer, prefix: str) -> None:
    """A Kuramoto layer; its step size is filled by the caller."""
    fill_coupling(reader, layer.coupling, f"{prefix}connectivity.")
    if layer.frequency is not None:
        assert isinstance(layer.frequency, NaturalFrequency)
        speeds = layer.frequency.weight  # theirs lists the planes of all oscillators in one row
        planes = tuple(speeds.reshape(-1, speeds.shape[-1]).shape)
        reader.fill(speeds, f"{prefix}omg.omg_param", shape=planes)
    norm = layer.stimulus_norm
    if norm is not None:
        scale = "weight" if isinstance(norm, OscillatorNorm) else "scale"
        reader.affine(norm, f"{prefix}c_norm.", (scale, "bias"))


def fill_coupling(reader: StateDictReader, coupling: nn.Module, prefix: str) -> None:
    """A convolution, or attention: theirs interleaves the heads, ours has head after head."""
    if isinstance(coupling, ConvCoupling):
        reader.affine(coupling, prefix)
        return
    assert isinstance(coupling, AttentionCoupling)
    channels, heads = coupling.channels, coupling.num_heads
    head_dim = channels // heads
    # Their channel of (head, component).
    order = torch.arange(channels, device="cpu").view(head_dim, heads).T
    position = coupling.position
    if position is not None:  # the two channels of a pair: side by side there, apart here
        order = order.unflatten(1, (-1, 2)).transpose(1, 2)
    order = order.flatten()

    def rows(qkv: Tensor) -> Tensor:
        return qkv.unflatten(0, (3, channels))[:, order]

    reader.fill(coupling.qkv.weight, f"{prefix}W_qkv.weight", convert=rows)
    reader.fill(coupling.qkv.bias, f"{prefix}W_qkv.bias", convert=rows)
    reader.fill(coupling.out.weight, f"{prefix}W_o.weight", convert=lambda out: out[:, order])
    reader.fill(coupling.out.bias, f"{prefix}W_o.bias")
    if position is not None:
        reader.fill(
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


def fill_norm_readout(reader: StateDictReader, readout: NormReadout, prefix: str) -> None:
    """The lengths of linear combinations of oscillators."""
    reader.affine(readout.mix, f"{prefix}invconv.")
    reader.fill(readout.bias, f"{prefix}bias")


def fill_feed_forward_readout(
    reader: StateDictReader, readout: FeedForwardReadout, prefix: str
) -> None:
    """The norm readout and the residual network behind it; units are (norm, relu, convolution)."""
    fill_norm_readout(reader, readout.readout, f"{prefix}0.")
    units = [(unit, f"{prefix}1.fn.fn.{i}.fn.") for i, unit in enumerate(readout.residual)]
    for unit, name in [*units, (readout.out, f"{prefix}2.fn.")]:
        *before, _, convolve = unit
        reader.affine(convolve, f"{name}2.")
        for norm in before:
            reader.affine(norm, f"{name}0.")
            for statistic in ("running_mean", "running_var", "num_batches_tracked"):
                reader.fill(getattr(norm, statistic), f"{name}0.{statistic}")


def fill_itrsa_block(
    reader: StateDictReader, block: ItrSABlock, prefix: str, *, norm_names: tuple[str, str]
) -> None:
    """A block of iterated attention; the two of a norm are called differently with images."""
    fill_coupling(reader, block.mix, f"{prefix}attn.")
    reader.affine(block.mix_norm, f"{prefix}layernorm1.", norm_names)
    reader.affine(block.mlp_norm, f"{prefix}layernorm2.", norm_names)
    for index in (0, 2):
        reader.affine(block.mlp[index], f"{prefix}mlp.{index}.")


def fill_images(reader: StateDictReader, embed: PatchEmbed, head: PooledHead) -> None:
    """Both ends of an object-discovery model."""
    reader.affine(embed.conv, "patchfy.1.")
    reader.affine(head.hidden, "out.3.")
    reader.affine(head.out, "out.5.")
