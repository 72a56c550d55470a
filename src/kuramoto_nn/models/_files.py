"""The files of a saved model, read with suspicion."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from kuramoto_nn._errors import listed
from kuramoto_nn.models._config import Config


def locate(source: str | Path, name: str, hub: dict[str, Any]) -> Path:
    """Find a file in a folder, or in a repository on the Hub.

    Args:
        source: Folder, or name of a repository.
        name: Name of the file.
        hub: Options of `huggingface_hub.hf_hub_download`.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: If the folder, or the file in it, does not exist.
    """
    folder = Path(source)
    if folder.is_dir():
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: {folder} holds no saved model")
        return folder / name
    if folder.exists():
        raise FileNotFoundError(f"{folder} is a file: give its folder")
    text = str(source)
    if isinstance(source, Path) or text.startswith((".", "~", os.sep)) or text.count("/") > 1:
        raise FileNotFoundError(f"no folder {source}")
    return Path(hf_hub_download(text, name, **hub))


def read_config(path: Path, config_class: type[Config]) -> Config:
    """Read a configuration.

    Args:
        path: The JSON file.
        config_class: Its class.

    Returns:
        The configuration.

    Raises:
        ValueError: If it is none; the message names the file and the field.
    """
    return _parse(path.read_text(encoding="utf-8"), config_class, path)


def read_weights(
    path: Path, device: torch.device | str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata.

    Args:
        path: The safetensors file.
        device: Where the tensors go.

    Returns:
        Tensors by name, and the metadata.

    Raises:
        ValueError: If the file is damaged or of another kind.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            # Copies lie aligned in memory: the same sums in the same order, to the last bit.
            weights = {name: file.get_tensor(name).clone() for name in file.keys()}
            return weights, file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from error


def check_fit(
    model: Any,
    config_file: Path,
    weights_file: Path,
    weights: dict[str, Tensor],
    metadata: dict[str, str],
) -> None:
    """Compare a configuration with the weights beside it, and with the one they were saved with.

    Args:
        model: The model that the configuration describes.
        config_file: Where the configuration is from.
        weights_file: Where the weights are from.
        weights: Tensors by name.
        metadata: What the weights' file says of itself.

    Raises:
        ValueError: If they do not fit; the message names the files, and the tensors or fields.
    """
    problems = _differences(model, weights)
    if not problems and "config" in metadata:
        saved = dataclasses.asdict(_parse(metadata["config"], type(model.config), weights_file))
        for name, value in dataclasses.asdict(model.config).items():
            if value != saved[name]:
                problems.append(f"`{name}` is {value!r}, but was {saved[name]!r} when saved")
    if problems:
        raise ValueError(f"{weights_file} does not fit {config_file}: {listed(problems)}")


def _parse(text: str, config_class: type[Config], where: Path) -> Config:
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"found a {type(values).__name__} where an object is expected")
        return config_class.from_dict(values)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} holds no configuration of this model: {error}") from error


def _differences(model: nn.Module, given: dict[str, Tensor]) -> list[str]:
    own = model.state_dict()
    problems = [f"`{name}` is missing" for name in own if name not in given]
    problems += [f"`{name}` is unknown" for name in given if name not in own]
    for name in own.keys() & given.keys():
        ours, theirs = own[name], given[name]
        if ours.shape != theirs.shape:
            problems.append(
                f"`{name}` has shape {tuple(theirs.shape)}, expected {tuple(ours.shape)}"
            )
        elif ours.is_floating_point() != theirs.is_floating_point():
            problems.append(f"`{name}` has type {theirs.dtype}, expected {ours.dtype}")
    return sorted(problems)
