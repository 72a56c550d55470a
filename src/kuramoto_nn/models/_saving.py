"""Models as folders: ``model.safetensors``, ``config.json`` and a card. Loading runs no code."""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from huggingface_hub import HfApi, ModelCard, PyTorchModelHubMixin, constants, hf_hub_download
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kuramoto_nn._checks import listed
from kuramoto_nn.models._config import Config

WEIGHTS, CONFIG, CARD = constants.SAFETENSORS_SINGLE_FILE, constants.CONFIG_NAME, "README.md"
RUN_MODEL = "model"
"""Folder of the saved model inside the folder of a training run."""

UNFINISHED = ".saving."
"""Prefix of the name of a folder that is being written."""

GENERATED = "<!-- Written by save_pretrained, which writes it anew unless this line is gone. -->"
"""Marks a card that is not the user's own."""

FACTS = ("data", "command", "seed", "score", "notes")
"""Entries of the card that a user may give."""

TEMPLATE = """---
{{ card_data }}
---
{{ mark }}

# {{ class_name }}

The model `{{ class_name }}` of the Python package `kuramoto_nn`, {{ parameters }} parameters, after
Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025,
[arXiv 2410.13821](https://arxiv.org/abs/2410.13821)).

```python
from kuramoto_nn import load_model

model = load_model("{{ repo_id or "this folder" }}")
```
{% for title, text in facts %}
**{{ title }}.** {{ text }}
{% endfor %}
## Configuration

```json
{{ config }}
```
"""

NETWORKS: dict[str, Any] = {}
"""Classes of all networks by name; a subclass of `Model` adds itself."""


