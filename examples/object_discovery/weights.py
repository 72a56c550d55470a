"""The network of a trained run."""

from pathlib import Path

from examples.object_discovery.recipes import build_model
from examples.training.checkpoint import first_line
from examples.training.run_state import read
from kuramoto_nn.models import AKOrN, ItrSA

TASK = "examples.object_discovery.train"


def load_model(
    path: Path, *, preset: str | None = None, averaged: bool = True
) -> tuple[AKOrN | ItrSA, str]:
    """Load the network of a run.

    Args:
        path: The run's checkpoint.
        preset: Row it must be of; None takes the one that the checkpoint names.
        averaged: Whether to take the averaged weights.

    Returns:
        The model, in evaluation mode, and the name of its preset.

    Raises:
        ValueError: If the checkpoint is unreadable or of another row.
    """
    saved = read(path, task=TASK)
    trained = saved["identity"]["preset"]
    if preset not in (None, trained):
        raise ValueError(f"{path} was trained with --preset {trained}: got --preset {preset}")
    model = build_model(trained)
    try:
        model.load_state_dict(saved["average" if averaged else "model"])
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit {trained}: {first_line(error)}") from error
    return model.eval(), trained
