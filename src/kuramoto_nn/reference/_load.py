"""Load a file of the authors' code as a module of this library."""

from typing import Any

from torch import nn

from kuramoto_nn.reference._kinds import KINDS
from kuramoto_nn.reference._reader import StateDictReader
from kuramoto_nn.reference._source import Source, read


def load(source: Source, kind: str, **author_args: Any) -> nn.Module:
    """Load weights of the authors' code.

    Outputs, states and energies agree with those of that code (the latter through `energies`). Its
    ``gamma`` becomes our `step_size`: ``gamma / (1 + gamma)`` where natural frequencies are off.
    Files are read without running code from them.

    Args:
        source: Path of a ``.pth`` file, or a state dict. A training checkpoint
            (``model_state_dict``) and an EMA file (its averaged weights are taken) are accepted.
        kind: ``"layer"``, ``"akorn"``, ``"itrsa"``, ``"sudoku-akorn"``, ``"sudoku-transformer"`` or
            ``"classifier"``.
        **author_args: Constructor arguments in the authors' names, such as ``n=4, ch=256, L=2``;
            for a layer ``gamma`` too. Defaults are those of the paper's recipes. ``T``, ``J``,
            ``ksize``, ``ksizes``, ``n`` and ``ro_N`` may be lists with an entry per block.

    Returns:
        A `KuramotoLayer`, or a model of `kuramoto_nn.models`, in evaluation mode and with the
        floating-point type of the weights.

    Raises:
        ValueError: If the source is no readable state dict, an argument is unknown or has a wrong
            value, or a tensor is missing, unknown or of a wrong shape; the message names it.
        FileNotFoundError: If there is no such file.

    Examples:
        >>> import torch
        >>> weights = {"connectivity.weight": torch.zeros(8, 8, 3, 3)}
        >>> weights["connectivity.bias"] = torch.zeros(8)
        >>> layer = load(weights, "layer", n=4, ch=8, T=3, ksize=3, c_norm="none", gamma=1.0)
        >>> layer.step_size
        0.5
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(map(repr, KINDS))}: got {kind!r}")
    weights, where = read(source)
    reader = StateDictReader(weights)
    try:
        arguments = KINDS[kind].arguments.from_dict(author_args)
        module = KINDS[kind].build(arguments, reader)
    except ValueError as error:
        raise ValueError(f"arguments of kind {kind!r}: {error}") from error
    reader.finish(module, where)
    return module.eval()