class Pretrained(
    PyTorchModelHubMixin,
    nn.Module,
    library_name="kuramoto_nn",
    license="mit",
    tags=["kuramoto", "akorn", "oscillators"],
    paper_url="https://arxiv.org/abs/2410.13821",
    model_card_template=TEMPLATE,
):
    """Saving and loading through `huggingface_hub`, strictly: any mismatch is an error."""

    config: Any
    config_class: ClassVar[type[Config]]
    preset_configs: ClassVar[Mapping[str, Config]]

    def describe(self) -> dict[str, Any]:
        """Content of ``config.json``: the class's name as "model", and the configuration."""
        return _describe(type(self), self.config)

    def save_pretrained(  # type: ignore[override]
        self,
        save_directory: str | Path,
        *,
        config: None = None,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict[str, Any] | None = None,
        **push_options: Any,
    ) -> str | None:
        """Write the model into a folder, every file whole or not at all; push it if asked to.

        Args:
            save_directory: The folder; made if missing. A card (``README.md``) of your own is kept.
            config: Must be None, as the model's own configuration is saved.
            repo_id: Repository to push to; the folder's name if None.
            push_to_hub: Whether to upload it too; the address of the commit is then returned.
            model_card_kwargs: ``data``, ``command``, ``seed``, ``score``, ``notes``: one sentence
                each on the training of the weights.
            **push_options: Those of ``push_to_hub`` of `huggingface_hub.PyTorchModelHubMixin`.

        Raises:
            ValueError: If an option is unknown, or the module has other parameters and buffers than
                its configuration makes, or shares one between two names; the message names them.
            OSError: If a file cannot be written; the old files are unchanged.
        """
        if config is not None:
            raise ValueError(f"`config` must be None, the model's own is saved: got {config!r}")
        if not push_to_hub and (repo_id is not None or push_options):
            unused = ", ".join(push_options) or "repo_id"
            raise ValueError(f"used with push_to_hub=True only: {unused}")
        _check_card(model_card_kwargs)
        self._check_loadable()
        folder = Path(save_directory).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as name:
            fresh, card = Path(name), folder / CARD
            super().save_pretrained(fresh, model_card_kwargs=model_card_kwargs)
            if card.exists() and not (card.is_file() and GENERATED.encode() in card.read_bytes()):
                (fresh / CARD).unlink()
            for file in (WEIGHTS, CONFIG, CARD):  # the card last, as it describes the others
                if (fresh / file).exists():
                    os.replace(fresh / file, folder / file)
        for stale in folder.glob(f"{UNFINISHED}*"):  # left by killed processes
            shutil.rmtree(stale, ignore_errors=True)
        if not push_to_hub:
            return None
        push_options["model_card_kwargs"] = model_card_kwargs
        return self.push_to_hub(repo_id or folder.resolve().name, **push_options)

    def push_to_hub(  # type: ignore[override]
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        model_card_kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """Upload the model; returns the address of the commit.

        Args:
            repo_id: Name of the repository; without a namespace, one of your own.
            private: Whether a new repository is private; the account's default if None.
            token: Token for the Hub.
            model_card_kwargs: As in `save_pretrained`.
            **options: Others of `huggingface_hub.PyTorchModelHubMixin.push_to_hub`, such as
                ``branch``, ``commit_message``, and ``ignore_patterns="README.md"`` to keep the
                card that is on the Hub.

        Raises:
            ValueError: If ``model_card_kwargs`` has an unknown entry.
        """
        _check_card(model_card_kwargs)
        api = HfApi(token=token)
        whole = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        card = {"repo_id": whole} | (model_card_kwargs or {})
        return super().push_to_hub(
            whole, private=private, token=token, model_card_kwargs=card, **options
        )

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        map_location: torch.device | str = "cpu",
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
    ) -> Self:
        """Load a model that `save_pretrained` wrote.

        Args:
            pretrained_model_name_or_path: A saved folder, the folder of a training run (which
                holds ``model/``), or the name of a repository on the Hub.
            map_location: Device of the weights.
            revision: Branch, tag or commit of the repository.
            token: Token for the Hub.
            cache_dir: Folder for downloads.
            force_download: Whether to download files again that are in the cache.
            local_files_only: Whether to use the cache only, without the network.

        Returns:
            The model in evaluation mode, its weights bit for bit as saved. Its class is the one
            that the file names: this class or a subclass of it.

        Raises:
            ValueError: If a file is damaged, the model is of another class, or the configuration
                has an unknown field or does not fit the weights; the message names the file, and
                the field or tensor.
            OSError: If a file is missing.
        """
        hub = dict(revision=revision, token=token, cache_dir=cache_dir)
        hub |= dict(force_download=force_download, local_files_only=local_files_only)
        torch.empty(0, device=map_location)  # an invalid device raises its own error
        config_file = _locate(pretrained_model_name_or_path, CONFIG, hub)
        network, config = _parse(config_file.read_bytes(), config_file)
        if not issubclass(network, cls):
            raise ValueError(
                f"{config_file} holds a model of class {network.__name__}: got {cls.__name__}"
                f".from_pretrained; try {network.__name__}.from_pretrained or load_model"
            )
        weights_file = _locate(pretrained_model_name_or_path, WEIGHTS, hub)
        weights, saved = _read_weights(weights_file, map_location)
        if config.num_blocks > len(weights):
            raise ValueError(
                f"{config_file} describes {config.num_blocks} blocks: {weights_file} has "
                f"{len(weights)} tensors"
            )
        try:  # allocates and draws nothing, as the files may not fit
            model = on_meta(network, config)
        except ValueError as error:
            raise ValueError(f"{config_file} does not describe a model: {error}") from error
        problems = misfits(model, weights)
        if not problems and saved is not None:
            before = _describe(*_parse(saved, weights_file))
            problems = [
                f"`{name}` is {value!r}, but was {before.get(name)!r} when saved"
                for name, value in model.describe().items()
                if value != before.get(name)
            ]
        if problems:
            raise ValueError(f"{weights_file} does not fit {config_file}: {listed(problems)}")
        # The tensors themselves become the parameters, so that their dtype is kept.
        model.load_state_dict(weights, assign=True)
        return model.eval()

    def _check_loadable(self) -> None:
        """Check that a file of this module will load as its class and configuration."""
        own = self.state_dict()
        try:
            fresh = on_meta(type(self), self.config)
            modules = dict(fresh.named_modules())
            extra = [f"`{n}` is unknown" for n, _ in self.named_modules() if n not in modules]
            problems = misfits(fresh, own) or extra
        except ValueError as error:
            problems = [str(error)]
        names: dict[int, list[str]] = {}
        for name, value in own.items():  # not all values of a quantised module are tensors
            if isinstance(value, Tensor) and (address := value.untyped_storage().data_ptr()):
                names.setdefault(address, []).append(f"`{name}`")
        problems += [f"{' and '.join(same)} share memory" for same in names.values() if same[1:]]
        if problems:
            raise ValueError(
                f"this {type(self).__name__} would not load from its configuration: "
                f"{listed(problems)}; save its state_dict() instead"
            )

    def generate_model_card(self, *args: Any, repo_id: str | None = None, **told: Any) -> ModelCard:
        """Build the card: class, configuration, a snippet, and the given facts."""
        return super().generate_model_card(
            *args,
            mark=GENERATED,
            class_name=type(self).__name__,
            config=json.dumps(self.describe(), indent=2),
            parameters=f"{sum(p.numel() for p in self.parameters()):,}",
            repo_id=repo_id,
            facts=[(name.capitalize(), told[name]) for name in FACTS if name in told],
        )

    def _save_pretrained(self, save_directory: Path) -> None:
        config_file, weights_file = save_directory / CONFIG, save_directory / WEIGHTS
        text = json.dumps(self.describe(), indent=2)
        config_file.write_text(text + "\n", encoding="utf-8")
        weights = {name: value.contiguous() for name, value in self.state_dict().items()}
        try:
            save_file(weights, weights_file, {"format": "pt", "config": text})
        except SafetensorError as error:
            raise OSError(f"cannot write {weights_file}: {error}") from error
        shutil.copymode(config_file, weights_file)  # safetensors makes private files


