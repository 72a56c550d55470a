"""Command lines from dataclasses: recipes, checks of values, one-line errors, and signals.

Nothing here imports torch.
"""

import dataclasses
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import tyro

LARGEST_SEED = 2**63 - 1
PARTS = ("model", "data", "training", "scoring")  # of a recipe, and of the names of its options

Options = TypeVar("Options")
Recipe = TypeVar("Recipe")


def option_name(field: str) -> str:
    """Option of a field: ``"training.batch_size"`` is ``--training.batch-size``."""
    return f"--{field.replace('_', '-')}"


def check_positive(
    options: Any, *names: str, prefix: str = "", most: float = sys.float_info.max
) -> None:
    """Raise ValueError unless the fields, or all entries of a tuple, are above 0, at most ``most``.

    None passes. ``prefix`` stands before the names on the command line, such as ``training.``.
    """
    bound = "finite" if most == sys.float_info.max else f"at most {most:,}"
    for name in names:
        value = getattr(options, name)
        entries = value if isinstance(value, tuple) else (value,)
        if not all(entry is None or 0 < entry <= most for entry in entries):
            option, given = option_name(prefix + name), " ".join(map(str, entries))
            raise ValueError(f"{option} must be positive and {bound}: got {given}")


def check_seed(seed: int, name: str = "seed") -> None:
    """Raise ValueError for a seed that no generator takes; ``name`` is its field."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"{option_name(name)} must lie in 0..{LARGEST_SEED}: got {seed}")


def check_noise_seeds(seeds: tuple[int, ...]) -> None:
    """Raise ValueError for noise seeds that no generator takes, equal ones, and none at all."""
    if not seeds:
        raise ValueError("--noise-seeds needs at least one seed: got none")
    if len(set(seeds)) < len(seeds):
        given = " ".join(map(str, seeds))
        raise ValueError(f"--noise-seeds must differ from each other: got {given}")
    for seed in seeds:
        check_seed(seed, "noise_seeds")


def look_up(recipes: Mapping[str, Recipe], name: str) -> Recipe:
    """The recipe of a name; ValueError if it is unknown."""
    if name not in recipes:
        raise ValueError(f"unknown recipe {name!r}; known are {', '.join(recipes)}")
    return recipes[name]


def recipe_options(
    options_type: Callable[..., Options], recipes: Mapping[str, Any], name: str, **changes: Any
) -> Options:
    """Options of a run of a recipe, with changes: ``model={"num_blocks": 3}, seed=1``.

    The run's folder is ``runs/NAME`` unless ``out`` is given.
    """
    recipe = look_up(recipes, name)
    parts = {p: dataclasses.replace(getattr(recipe, p), **changes.pop(p, {})) for p in PARTS}
    return options_type(recipe=name, **{"out": Path("runs") / name, **parts, **changes})


def run_command(
    function: Callable[[Any], object],
    options_type: type,
    *,
    recipes: Mapping[str, Any] | None = None,
) -> None:
    """Parse the command line into a dataclass, whose docstrings are the help; call a function.

    With recipes, the first word of the command line names one. Its parts are the defaults, and
    options such as ``--training.batch-size`` change them.

    A mistake on the command line exits with code 2, any other error of the user, of the data or of
    the machine with code 1 and one line, and Ctrl-C with code 130.
    """
    spec = sys.modules["__main__"].__spec__  # set by python -m
    program = f"python -m {spec.name.removesuffix('.__main__')}" if spec else sys.argv[0]
    code = 2
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # "±" on an ASCII terminal
        try:
            words = list(map(_as_tyro_reads, sys.argv[1:]))
            if recipes is None:
                options = tyro.cli(options_type, args=words, prog=program)
            else:
                options = _parse_recipe(options_type, recipes, program, words)
            code = 1
            function(options)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe (`| head -1`). The flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except (ValueError, OSError, MemoryError) as error:
        print(f"error: {str(error) or type(error).__name__}", file=sys.stderr)
        sys.exit(code)


def _as_tyro_reads(word: str) -> str:
    """Convert ``none`` to tyro's ``None`` and expand ``~``, also after an ``=``."""
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return option + equals + ("None" if value == "none" else os.path.expanduser(value))


def _parse_recipe(
    options_type: type, recipes: Mapping[str, Any], program: str, words: list[str]
) -> Any:
    """Parse ``RECIPE [OPTIONS]``."""
    if not words or words[0].startswith("-"):
        wants_help = words[:1] in (["-h"], ["--help"])
        names = "".join(f"  {name}\n" for name in recipes)
        print(
            f"usage: {program} RECIPE [OPTIONS]\n\n{options_type.__doc__}\n\nrecipes:\n{names}\n"
            f"The options of a recipe: {program} RECIPE --help",
            file=sys.stdout if wants_help else sys.stderr,
        )
        sys.exit(0 if wants_help else 2)
    return tyro.cli(
        options_type,
        args=words[1:],
        default=recipe_options(options_type, recipes, words[0]),
        # The recipe's network decides which fields of the model exist.
        config=(tyro.conf.AvoidSubcommands,),
        prog=f"{program} {words[0]}",
    )


@contextmanager
def deferred_interrupts() -> Iterator[list[str]]:
    """Record SIGINT (Ctrl-C) and SIGTERM (a batch scheduler), so that the block can save and end.

    Yields the names of the signals that have come. A second signal acts as usual, but not under
    torchrun, which passes signals on to processes that the terminal or the scheduler has signalled
    already, and kills those that still run after half a minute.
    """
    names: list[str] = []
    under_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def record(number: int, frame: object) -> None:
        names.append(signal.Signals(number).name)
        if not under_torchrun:
            signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, record)
    try:
        yield names
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
