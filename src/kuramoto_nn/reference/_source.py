"""Files and state dicts of the authors' code, reduced to tensors by name."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Source = str | Path | Mapping[str, Any]

_AVERAGED = "ema_model."
_BESIDE_AVERAGED = ("online_model.", "initted", "step")
_WRAPPERS = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile


def read(source: Source) -> tuple[dict[str, Tensor], str]:
    """Read a state dict from any of the forms in which it may be saved.

    Args:
        source: Path of a file, or its content: a state dict, or a checkpoint that holds one as
            ``model_state_dict``. Of an EMA file the averaged weights are taken.

    Returns:
        Tensors by the authors' names, and a name of the source for messages.

    Raises:
        ValueError: If it is no such thing, or cannot be read without running code.
        FileNotFoundError: If there is no such file.
    """
    where = str(source) if isinstance(source, str | Path) else "the state dict"
    saved = _read_file(Path(source)) if isinstance(source, str | Path) else source
    if not isinstance(saved, Mapping):
        raise ValueError(f"{where} holds a {type(saved).__name__}, expected a state dict")
    weights = saved.get("model_state_dict", saved)
    if not isinstance(weights, Mapping):
        raise ValueError(f"{where}: `model_state_dict` is a {type(weights).__name__}")
    weights = dict(weights)
    for name, value in weights.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(
                f"{where} is no state dict: its entry {name!r} is a {type(value).__name__}, "
                f"expected a tensor; or a checkpoint with the entry 'model_state_dict'"
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
    except Exception as error:  # a damaged file can lead anywhere
        reason = _reason(error)
        raise ValueError(
            f"{path} cannot be read as a checkpoint of tensors and plain values alone (damaged, "
            f"another kind of file, or one that would run code): {reason}"
        ) from error


def _reason(error: Exception) -> str:
    """The line of torch's message with the reason, not the one on how to load it all the same."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    refused = [line for line in lines if "unsupported" in line.lower()]
    harmless = [line for line in lines if "weights_only" not in line]
    return next(iter(refused + harmless), type(error).__name__)
