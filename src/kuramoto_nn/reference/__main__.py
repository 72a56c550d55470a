"""Convert a file: ``python -m kuramoto_nn.reference in.pth out_folder --kind akorn --L 2 …``."""

import argparse
import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import Any, get_type_hints

from kuramoto_nn.models import Model
from kuramoto_nn.models._config import _describe
from kuramoto_nn.reference._kinds import KINDS
from kuramoto_nn.reference._load import load


def main(argv: list[str] | None = None) -> None:
    """Load a file of the authors' code, and write a folder that `load_model` loads."""
    options = _parser(argv).parse_args(argv)
    given = {n: v for n, v in vars(options).items() if n not in ("source", "folder", "kind")}
    given = {n: v[0] if isinstance(v, list) and len(v) == 1 else v for n, v in given.items()}
    try:
        model = load(options.source, options.kind, **given)
        assert isinstance(model, Model)
        words = [Path(options.source).name, "FOLDER", "--kind", options.kind]
        for name, value in given.items():
            words += [f"--{name}", *_written(value).split()]
        command = f"python -m kuramoto_nn.reference {shlex.join(words)}"
        notes = f"Converted from a file of the authors' code by `{command}`."
        model.save_pretrained(options.folder, model_card_kwargs={"notes": notes})
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{options.folder}: load it with kuramoto_nn.load_model")


def _parser(argv: list[str] | None) -> argparse.ArgumentParser:
    """Options of the command line: those of the named kind are the authors' arguments."""
    kinds = [kind for kind in KINDS if kind != "layer"]  # a folder cannot hold a layer alone
    parser = argparse.ArgumentParser(
        prog="python -m kuramoto_nn.reference",
        description="Convert weights that the authors' code saved into a folder of this library.",
        epilog="`--kind KIND --help` lists the authors' constructor arguments of that kind.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("source", metavar="in.pth", help="checkpoint, EMA file or state dict")
    parser.add_argument("folder", metavar="out_folder", help="where config and weights go")
    parser.add_argument("--kind", required=True, choices=kinds)
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--kind")
    kind = first.parse_known_args(argv)[0].kind
    if kind in kinds:
        arguments = KINDS[kind][0]
        hints = get_type_hints(arguments)
        group = parser.add_argument_group(f"the authors' constructor arguments of {kind}")
        for field in dataclasses.fields(arguments):
            meaning = _describe(hints[field.name])
            group.add_argument(
                f"--{field.name}",
                nargs="+" if "a list" in meaning else None,
                type=_value,
                metavar="VALUE",
                help=f"{meaning}; default: {_written(field.default)}",
            )
    return parser


def _value(text: str) -> Any:
    """A number, true, false, or a word; `load` checks it."""
    try:
        return json.loads(text.lower())
    except ValueError:
        return text


def _written(value: Any) -> str:
    """A value as on the command line."""
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    main()
