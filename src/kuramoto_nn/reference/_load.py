"""Modules of this library from files of the authors' code, and energies in its convention."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kuramoto_nn import functional
from kuramoto_nn.layers import KuramotoLayer
from kuramoto_nn.reference._kinds import KINDS, StateDictReader

Source = str | Path | Mapping[str, Any]

_AVERAGED = "ema_model."
_BESIDE_AVERAGED = ("online_model.", "initted", "step")
_WRAPPERS = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile


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
        ValueError: If the source is not a readable state dict, an argument is unknown or has a
            wrong value, or a tensor is missing, unknown or of a wrong shape; the message names it.
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
    arguments, build = KINDS[kind]
    try:
        module = build(arguments.from_dict(author_args), reader)
    except ValueError as error:
        raise ValueError(f"arguments of kind {kind!r}: {error}") from error
    reader.finish(module, where)
    return module.eval()


def read(source: Source) -> tuple[dict[str, Tensor], str]:
    """Read tensors by the authors' names, and the name of their source for messages."""
    where = str(source) if isinstance(source, str | Path) else "the state dict"
    saved = _read_file(Path(source).expanduser()) if isinstance(source, str | Path) else source
    if not isinstance(saved, Mapping):
        raise ValueError(f"{where} holds a {type(saved).__name__}, expected a state dict")
    weights = saved.get("model_state_dict", saved)
    if not isinstance(weights, Mapping):
        raise ValueError(f"{where}: `model_state_dict` is a {type(weights).__name__}")
    weights = dict(weights)
    for name, value in weights.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(
                f"{where} is not a state dict: its entry {name!r} is a {type(value).__name__}, "
                "expected a tensor; or a checkpoint with the entry 'model_state_dict'"
            )
    if any(name.startswith(_AVERAGED) for name in weights):
        weights = {n: v for n, v in weights.items() if not n.startswith(_BESIDE_AVERAGED)}
        weights = {name.removeprefix(_AVERAGED): value for name, value in weights.items()}
    if not weights:
        raise ValueError(f"{where} is empty")
    while wrapper := next((w for w in _WRAPPERS if all(n.startswith(w) for n in weights)), None):
        weights = {name.removeprefix(wrapper): value for name, value in weights.items()}
    return weights, where


def _read_file(path: Path) -> Any:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing")
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums
                if (damaged := archive.testzip()) is not None:
                    raise ValueError(f"wrong checksum of {damaged}")
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise any error
        reason = _reason(error)
        raise ValueError(
            f"{path} cannot be read as a checkpoint of tensors and plain values alone (damaged, "
            f"another kind of file, or one that would run code): {reason}"
        ) from error


def _reason(error: Exception) -> str:
    """The line of torch's message with the reason, not the one on how to load it anyway."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    refused = [line for line in lines if "unsupported" in line.lower()]
    harmless = [line for line in lines if "weights_only" not in line]
    return next(iter(refused + harmless), type(error).__name__)


def energy(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    r"""Energy of a state in the authors' convention, $-\sum_i x_i^\top ((J x)_i + c_i)$.

    Without the factor 1/2 of the pair term of `kuramoto_nn.functional.energy`, the function that
    the dynamics descend. For ``energy=`` of `KuramotoLayer.rollout` and `AKOrNSudoku.rollout`.

    Args:
        x: Oscillators, shape ``(B, ...)``.
        coupled: ``J x``, same shape.
        stimulus: c, same shape.

    Returns:
        One energy per sample, shape ``(B,)``, float32 or wider.

    Examples:
        >>> x = torch.tensor([[1.0, 0.0]])
        >>> energy(x, coupled=2 * x, stimulus=torch.tensor([[0.5, 3.0]]))
        tensor([-2.5000])
    """
    return functional.energy(x, 2 * coupled, stimulus)


def energies(layer: KuramotoLayer, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
    """Energies of a call as the authors' code logs them.

    Entry t > 0 is `energy` of the state *before* update t, and entry 0 a placeholder zero.

    Args:
        layer: The layer.
        x: Start of the oscillators, ``(B, C, *S)``.
        c: Stimulus, same shape.
        num_steps: T; the layer's own if None.

    Returns:
        Shape ``(T + 1, B)``.
    """
    values = layer.rollout(x, c, num_steps=num_steps, energy=energy).energies
    return torch.cat((torch.zeros_like(values[:1]), values[:-1]))
