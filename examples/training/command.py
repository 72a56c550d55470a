"""Command lines from dataclasses, and one line instead of a traceback for a user's mistake."""

import os
import sys
from collections.abc import Callable
from typing import Any

import tyro


def run_command(function: Callable[[Any], object], options_type: type) -> None:
    """Parse the command line into a dataclass and call a function with it.

    Args:
        function: What to do with the options.
        options_type: The dataclass; its docstring and its fields' are the help.
    """
    spec = sys.modules["__main__"].__spec__  # what python -m ran
    program = f"python -m {spec.name.removesuffix('.__main__')}" if spec else None
    try:
        function(tyro.cli(options_type, prog=program))
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has read enough (`| head -1`); what is left must not fail again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
