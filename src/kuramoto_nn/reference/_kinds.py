"""The kinds of module that the authors' code saves: how each is built, and filled from a file.

Every ``fill_`` function copies the tensors below a prefix of the authors' names into one module.
"""

from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import listed
from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling
from kuramoto_nn.layers import FeedForwardReadout, KuramotoLayer, NormReadout, OscillatorNorm
from kuramoto_nn.models import AKOrN, AKOrNClassifier, AKOrNSudoku, ItrSA, ItrSASudoku
from kuramoto_nn.models._itrsa import ItrSABlock
from kuramoto_nn.models._parts import build_layer as build_kuramoto_layer
from kuramoto_nn.reference._arguments import (
    AKOrNArguments,
    ClassifierArguments,
    ItrSAArguments,
    LayerArguments,
    SudokuAKOrNArguments,
    SudokuTransformerArguments,
)


class StateDictReader:
    """Copies tensors, by the authors' names, into modules, and collects all mismatches."""

    def __init__(self, tensors: dict[str, Tensor]):
        self._tensors = tensors
        self._used: set[str] = set()
        self._filled: set[int] = set()
        self._problems: list[str] = []

    @property
    def dtype(self) -> torch.dtype:
        """The widest floating-point type among the tensors."""
        types = [value.dtype for value in self._tensors.values() if value.is_floating_point()]
        return reduce(torch.promote_types, types) if types else torch.float32

    def number(self, name: str) -> float:
        """Take a tensor of one finite number; 1.0 if it is not one, which `finish` reports."""
        value = self._take(name, (1,), torch.ones(1))
        if value is not None and not value.isfinite().all():
            self._problems.append(f"`{name}` is not finite")
            return 1.0
        return 1.0 if value is None else value.item()

    def fill(
        self,
        target: Tensor,
        *names: str,
        shape: tuple[int, ...] | None = None,
        convert: Callable[..., Tensor] = lambda tensor: tensor,
    ) -> None:
        """Copy one or several tensors into a parameter or buffer.

        Each must have the given shape (the target's if None) up to axes of length one; ``convert``
        makes the target's value from them.
        """
        self._filled.add(id(target))
        expected = tuple(target.shape) if shape is None else shape
        values = [self._take(name, expected, target) for name in names]
        present = [value for value in values if value is not None]
        if len(present) == len(values):
            with torch.no_grad():
                target.copy_(convert(*present).reshape(target.shape))

    def affine(
        self, module: nn.Module, prefix: str, names: tuple[str, str] = ("weight", "bias")
    ) -> None:
        """Fill ``weight`` and, if there is one, ``bias``; ``names`` are the authors' for both."""
        for ours, theirs in zip(("weight", "bias"), names, strict=True):
            target = getattr(module, ours)
            if target is not None:
                self.fill(target, f"{prefix}{theirs}")

    def skip(self, *names: str) -> None:
        """Ignore tensors that our modules do not need, whether they are present or not."""
        self._used |= set(names)

    def finish(self, module: nn.Module, where: str) -> None:
        """Raise ValueError if a tensor was missing, left over or of a wrong shape or type."""
        unknown = [f"`{name}` is unknown" for name in self._tensors if name not in self._used]
        if problems := self._problems + unknown:
            raise ValueError(
                f"{where} does not fit the kind and arguments given: {listed(problems)}"
            )
        own = module.state_dict(keep_vars=True)
        assert [name for name, value in own.items() if id(value) not in self._filled] == []

    def _take(self, name: str, expected: tuple[int, ...], like: Tensor) -> Tensor | None:
        self._used.add(name)
        if name not in self._tensors:
            self._problems.append(f"`{name}` is missing")
            return None
        value = self._tensors[name]
        if [n for n in value.shape if n != 1] != [n for n in expected if n != 1]:
            self._problems.append(f"`{name}` has shape {tuple(value.shape)}, expected {expected}")
            return None
        if value.is_floating_point() != like.is_floating_point() or value.is_complex():
            self._problems.append(f"`{name}` has type {value.dtype}")
            return None
        if value.layout != torch.strided or value.is_quantized:
            self._problems.append(f"`{name}` is sparse or quantised, expected plain numbers")
            return None
        return value.reshape(expected)


