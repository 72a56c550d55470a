"""Pages made from the code and from the results: configurations, commands, scores."""

import ast
import dataclasses
import io
import json
import os
import re
import runpy
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from unittest.mock import patch
from warnings import catch_warnings

import griffe
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
SOURCES = [str(ROOT), str(ROOT / "src")]
PARSERS = re.compile(r"run_command\(|ArgumentParser\(|report import .*\bmain\b")
COLUMNS = "80"
"""Width of a command's help in characters; it fits the page."""


def on_files(files, config):
    """Add the pages to the site."""
    for name, page in pages().items():
        files.append(File.generated(config, name, content=page))
    return files


@cache
def pages() -> dict[str, str]:
    """The pages by their place."""
    with patch.object(sys, "path", [*SOURCES, *sys.path]):
        return {
            "reference/configurations.md": configurations(),
            "reference/commands.md": commands(),
            "results/index.md": results(),
        }


# Configurations. --------------------------------------------------------------------------------


def configurations() -> str:
    """Every field of every configuration, of networks and of recipes."""
    from examples.common.command import PARTS
    from examples.object_discovery.recipes import RECIPES as DISCOVERY
    from examples.sudoku.recipes import RECIPES as SUDOKU
    from kuramoto_nn import models

    networks = [cls for name, cls in vars(models).items() if name.endswith("Config")]
    bases = {base for cls in networks for base in cls.__mro__[1:]}
    parts = [
        f"# Configurations\n\n{configurations.__doc__} Lists are tuples in Python. A recipe is a "
        "network with `data`, `training` and `scoring`, and sets its own values: `train RECIPE "
        "--help` prints them, and options such as `--training.batch-size` change them.",
        *("## Networks", *(table(cls) for cls in networks if cls not in bases)),
    ]
    for title, recipes in {"Object discovery": DISCOVERY, "Sudoku": SUDOKU}.items():
        values = (getattr(recipe, part) for recipe in recipes.values() for part in PARTS[1:])
        parts += [f"## {title}", *map(table, nested(*map(type, values)))]
    return "\n\n".join(parts)


def nested(*classes: Any) -> list[Any]:
    """The dataclasses among some types, and those of their fields, each once."""
    found: dict[Any, None] = {}
    for cls in classes:
        if dataclasses.is_dataclass(cls):
            found |= dict.fromkeys([cls, *nested(*get_type_hints(cls).values())])
        else:
            found |= dict.fromkeys(nested(*get_args(cls)))
    return list(found)


def table(cls: Any) -> str:
    """Fields of a dataclass as a table."""
    described, hints = descriptions(cls), get_type_hints(cls)
    lines = [f"### {cls.__name__}", "", "| field | meaning | type | default |", "|---|---|---|---|"]
    for field in dataclasses.fields(cls):
        text = " ".join(described[field.name].split()).replace("|", "\\|")
        cells = f"`{field.name}`", text, type_text(hints[field.name]), default_text(field)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@cache
def sources() -> griffe.ModulesCollection:
    """The source code with its docstrings."""
    loader = griffe.GriffeLoader(search_paths=SOURCES)
    for package in ("kuramoto_nn", "examples"):
        loader.load(package)
    return loader.modules_collection


def descriptions(cls: Any) -> dict[str, str]:
    """Meaning of every field: the string below it, or its line under Attributes."""
    found = {}
    bases: list[Any] = [base for base in reversed(cls.__mro__) if dataclasses.is_dataclass(base)]
    for base in bases:
        code = sources()[f"{base.__module__}.{base.__qualname__}"]
        for section in code.docstring.parse("google", warnings=False):
            if section.kind is griffe.DocstringSectionKind.attributes:
                found |= {item.name: item.description for item in section.value}
        found |= {n: a.docstring.value for n, a in code.attributes.items() if a.docstring}
    return found


def type_text(hint: Any) -> str:
    """A type in words."""
    members = get_args(hint)
    if get_origin(hint) is Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in members)
    if get_origin(hint) in (Union, UnionType):
        first, *others = map(type_text, members)
        return " or ".join((first, *(other.replace(first, "these") for other in others)))
    if get_origin(hint) is tuple:
        count = "" if members[1:] == (...,) else f"{len(members)} "
        return f"a list of {count}{type_text(members[0])}"
    return {NoneType: "None"}.get(hint) or f"{hint.__name__}"


