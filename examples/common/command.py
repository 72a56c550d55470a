"""Command lines from dataclasses: recipes, checks of values, one-line errors, and signals.

Nothing here imports torch.
"""

import dataclasses
import io
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import tyro

LARGEST_SEED = 2**63 - 1
PARTS = ("model", "data", "training", "scoring")
"""Parts of a recipe, and the prefixes of the options that change them."""

Options = TypeVar("Options")
Recipe = TypeVar("Recipe")


def option_name(field: str) -> str:
    """Name of a field as it is typed: ``"training.batch_size"`` is ``--training.batch-size``."""
    return f"--{field.replace('_', '-')}"


def check_positive(options: Any, *names: str, prefix: str = "") -> None:
    """Reject options that are not finite and above 0; None passes.

    Args:
        options: A dataclass of options.
        *names: Fields to check. Of a tuple, all entries are checked.
        prefix: What stands before the fields' names on the command line, such as ``training.``.

    Raises:
        ValueError: If one is not; the message names the option as it is typed.
    """
    for name in names:
        value = getattr(options, name)
        entries = value if isinstance(value, tuple) else (value,)
        if not all(entry is None or 0 < entry < math.inf for entry in entries):
            given = " ".join(map(str, entries))
            raise ValueError(
                f"{option_name(prefix + name)} must be positive and finite: got {given}"
            )


def check_seed(seed: int, name: str = "seed") -> None:
    """Reject seeds that no generator takes.

    Args:
        seed: The seed.
        name: The field that it is (an entry of).

    Raises:
        ValueError: If it is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"{option_name(name)} must lie in 0..{LARGEST_SEED}: got {seed}")


def check_noise_seeds(seeds: tuple[int, ...]) -> None:
    """Reject noise seeds that no generator takes, equal ones, and none at all.

    Args:
        seeds: The option.

    Raises:
        ValueError: If one is wrong.
    """
    if not seeds:
        raise ValueError("--noise-seeds needs at least one seed: got none")
    if len(set(seeds)) < len(seeds):
        given = " ".join(map(str, seeds))
        raise ValueError(f"--noise-seeds must differ from each other: got {given}")
    for seed in seeds:
        check_seed(seed, "noise_seeds")


def look_up(recipes: Mapping[str, Recipe], name: str) -> Recipe:
    """Look a recipe up.

    Args:
        recipes: All recipes by name.
        name: Its name.

    Returns:
        The recipe.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in recipes:
        raise ValueError(f"unknown recipe {name!r}; known are {', '.join(recipes)}")
    return recipes[name]


def recipe_options(
    options_type: Callable[..., Options],
    recipes: Mapping[str, Any],
    name: str,
    *,
    model: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    scoring: dict[str, Any] | None = None,
    **fields: Any,
) -> Options:
    """Options of a run of a recipe; the run's folder is ``runs/NAME`` unless ``out`` is given.

    Args:
        options_type: Dataclass with ``recipe`` (a name), ``model``, ``data``, ``training``,
            ``scoring`` and ``out``.
        recipes: All recipes by name.
        name: Name of the recipe.
        model: Fields of the network's configuration to change.
        data: Fields of the data to change.
        training: Fields of the training to change.
        scoring: Fields of the scoring to change.
        **fields: Other fields of the options.

    Returns:
        The options.

    Raises:
        ValueError: If there is no such recipe, or a value is wrong.
    """
    recipe = look_up(recipes, name)
    changes = zip(PARTS, (model, data, training, scoring), strict=True)
    parts = {part: dataclasses.replace(getattr(recipe, part), **(c or {})) for part, c in changes}
    return options_type(recipe=name, **{"out": Path("runs") / name, **parts, **fields})


def run_command(
    function: Callable[[Any], object],
    options_type: type,
    *,
    recipes: Mapping[str, Any] | None = None,
) -> None:
    """Parse the command line into a dataclass and call a function with it.

    Args:
        function: What to do with the options.
        options_type: The dataclass; its docstring and its fields' are the help.
        recipes: Recipes by name. The first word of the command line then names one, its parts are
            the defaults, and options such as ``--training.batch-size`` change them.
    """
    spec = sys.modules["__main__"].__spec__  # what python -m ran
    program = f"python -m {spec.name.removesuffix('.__main__')}" if spec else sys.argv[0]
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # "±" on a terminal that knows ASCII alone
        words = list(map(_as_tyro_reads, sys.argv[1:]))
        if recipes is None:
            options = tyro.cli(options_type, args=words, prog=program)
        else:
            options = _parse_recipe(options_type, recipes, program, words)
        function(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has read enough (`| head -1`); what is left must not fail again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except (ValueError, OSError, MemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def _as_tyro_reads(word: str) -> str:
    """Write ``none`` as tyro knows it, and ``~`` as the home folder, after an ``=`` too."""
    option = re.match(r"(--[\w.-]+=)?", word)
    assert option is not None
    value = word[option.end() :]
    return option[0] + ("None" if value == "none" else os.path.expanduser(value))


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


class Interrupt:
    """Whether SIGINT (Ctrl-C) or SIGTERM (a batch scheduler) has come.

    Attributes:
        signal_name: Name of the signal, or None.
    """

    signal_name: str | None = None

    def __bool__(self) -> bool:
        return self.signal_name is not None


@contextmanager
def deferred_interrupts() -> Iterator[Interrupt]:
    """Record SIGINT and SIGTERM so that the block can save before it ends; a second one acts.

    Under torchrun a second one is recorded too: torchrun passes signals on to processes that the
    terminal or the scheduler has signalled already, and kills those that still run after half a
    minute.

    Yields:
        An object that is true once a signal has come.
    """
    interrupt = Interrupt()
    under_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: object) -> None:
        interrupt.signal_name = signal.Signals(number).name
        if not under_torchrun:
            signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, note)
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
