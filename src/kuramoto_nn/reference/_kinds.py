"""The kinds of module that the authors' code saves: how each is built and filled."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from kuramoto_nn.layers import KuramotoLayer
from kuramoto_nn.models import (
    AKOrN,
    AKOrNClassifier,
    AKOrNSudoku,
    ItrSA,
    ItrSASudoku,
    Model,
)
from kuramoto_nn.models._parts import build_layer as build_kuramoto_layer
from kuramoto_nn.reference._arguments import (
    AKOrNArguments,
    ClassifierArguments,
    ItrSAArguments,
    LayerArguments,
    SudokuAKOrNArguments,
    SudokuTransformerArguments,
)
from kuramoto_nn.reference._fill import (
    fill_feed_forward_readout,
    fill_images,
    fill_itrsa_block,
    fill_layer,
    fill_norm_readout,
)
from kuramoto_nn.reference._reader import StateDictReader

AnyModel = TypeVar("AnyModel", bound=Model)


def build_layer(arguments: LayerArguments, reader: StateDictReader) -> KuramotoLayer:
    """One Kuramoto layer, whose gamma is an argument."""
    config = arguments.config(arguments.gamma)
    with torch.device("meta"):
        layer = build_kuramoto_layer(config)
    layer = layer.to(reader.dtype).to_empty(device="cpu")
    fill_layer(reader, layer, "")
    return layer


def build_akorn(arguments: AKOrNArguments, reader: StateDictReader) -> AKOrN:
    """AKOrN for object discovery."""
    model = _blank(AKOrN, arguments.config(reader.number("gamma")), reader)
    fill_images(reader, model.embed, model.head)
    for name, position in (("pemb_x", model.position_x), ("pemb_c", model.position_c)):
        if position is not None:
            reader.fill(position.weight, name)
    for i, block in enumerate(_typeless(model.blocks)):
        fill_layer(reader, block.layer, f"layers.{i}.0.")
        if block.readout is not None:
            fill_norm_readout(reader, block.readout, f"layers.{i}.1.")
        if block.oscillator_map is not None:
            reader.affine(block.oscillator_map, f"layers.{i}.2.")
    return model


def build_itrsa(arguments: ItrSAArguments, reader: StateDictReader) -> ItrSA:
    """Iterated self-attention on images."""
    model = _blank(ItrSA, arguments.config(), reader)
    names = ("gamma", "beta")
    fill_images(reader, model.embed, model.head)
    if model.position is not None:
        reader.fill(model.position.weight, "pos_embed")
    for i, block in enumerate(_typeless(model.blocks)):
        fill_itrsa_block(reader, block, f"transformer_encoder.{i}.", norm_names=names)
    reader.affine(model.norm, "out.0.", names)
    return model


def build_sudoku_akorn(arguments: SudokuAKOrNArguments, reader: StateDictReader) -> AKOrNSudoku:
    """AKOrN on Sudoku; each of our blocks has a step size of its own, theirs share one."""
    model = _blank(AKOrNSudoku, arguments.config(reader.number("gamma")), reader)
    reader.fill(model.embed.weight, "embedding.weight")
    reader.skip("x0")
    for i, block in enumerate(_typeless(model.blocks)):
        fill_layer(reader, block.layer, f"layers.{i}.0.")
        reader.fill(block.layer.step_size, "gamma", shape=(1,), convert=arguments.step_size)
        fill_readout = fill_feed_forward_readout if arguments.nl else fill_norm_readout
        fill_readout(
            reader, block.readout, f"layers.{i}.1." if arguments.nl else f"layers.{i}.1.0."
        )
    reader.affine(model.out, "out.1.")
    return model


def build_sudoku_transformer(
    arguments: SudokuTransformerArguments, reader: StateDictReader
) -> ItrSASudoku:
    """Iterated self-attention, or a transformer, on Sudoku."""
    model = _blank(ItrSASudoku, arguments.config(), reader)
    names = ("weight", "bias")
    reader.fill(model.embed.weight, "embedding.weight")
    if model.position is not None:
        cells = (81, arguments.ch)
        reader.fill(model.position.weight, "pos_embed", shape=cells, convert=lambda rows: rows.T)
    for i, block in enumerate(_typeless(model.blocks)):
        fill_itrsa_block(reader, block, f"transformer_encoder.{i}.", norm_names=names)
    reader.affine(model.norm, "out.0.", names)
    reader.affine(model.out, "out.1.")
    return model


def build_classifier(arguments: ClassifierArguments, reader: StateDictReader) -> AKOrNClassifier:
    """The image classifier; its files hold every transition twice."""
    model = _blank(AKOrNClassifier, arguments.config(reader.number("gamma")), reader)
    reader.affine(model.stem, "conv0.")
    for i, transition in enumerate(model.transitions, start=1):
        reader.affine(transition, f"layers.{i}.0.1.")
        reader.affine(transition, f"layers.{i}.0.0.")
    for i, block in enumerate(_typeless(model.blocks)):
        fill_layer(reader, block.layer, f"layers.{i}.2.")
        fill_feed_forward_readout(reader, block.readout, f"layers.{i}.3.")
    reader.affine(model.out, "out.")
    return model


class Kind(NamedTuple):
    """A kind: the class of the authors' arguments, and the function that builds its module."""

    arguments: type[Any]
    build: Callable[[Any, StateDictReader], nn.Module]


KINDS = {
    "layer": Kind(LayerArguments, build_layer),
    "akorn": Kind(AKOrNArguments, build_akorn),
    "itrsa": Kind(ItrSAArguments, build_itrsa),
    "sudoku-akorn": Kind(SudokuAKOrNArguments, build_sudoku_akorn),
    "sudoku-transformer": Kind(SudokuTransformerArguments, build_sudoku_transformer),
    "classifier": Kind(ClassifierArguments, build_classifier),
}


def _blank(model_class: type[AnyModel], config: Any, reader: StateDictReader) -> AnyModel:
    """A model whose numbers are yet to be filled in; nothing is drawn for them."""
    with torch.device("meta"):
        model = model_class(config)
    return model.to(reader.dtype).to_empty(device="cpu")


def _typeless(modules: nn.ModuleList) -> list[Any]:
    return list(modules)