def default_text(field: dataclasses.Field) -> str:
    """Default of a field."""
    if field.default_factory is not dataclasses.MISSING:
        return "its own defaults"
    if isinstance(field.default, str):
        return f"`{json.dumps(field.default)}`"
    return "needed" if field.default is dataclasses.MISSING else f"`{field.default!r}`"


# Commands. --------------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its help."""
    seen: dict[str, str] = {}
    parts = [
        f"# Commands\n\n{commands.__doc__} A command starts with `python -m`. In a value, `none` "
        "is None in Python, and `~` the home directory."
    ]
    for module, about in command_modules():
        text = help_of(module)
        first = seen.setdefault(text.replace(module, ""), module)
        parts += [f"## {module}", about]
        same = f"The options are those of `{first}`."
        parts.append(block(text) if first == module else same)
        if recipe := re.search(r"recipes:\n  (\S+)", text):
            parts += [
                f"Options of a recipe, here `{recipe[1]}`:",
                block(help_of(module, recipe[1])),
            ]
    return "\n\n".join(parts)


def command_modules() -> Iterator[tuple[str, str]]:
    """All modules that parse a command line, with their docstrings; the examples first."""
    for folder in (ROOT / "examples", ROOT / "src" / "kuramoto_nn", ROOT / "benchmarks"):
        for file in sorted(folder.rglob("*.py"), key=lambda file: (len(file.parts), file)):
            code = file.read_text(encoding="utf-8")
            if PARSERS.search(code) and ('== "__main__"' in code or file.name == "__main__.py"):
                parts = file.relative_to(folder.parent).with_suffix("").parts
                about = ast.get_docstring(ast.parse(code)) or ""
                about = re.sub(" {8,}", r" \\\n        ", about)  # as the file continues lines
                yield ".".join(parts).removesuffix(".__main__"), about


def help_of(module: str, *words: str) -> str:
    """What --help prints, without rules between its parts."""
    output = io.StringIO()
    with (
        patch.object(sys, "argv", [module, *words, "--help"]),
        patch.dict(os.environ, COLUMNS=COLUMNS, NO_COLOR="1"),
        redirect_stdout(output),
        suppress(SystemExit),
        catch_warnings(action="ignore"),  # a module that was imported runs once more
    ):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    lines = (line.rstrip().replace(f"{ROOT}/", "") for line in output.getvalue().splitlines())
    return "\n".join(line for line in lines if line.strip("- ") or not line).strip()


def block(text: str) -> str:
    """Text as a block of its own."""
    return f"```text\n{text}\n```"


# Results. ---------------------------------------------------------------------------------------


def results() -> str:
    """Published beside measured scores, and the trained models of the repository."""
    from benchmarks.reproduce.table import markdown, read_table
    from kuramoto_nn.models import all_presets

    records = read_table(ROOT / "benchmarks" / "results")
    parts = [
        markdown(records),
        "Rows with a GPU were trained there, and scored there (Sudoku) or on a CPU (torch 2.13.0), "
        "in float32; their minutes include pauses. Rows of Tetrominoes and dSprites [end early]"
        "(small-runs.md#the-papers-recipes). The small networks of the repository [reach more]"
        "(#trained-models-of-the-repository) on dSprites and Sudoku.",
        "The rows `clevrtex-*-tiny` are scores of [rendered scenes]"
        "(small-runs.md#rendered-scenes), not of CLEVRTex. [Sudoku](../howto/sudoku.md#results) "
        "has the results on harder boards.",
        "## Published, not measured here",
    ]
    for name, preset in all_presets().items():
        if preset.published and name not in {record["row"] for record in records}:
            scores = (f"{score} {m:g} ± {std:g}" for score, (m, std) in preset.published.items())
            parts.append(f"- `{name}`: {', '.join(scores)}")
    parts.append("## Trained models of the repository")
    for card in sorted(ROOT.glob("examples/*/trained/*/README.md")):
        text = card.read_text(encoding="utf-8")
        facts = re.search(r"^\*\*Data.*(?=^## Configuration)", text, re.MULTILINE | re.DOTALL)
        parts += [f"### {card.parent.name}", facts[0] if facts else text]
    return "\n\n".join(parts)
