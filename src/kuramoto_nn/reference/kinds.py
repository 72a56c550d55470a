"""The kinds of module that the authors' code saves: how each is built and filled."""

from collections.abc import Callable
from typing import Any

from torch import nn

from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling, GeometricTransform
from kuramoto_nn.layers import KuramotoLayer, NaturalFrequency, OscillatorNorm, ScaleBias
from kuramoto_nn.models import AKOrN, AKOrNClassifier, AKOrNSudoku, ItrSA, ItrSASudoku
from kuramoto_nn.reference.arguments import (
    AKOrNArguments,
    ClassifierArguments,
    ItrSAArguments,
    LayerArguments,
    SudokuAKOrNArguments,
    SudokuTransformerArguments,
)
from kuramoto_nn.reference.fill import (
    fill_feed_forward_readout,
    fill_images,
    fill_itrsa_block,
    fill_layer,
    fill_norm_readout,
)
from kuramoto_nn.reference.tensors import Tensors


def build_layer(arguments: LayerArguments, tensors: Tensors) -> KuramotoLayer:
    """One Kuramoto layer, whose gamma is an argument."""
    channels, dim = arguments.ch, arguments.n
    norms = {"gn": OscillatorNorm, "sandb": lambda *_: ScaleBias(channels), "none": lambda *_: None}
    layer = KuramotoLayer(
        _layer_coupling(arguments),
        channels=channels,
        oscillator_dim=dim,
        frequency=_layer_frequency(arguments),
        stimulus_norm=norms[arguments.c_norm](channels, dim),
        step_size=arguments.step_size(arguments.gamma),
        num_steps=arguments.T,
        project=arguments.apply_proj,
    ).to(tensors.dtype)
    fill_layer(tensors, layer, "")
    return layer


def build_akorn(arguments: AKOrNArguments, tensors: Tensors) -> AKOrN:
    """AKOrN for object discovery."""
    model = AKOrN(arguments.config(tensors.number("gamma"))).to(tensors.dtype)
    fill_images(tensors, model.embed, model.head)
    for name, position in (("pemb_x", model.position_x), ("pemb_c", model.position_c)):
        if position is not None:
            tensors.fill(position.weight, name)
    for i, block in enumerate(_typeless(model.blocks)):
        fill_layer(tensors, block.layer, f"layers.{i}.0.")
        if block.readout is not None:
            fill_norm_readout(tensors, block.readout, f"layers.{i}.1.")
        if block.oscillator_map is not None:
            tensors.affine(block.oscillator_map, f"layers.{i}.2.")
    return model


def build_itrsa(arguments: ItrSAArguments, tensors: Tensors) -> ItrSA:
    """Iterated self-attention on images."""
    model = ItrSA(arguments.config()).to(tensors.dtype)
    names = ("gamma", "beta")
    fill_images(tensors, model.embed, model.head)
    if model.position is not None:
        tensors.fill(model.position.weight, "pos_embed")
    for i, block in enumerate(_typeless(model.blocks)):
        fill_itrsa_block(tensors, block, f"transformer_encoder.{i}.", norm_names=names)
    tensors.affine(model.norm, "out.0.", names)
    return model


def build_sudoku_akorn(arguments: SudokuAKOrNArguments, tensors: Tensors) -> AKOrNSudoku:
    """AKOrN on Sudoku; each of our blocks has a step size of its own, theirs share one."""
    model = AKOrNSudoku(arguments.config(tensors.number("gamma"))).to(tensors.dtype)
    tensors.fill(model.embed.weight, "embedding.weight")
    tensors.skip("x0")
    for i, block in enumerate(_typeless(model.blocks)):
        fill_layer(tensors, block.layer, f"layers.{i}.0.")
        tensors.fill(block.layer.step_size, "gamma", shape=(1,), convert=arguments.step_size)
        fill_readout = fill_feed_forward_readout if arguments.nl else fill_norm_readout
        fill_readout(
            tensors, block.readout, f"layers.{i}.1." if arguments.nl else f"layers.{i}.1.0."
        )
    tensors.affine(model.out, "out.1.")
    return model


def build_sudoku_transformer(
    arguments: SudokuTransformerArguments, tensors: Tensors
) -> ItrSASudoku:
    """Iterated self-attention, or a transformer, on Sudoku."""
    model = ItrSASudoku(arguments.config()).to(tensors.dtype)
    names = ("weight", "bias")
    tensors.fill(model.embed.weight, "embedding.weight")
    if model.position is not None:
        cells = (81, arguments.ch)
        tensors.fill(model.position.weight, "pos_embed", shape=cells, convert=lambda rows: rows.T)
    for i, block in enumerate(_typeless(model.blocks)):
        fill_itrsa_block(tensors, block, f"transformer_encoder.{i}.", norm_names=names)
    tensors.affine(model.norm, "out.0.", names)
    tensors.affine(model.out, "out.1.")
    return model


def build_classifier(arguments: ClassifierArguments, tensors: Tensors) -> AKOrNClassifier:
    """The image classifier; its files hold every transition twice."""
    model = AKOrNClassifier(arguments.config(tensors.number("gamma"))).to(tensors.dtype)
    tensors.affine(model.stem, "conv0.")
    for i, transition in enumerate(model.transitions, start=1):
        tensors.affine(transition, f"layers.{i}.0.1.")
        tensors.affine(transition, f"layers.{i}.0.0.")
    for i, block in enumerate(_typeless(model.blocks)):
        fill_layer(tensors, block.layer, f"layers.{i}.2.")
        fill_feed_forward_readout(tensors, block.readout, f"layers.{i}.3.")
    tensors.affine(model.out, "out.")
    return model


KINDS: dict[str, tuple[type[Any], Callable[[Any, Tensors], nn.Module]]] = {
    "layer": (LayerArguments, build_layer),
    "akorn": (AKOrNArguments, build_akorn),
    "itrsa": (ItrSAArguments, build_itrsa),
    "sudoku-akorn": (SudokuAKOrNArguments, build_sudoku_akorn),
    "sudoku-transformer": (SudokuTransformerArguments, build_sudoku_transformer),
    "classifier": (ClassifierArguments, build_classifier),
}
"""Kind to its arguments, and what builds and fills it."""


def _layer_coupling(arguments: LayerArguments) -> nn.Module:
    if arguments.J == "conv":
        return ConvCoupling(arguments.ch, arguments.ksize)
    position = None
    if arguments.gta:
        if arguments.hw is None:
            raise ValueError("`hw`, the grid (height, width), is needed with gta=True: got None")
        position = GeometricTransform(arguments.hw, head_dim=arguments.ch // arguments.heads)
    return AttentionCoupling(arguments.ch, arguments.heads, position=position)


def _layer_frequency(arguments: LayerArguments) -> NaturalFrequency | None:
    if not arguments.use_omega:
        return None
    return NaturalFrequency(
        arguments.ch,
        arguments.n,
        shared=arguments.global_omg,
        init=arguments.init_omg,
        trainable=arguments.learn_omg,
    )


def _typeless(modules: nn.ModuleList) -> list[Any]:
    return list(modules)