def build_layer(arguments: LayerArguments, reader: StateDictReader) -> KuramotoLayer:
    """One Kuramoto layer, whose gamma is an argument."""
    layer = _blank(build_kuramoto_layer, arguments.config(arguments.gamma), reader)
    fill_layer(reader, layer, "")
    return layer


def build_akorn(arguments: AKOrNArguments, reader: StateDictReader) -> AKOrN:
    """AKOrN for object discovery."""
    model = _blank(AKOrN, arguments.config(reader.number("gamma")), reader)
    fill_images(reader, model)
    for name, position in (("pemb_x", model.position_x), ("pemb_c", model.position_c)):
        if position is not None:
            reader.fill(position.weight, name)
    for i, block in enumerate(model.blocks):
        fill_layer(reader, block.layer, f"layers.{i}.0.")
        if block.readout is not None:
            fill_norm_readout(reader, block.readout, f"layers.{i}.1.")
        if block.oscillator_map is not None:
            reader.affine(block.oscillator_map, f"layers.{i}.2.")
    return model


def build_itrsa(arguments: ItrSAArguments, reader: StateDictReader) -> ItrSA:
    """Iterated self-attention on images."""
    model = _blank(ItrSA, arguments.config(), reader)
    fill_images(reader, model)
    if model.position is not None:
        reader.fill(model.position.weight, "pos_embed")
    fill_itrsa(reader, model, ("gamma", "beta"))
    return model


def build_sudoku_akorn(arguments: SudokuAKOrNArguments, reader: StateDictReader) -> AKOrNSudoku:
    """AKOrN on Sudoku; each of our blocks has a step size of its own, theirs share one."""
    model = _blank(AKOrNSudoku, arguments.config(reader.number("gamma")), reader)
    reader.fill(model.embed.weight, "embedding.weight")
    reader.skip("x0")
    for i, block in enumerate(model.blocks):
        fill_layer(reader, block.layer, f"layers.{i}.0.")
        reader.fill(block.layer.step_size, "gamma", shape=(1,), convert=arguments.step_size)
        if arguments.nl:
            fill_feed_forward_readout(reader, block.readout, f"layers.{i}.1.")
        else:
            fill_norm_readout(reader, block.readout, f"layers.{i}.1.0.")
    reader.affine(model.out, "out.1.")
    return model


def build_sudoku_transformer(
    arguments: SudokuTransformerArguments, reader: StateDictReader
) -> ItrSASudoku:
    """Iterated self-attention, or a transformer, on Sudoku."""
    model = _blank(ItrSASudoku, arguments.config(), reader)
    reader.fill(model.embed.weight, "embedding.weight")
    if model.position is not None:
        cells = (81, arguments.ch)
        reader.fill(model.position.weight, "pos_embed", shape=cells, convert=lambda rows: rows.T)
    fill_itrsa(reader, model, ("weight", "bias"))
    reader.affine(model.out, "out.1.")
    return model


def build_classifier(arguments: ClassifierArguments, reader: StateDictReader) -> AKOrNClassifier:
    """The image classifier; its files hold every transition twice."""
    model = _blank(AKOrNClassifier, arguments.config(reader.number("gamma")), reader)
    reader.affine(model.stem, "conv0.")
    for i, transition in enumerate(model.transitions, start=1):
        reader.affine(transition, f"layers.{i}.0.1.")
        reader.affine(transition, f"layers.{i}.0.0.")
    for i, block in enumerate(model.blocks):
        fill_layer(reader, block.layer, f"layers.{i}.2.")
        fill_feed_forward_readout(reader, block.readout, f"layers.{i}.3.")
    reader.affine(model.out, "out.")
    return model


