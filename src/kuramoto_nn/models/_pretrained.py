"""Models as folders: ``model.safetensors``, ``config.json`` and a card. Loading runs no code."""

import dataclasses
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from huggingface_hub import HfApi, ModelCard, PyTorchModelHubMixin, constants
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from kuramoto_nn.models._card import GENERATED, TEMPLATE, TOLD
from kuramoto_nn.models._config import Config
from kuramoto_nn.models._files import check_fit, locate, read_config, read_weights

WEIGHTS, CONFIG, CARD = constants.SAFETENSORS_SINGLE_FILE, constants.CONFIG_NAME, "README.md"
UNFINISHED = ".saving."
"""What the name of a folder that is being written begins with."""


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
        """Write the model into a folder, every file whole or not at all.

        Args:
            save_directory: The folder; made if missing. A card (``README.md``) of your own stays.
            config: Must be None: what is saved is the model's own configuration.
            repo_id: Repository to push to; the folder's name if None.
            push_to_hub: Whether to upload as well, once the folder is written.
            model_card_kwargs: ``data``, ``command``, ``seed``, ``score`` and ``notes``: a sentence
                each about how the weights came to be.
            **push_options: Those of ``push_to_hub`` of `huggingface_hub.PyTorchModelHubMixin`.

        Returns:
            The commit's address after a push, or None.

        Raises:
            ValueError: If an option is unknown.
            OSError: If the disk refuses; the old files are as they were.
        """
        if config is not None:
            raise ValueError(f"`config` must be None, the model's own is saved: got {config!r}")
        if not push_to_hub and (repo_id is not None or push_options):
            unused = ", ".join(push_options) or "repo_id"
            raise ValueError(f"used with push_to_hub=True only: {unused}")
        _check_card(model_card_kwargs)
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as name:
            fresh, card = Path(name), folder / CARD
            super().save_pretrained(fresh, model_card_kwargs=model_card_kwargs)
            if card.exists() and not (card.is_file() and GENERATED.encode() in card.read_bytes()):
                (fresh / CARD).unlink()
            for file in (WEIGHTS, CONFIG, CARD):  # the card last: it tells of the rest
                if (fresh / file).exists():
                    os.replace(fresh / file, folder / file)
        for stale in folder.glob(f"{UNFINISHED}*"):  # of processes that were killed
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
        """Upload the model.

        Args:
            repo_id: Name of the repository; without a namespace, one of your own.
            private: Whether a new repository is private; the account's default if None.
            token: Token for the Hub.
            model_card_kwargs: As in `save_pretrained`.
            **options: Others of `huggingface_hub.PyTorchModelHubMixin.push_to_hub`, such as
                ``branch``, ``commit_message``, and ``ignore_patterns="README.md"`` to keep the
                card that is on the Hub.

        Returns:
            The commit's address.

        Raises:
            ValueError: If the card is to tell something unknown.
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
            pretrained_model_name_or_path: A folder, or the name of a repository on the Hub.
            map_location: Device of the weights.
            revision: Branch, tag or commit of the repository.
            token: Token for the Hub.
            cache_dir: Where downloads are kept.
            force_download: Whether to download again what is kept.
            local_files_only: Whether to do without the network.

        Returns:
            The model in evaluation mode, its weights bit for bit as saved.

        Raises:
            ValueError: If a file is damaged, or the configuration has an unknown field or does not
                fit the weights; the message names the file, and the field or tensor.
            OSError: If a file is missing.
        """
        hub = {
            "revision": revision,
            "token": token,
            "cache_dir": cache_dir,
            "force_download": force_download,
            "local_files_only": local_files_only,
        }
        torch.empty(0, device=map_location)  # a wrong device is no fault of the files
        config_file = locate(pretrained_model_name_or_path, CONFIG, hub)
        weights_file = locate(pretrained_model_name_or_path, WEIGHTS, hub)
        weights, metadata = read_weights(weights_file, map_location)
        if metadata.get("model", cls.__name__) != cls.__name__:
            raise ValueError(
                f"{weights_file} holds weights of {metadata['model']}: got "
                f"{cls.__name__}.from_pretrained; try {metadata['model']}.from_pretrained"
            )
        config = read_config(config_file, cls.config_class)
        try:
            with torch.device("meta"):  # nothing is allocated or drawn before all is known to fit
                model = cls(config)  # type: ignore[call-arg]
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{config_file}: {error}") from error
        check_fit(model, config_file, weights_file, weights, metadata)
        # The tensors themselves become the parameters, so that their type is kept too.
        model.load_state_dict(weights, assign=True)
        return model.eval()

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
        config_file, weights_file = save_directory / CONFIG, save_directory / WEIGHTS
        text = json.dumps(dataclasses.asdict(self.config), indent=2)
        config_file.write_text(text + "\n", encoding="utf-8")
        weights = {name: value.contiguous() for name, value in self.state_dict().items()}
        metadata = {"format": "pt", "model": type(self).__name__, "config": text}
        try:
            save_file(weights, weights_file, metadata)
        except SafetensorError as error:
            raise OSError(f"cannot write {weights_file}: {error}") from error
        shutil.copymode(config_file, weights_file)  # safetensors makes private files


def _check_card(told: dict[str, Any] | None) -> None:
    if unknown := (told or {}).keys() - TOLD:
        raise ValueError(
            f"`model_card_kwargs` has unknown entries: {', '.join(sorted(unknown))}; "
            f"try {', '.join(sorted(TOLD))}"
        )