def _describe(network: Any, config: Any) -> dict[str, Any]:
    return {"model": network.__name__} | dataclasses.asdict(config)


def on_meta(network: Any, config: Config) -> Any:
    """Build a network without memory or random numbers; ValueError if that is impossible."""
    try:
        with torch.device("meta"):
            return network(config)
    except (RuntimeError, TypeError) as error:
        raise ValueError(str(error).splitlines()[0]) from error


def misfits(model: nn.Module, given: dict[str, Tensor]) -> list[str]:
    """Describe each given tensor that is missing, unknown, or of another shape or kind."""
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


def _locate(source: str | Path, name: str, hub: dict[str, Any]) -> Path:
    """A file in a folder, in the model of a run's folder, or in a repository on the Hub."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        if not (folder / CONFIG).is_file() and (folder / RUN_MODEL).is_dir():
            folder /= RUN_MODEL
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: {folder} holds no saved model")
        return folder / name
    if folder.exists():
        raise FileNotFoundError(f"{folder} is a file: give its folder")
    text = str(source)
    if any(text in network.preset_configs for network in NETWORKS.values()):
        raise FileNotFoundError(
            f"no folder {source}; it is the name of a preset, which has no weights: "
            f'create_model("{text}") builds an untrained model'
        )
    is_path = isinstance(source, Path) or text.startswith((".", "~", os.sep))
    if is_path or text.count("/") != 1 or Path(text).parent.is_dir():
        raise FileNotFoundError(f"no folder {source}")
    try:
        return Path(hf_hub_download(text, name, **hub))
    except OSError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OSError(f"no folder {source}, nor can it be read from the Hub: {reason}") from error


def _parse(text: str | bytes, where: Path) -> tuple[Any, Config]:
    """The class and the configuration that a ``config.json`` describes."""
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"found a {type(values).__name__} where an object is expected")
        name = values.pop("model", None)
        if not isinstance(name, str):
            raise ValueError(f'"model", the name of its class, is absent or not text: got {name!r}')
        if name not in NETWORKS:
            raise ValueError(
                f"no network {name!r} is known; import the module that defines it, or try one of "
                f"{', '.join(NETWORKS)}"
            )
        return NETWORKS[name], NETWORKS[name].config_class.from_dict(values)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} holds no configuration of a model: {error}") from error


def _read_weights(path: Path, device: torch.device | str) -> tuple[dict[str, Tensor], str | None]:
    """Tensors by name, and the configuration that they were saved with."""
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            # Copies are aligned in memory, so that results are the same to the last bit.
            weights = {name: file.get_tensor(name).clone() for name in file.keys()}
            return weights, (file.metadata() or {}).get("config")
    except SafetensorError as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from error


def _check_card(told: dict[str, Any] | None) -> None:
    if unknown := (told or {}).keys() - {*FACTS, "repo_id"}:
        raise ValueError(
            f"`model_card_kwargs` has unknown entries: {', '.join(sorted(unknown))}; "
            f"try {', '.join(sorted(FACTS))}"
        )
