"""The network of a trained run, or of a folder that `save_pretrained` wrote."""

import json
from pathlib import Path

from examples.sudoku.recipes import build_model
from examples.training.checkpoint import first_line
from examples.training.run_state import CHECKPOINT, read
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku

TASK = "examples.sudoku.train"
SHIPPED = Path(__file__).parent / "trained" / "sudoku-akorn-tiny"
"""The small model that comes with the examples."""


def load_model(source: Path) -> tuple[AKOrNSudoku | ItrSASudoku, str]:
    """Load a network; of a run its averaged weights.

    Args:
        source: A run's folder or checkpoint, or the folder of a saved model.

    Returns:
        The model, in evaluation mode, and the name of its preset or folder.

    Raises:
        ValueError: If the files are missing, unreadable or of another kind.
        OSError: If a file cannot be read.
    """
    if source == SHIPPED and not source.exists():
        raise ValueError(
            "no weights come with this copy of the examples; train a network "
            "(python -m examples.sudoku.train) and give --model runs/sudoku"
        )
    if (source / CHECKPOINT).is_file():
        source = source / CHECKPOINT
    if source.is_dir():
        return _family(source / "config.json").from_pretrained(source), source.name
    saved = read(source, task=TASK)
    preset = saved["identity"]["preset"]
    model = build_model(preset)
    try:
        model.load_state_dict(saved["average"])
    except RuntimeError as error:
        raise ValueError(f"{source} does not fit {preset}: {first_line(error)}") from error
    return model.eval(), preset


def _family(config: Path) -> type[AKOrNSudoku] | type[ItrSASudoku]:
    """Oscillators have components, the control has none; a file that is wrong, loading names."""
    try:
        fields = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return AKOrNSudoku
    is_control = isinstance(fields, dict) and "oscillator_dim" not in fields
    return ItrSASudoku if is_control else AKOrNSudoku