KINDS = {
    "layer": (LayerArguments, build_layer),
    "akorn": (AKOrNArguments, build_akorn),
    "itrsa": (ItrSAArguments, build_itrsa),
    "sudoku-akorn": (SudokuAKOrNArguments, build_sudoku_akorn),
    "sudoku-transformer": (SudokuTransformerArguments, build_sudoku_transformer),
    "classifier": (ClassifierArguments, build_classifier),
}
"""By kind, the class of the authors' arguments and the function that builds the module."""


def _blank(make: Any, config: Any, reader: StateDictReader) -> Any:
    """Make a module whose numbers are not drawn but left to be filled in."""
    with torch.device("meta"):
        module = make(config)
    return module.to(reader.dtype).to_empty(device="cpu")


def fill_layer(reader: StateDictReader, layer: KuramotoLayer, prefix: str) -> None:
    """A Kuramoto layer; its step size is filled by the caller."""
    fill_coupling(reader, layer.coupling, f"{prefix}connectivity.")
    if layer.frequency is not None:
        speeds: Any = layer.frequency.weight
        planes = tuple(speeds.reshape(-1, speeds.shape[-1]).shape)  # the planes of all oscillators
        reader.fill(speeds, f"{prefix}omg.omg_param", shape=planes)
    norm = layer.stimulus_norm
    if norm is not None:
        scale = "weight" if isinstance(norm, OscillatorNorm) else "scale"
        reader.affine(norm, f"{prefix}c_norm.", (scale, "bias"))


def fill_coupling(reader: StateDictReader, coupling: nn.Module, prefix: str) -> None:
    """A convolution, or attention, whose heads are interleaved there and contiguous here."""
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
    both = (matrices, matrices.flip(-1))  # the diagonal, and the other two entries
    return torch.stack([m.diagonal(dim1=-2, dim2=-1).mT for m in both])


def fill_norm_readout(reader: StateDictReader, readout: NormReadout, prefix: str) -> None:
    """The lengths of linear combinations of oscillators."""
    reader.affine(readout.mix, f"{prefix}invconv.")
    reader.fill(readout.bias, f"{prefix}bias")


def fill_feed_forward_readout(
    reader: StateDictReader, readout: FeedForwardReadout, prefix: str
) -> None:
    """The norm readout and the residual network after it, of units (norm, relu, convolution)."""
    fill_norm_readout(reader, readout.readout, f"{prefix}0.")
    units = [(unit, f"{prefix}1.fn.fn.{i}.fn.") for i, unit in enumerate(readout.residual)]
    for unit, name in [*units, (readout.out, f"{prefix}2.fn.")]:
        *before, _, convolve = unit
        reader.affine(convolve, f"{name}2.")
        for norm in before:
            reader.affine(norm, f"{name}0.")
            for statistic in ("running_mean", "running_var", "num_batches_tracked"):
                reader.fill(getattr(norm, statistic), f"{name}0.{statistic}")


def fill_itrsa(
    reader: StateDictReader, model: ItrSA | ItrSASudoku, norm_names: tuple[str, str]
) -> None:
    """The blocks of iterated attention; scale and bias of a norm have other names with images."""
    for i, block in enumerate(model.blocks):
        assert isinstance(block, ItrSABlock)
        prefix = f"transformer_encoder.{i}."
        fill_coupling(reader, block.mix, f"{prefix}attn.")
        reader.affine(block.mix_norm, f"{prefix}layernorm1.", norm_names)
        reader.affine(block.mlp_norm, f"{prefix}layernorm2.", norm_names)
        reader.affine(block.mlp[0], f"{prefix}mlp.0.")
        reader.affine(block.mlp[2], f"{prefix}mlp.2.")
    reader.affine(model.norm, "out.0.", norm_names)


def fill_images(reader: StateDictReader, model: AKOrN | ItrSA) -> None:
    """Both ends of an object-discovery model."""
    reader.affine(model.embed.conv, "patchfy.1.")
    reader.affine(model.head.hidden, "out.3.")
    reader.affine(model.head.out, "out.5.")
