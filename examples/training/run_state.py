"""Everything a run needs to go on: weights, their average, the optimiser, and how far it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from examples.training import checkpoint
from examples.training.checkpoint import first_line
from examples.training.ema import WeightAverage

CHECKPOINT = "checkpoint.pt"
FORMAT = 2


class RunState:
    """State of a training run.

    Args:
        model: The network in training, neither compiled nor wrapped.
        average: The average of its weights.
        optimizer: Its optimiser.
        identity: What a run that goes on must share with the saved one; plain values, among them
            its ``"task"`` (the module that trains) and ``"preset"``.
        options: Everything else that was chosen, plain values: kept in the checkpoint for whoever
            reads it, and free to change when a run goes on.

    Attributes:
        step: Steps taken.
        seconds: Seconds of training, over all sessions.
    """

    def __init__(
        self,
        model: nn.Module,
        average: WeightAverage,
        optimizer: torch.optim.Optimizer,
        *,
        identity: dict[str, Any],
        options: dict[str, Any] | None = None,
    ):
        self.model, self.average, self.optimizer = model, average, optimizer
        self.identity, self.options = identity, options or {}
        self.step, self.seconds = 0, 0.0

    def save(self, path: Path) -> None:
        """Write the state; see `checkpoint.save`.

        Raises:
            ValueError: If a weight is not finite; the file stays as it was.
        """
        if not all(value.isfinite().all() for value in self.model.state_dict().values()):
            raise ValueError(
                f"weights are not finite after step {self.step}, {path} is left as it was; "
                f"lower --learning-rate and start in another --out"
            )
        state = {
            "format": FORMAT,
            "identity": self.identity,
            "options": self.options,
            "step": self.step,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        checkpoint.save(path, state)

    def restore(self, path: Path) -> None:
        """Take up the state in ``path``, if the file is there.

        Raises:
            ValueError: If it is unreadable or of another run.
        """
        if not path.exists():
            return
        saved = read(path, task=self.identity["task"])
        check_same(path, saved["identity"], dict.fromkeys(saved["identity"]) | self.identity)
        try:
            self.model.load_state_dict(saved["model"])
            self.average.model.load_state_dict(saved["average"])
            self.optimizer.load_state_dict(saved["optimizer"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise ValueError(f"{path} does not fit the network: {first_line(error)}") from error
        self.step, self.seconds = saved["step"], saved["seconds"]


def check_same(path: Path, saved: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Check that a saved run is the one that is asked for.

    Args:
        path: Its checkpoint.
        saved: Its identity.
        ours: What its identity must have.

    Raises:
        ValueError: If it has anything else.
    """
    for name, wanted in ours.items():
        if saved.get(name) != wanted:
            raise ValueError(
                f"{path} is a run with {name} = {saved.get(name)!r}, this one has {wanted!r}; "
                f"choose another --out or the same options"
            )


def read(path: Path, *, task: str) -> dict[str, Any]:
    """Read a run's checkpoint and check that it is one.

    Args:
        path: The file.
        task: Module that must have trained it.

    Returns:
        The saved state.

    Raises:
        ValueError: If it is unreadable, or of another kind or format.
    """
    saved = checkpoint.load(path)
    needed = ("identity", "step", "seconds", "model", "average", "optimizer")
    whole = saved.get("format") == FORMAT and all(name in saved for name in needed)
    if not whole or saved["identity"].get("task") != task or "preset" not in saved["identity"]:
        raise ValueError(f"{path} is no checkpoint of {task}")
    return saved
