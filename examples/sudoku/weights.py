"""The network of a trained run, or of a folder that `save_pretrained` wrote."""

import json
from pathlib import Path

from examples.sudoku.recipes import build_model
from examples.training.checkpoint import first_line
from examples.training.run_state import read
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku

TASK = "examples.sudoku.train"
SHIPPED = Path(__file__).parent / "weights" / "sudoku-akorn-tiny"
"""The small model that comes with the examples."""


def load_model(source: Path, *, averaged: bool = True) -> tuple[AKOrNSudoku | ItrSASudoku, str]:
    """Load a network.

    Args:
        source: A run's checkpoint, or the folder of a saved model.
        averaged: Whether to take the averaged weights of a checkpoint.

    Returns:
        The model, in evaluation mode, and the name of its preset or folder.

    Raises:
        ValueError: If the files are unreadable or of another kind.
        OSError: If a file is missing.
    """
    if source.is_dir():
        return _family(source / "config.json").from_pretrained(source), source.name
    saved = read(source, task=TASK)
    preset = saved["identity"]["preset"]
    model = build_model(preset)
    try:
        model.load_state_dict(saved["average" if averaged else "model"])
    except RuntimeError as error:
        raise ValueError(f"{source} does not fit {preset}: {first_line(error)}") from error
    return model.eval(), preset


def _family(config: Path) -> type[AKOrNSudoku] | type[ItrSASudoku]:
    """Oscillators have components, the control has none."""
    try:
        fields = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{config} is no configuration: {first_line(error)}") from error
    return AKOrNSudoku if "oscillator_dim" in fields else ItrSASudoku
