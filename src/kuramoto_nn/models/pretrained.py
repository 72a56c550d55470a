"""Models as folders: ``model.safetensors``, ``config.json`` and a card. Loading runs no code."""

import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, constants, hf_hub_download
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kuramoto_nn._errors import listed
from kuramoto_nn.models.card import TEMPLATE
from kuramoto_nn.models.config import Config

WEIGHTS, CONFIG, CARD = constants.SAFETENSORS_SINGLE_FILE, constants.CONFIG_NAME, "README.md"


class Pretrained(
    PyTorchModelHubMixin,
    nn.Module,
    library_name="kuramoto_nn",
    license="mit",
    tags=["kuramoto", "akorn", "oscillators"],
    paper_url="https://arxiv.org/abs/2410.13821",
    model_card_template=TEMPLATE,
):
    """Saving and loading through `huggingface_hub`, strictly: whatever does not fit is an error."""

    config: Config
    config_class: ClassVar[type[Config]]

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write the model into a folder, every file whole or not at all.

        Args:
            save_directory: The folder; made if missing. A card (``README.md``) that is there stays,
                unless ``model_card_kwargs`` has something new to say.
            **options: Those of `huggingface_hub.PyTorchModelHubMixin.save_pretrained`.
                ``model_card_kwargs`` may hold ``data``, ``command``, ``seed``, ``score`` and
                ``notes``, a sentence each about how the weights came to be.

        Returns:
            What huggingface_hub returns: the commit's address after ``push_to_hub=True``, or None.
        """
        folder = Path(save_directory)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
            fresh = Path(name)
            result = super().save_pretrained(fresh, **{"repo_id": folder.name, **options})
            folder.mkdir(exist_ok=True)
            if (folder / CARD).exists() and not options.get("model_card_kwargs"):
                (fresh / CARD).unlink()
            for file in sorted(fresh.iterdir()):
                os.replace(file, folder / file.name)
        return result

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the model; arguments are those of `huggingface_hub.PyTorchModelHubMixin`."""
        card = {"repo_id": repo_id} | (options.pop("model_card_kwargs", None) or {})
        return super().push_to_hub(repo_id, model_card_kwargs=card, **options)

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        map_location: torch.device | str = "cpu",
        **hub_options: Any,
    ) -> Self:
        """Load a model that `save_pretrained` wrote.

        Args:
            pretrained_model_name_or_path: A folder, or the name of a repository on the Hub.
            map_location: Device of the weights.
            **hub_options: ``revision``, ``token``, ``cache_dir``, ``force_download`` and
                ``local_files_only`` of `huggingface_hub.hf_hub_download`.

        Returns:
            The model in evaluation mode, its weights bit for bit as saved.

        Raises:
            ValueError: If a file is damaged, or the configuration has an unknown field or does not
                fit the weights; the message names the file, and the field or tensor.
            OSError: If a file is missing.
        """
        source = pretrained_model_name_or_path
        config_file, weights_file = (
            _locate(source, name, hub_options) for name in (CONFIG, WEIGHTS)
        )
        weights, metadata = _read_weights(weights_file, map_location)
        if metadata.get("model", cls.__name__) != cls.__name__:
            raise ValueError(
                f"{weights_file} holds weights of {metadata['model']}: got "
                f"{cls.__name__}.from_pretrained; "
                f"try {metadata['model']}.from_pretrained"
            )
        model = cls(_read_config(config_file, cls.config_class))  # type: ignore[call-arg]
        if problems := _differences(model.state_dict(), weights):
            raise ValueError(f"{weights_file} does not fit {config_file}: {listed(problems)}")
        # The tensors themselves become the parameters, so that their type is kept too.
        model.load_state_dict(weights, assign=True)
        return model.to(map_location).eval()

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """Write the card: class, configuration, a snippet, and whatever ``kwargs`` tell."""
        facts = {
            "class_name": type(self).__name__,
            "config": json.dumps(dataclasses.asdict(self.config), indent=2),
            "parameters": f"{sum(p.numel() for p in self.parameters()):,}",
            "repo_id": None,
        }
        return super().generate_model_card(*args, **(facts | kwargs))

    def _save_pretrained(self, save_directory: Path) -> None:
        weights = {name: value.contiguous() for name, value in self.state_dict().items()}
        metadata = {"format": "pt", "model": type(self).__name__}
        try:
            save_file(weights, save_directory / WEIGHTS, metadata)
        except SafetensorError as error:
            raise OSError(f"cannot write {save_directory / WEIGHTS}: {error}") from error
        text = json.dumps(dataclasses.asdict(self.config), indent=2)
        (save_directory / CONFIG).write_text(text + "\n", encoding="utf-8")


def _locate(source: str | Path, name: str, hub_options: dict[str, Any]) -> Path:
    if Path(source).is_dir():
        path = Path(source) / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: {source} is not a folder of a saved model")
        return path
    return Path(hf_hub_download(str(source), name, **hub_options))


def _read_config(path: Path, config_class: type[Config]) -> Config:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"holds a {type(values).__name__} where an object is expected")
        return config_class.from_dict(values)
    except ValueError as error:
        raise ValueError(f"{path} is not a configuration of this model: {error}") from error


def _read_weights(
    path: Path, device: torch.device | str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            # Copies lie aligned in memory: the same sums in the same order, to the last bit.
            weights = {name: file.get_tensor(name).clone() for name in file.keys()}
            return weights, file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from error


def _differences(own: dict[str, Tensor], given: dict[str, Tensor]) -> list[str]:
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
