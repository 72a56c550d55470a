"""Train variants of a recipe, score each, and write a table.

    python -m benchmarks.sweep benchmarks/sweeps/tetrominoes-views.txt --out runs/sweep

The list begins with the commands that all variants share, words of ``python -m examples.``:

    object_discovery.train tetrominoes-attn-tiny --max-steps 900 --training.batch-size 64
    object_discovery.evaluate MODEL --data.name tetrominoes
    object_discovery.evaluate MODEL --data.name tetrominoes --uptile 4

Every other line is a variant: options that are added to the first command. ``MODEL`` is its run.
Lines that begin with ``#`` are the text above the table. Limit the runs by ``--max-steps``: seconds
pass on a shared machine without steps. The same command resumes; a variant that is finished is not
trained again, so that lines can be added.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from tyro.conf import Positional

from benchmarks.tables import RESULTS, head, line, name_machine
from examples.common.command import run_command
from examples.common.files import write_json, write_text
from examples.common.progress import read_jsonl


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Train and score the variants of a list."""

    variants: Annotated[Positional[Path], ...]
    """The list."""
    out: Path = Path("runs/sweep")
    """Folder of the runs."""
    results: Path = RESULTS
    """Folder of the table, ``sweep-NAME.md`` for the list ``NAME.txt``."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A list of variants."""

    text: list[str]
    train: list[str]
    evaluations: list[list[str]]
    variants: list[str]

    @classmethod
    def read(cls, path: Path) -> "Sweep":
        """Read a list; ValueError if it does not begin with a training."""
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        text = [line[1:].strip() for line in lines if line.startswith("#")]
        lines = [line for line in lines if line and not line.startswith("#")]
        commands = [shlex.split(line) for line in lines if not line.startswith("-")]
        variants = [line for line in lines if line.startswith("-")]
        if not commands or not commands[0][0].endswith(".train"):
            got = lines[0] if lines else "an empty list"
            raise ValueError(f"{path} must begin with a command such as sudoku.train: got {got}")
        return cls(text=text, train=commands[0], evaluations=commands[1:], variants=["", *variants])


def sweep(options: SweepOptions) -> None:
    """Train and score every variant, and update the table after each."""
    given, rows = Sweep.read(options.variants), []
    name = f"sweep-{options.variants.stem}"
    for variant in given.variants:
        rows.append(run_variant(given, variant, options.out))
        lines = (f"# {name}", "", *page(given, rows), "")
        write_text(options.results / f"{name}.md", "\n".join(lines))
        print(line([*rows[-1].values()]), flush=True)


def run_variant(given: Sweep, variant: str, out: Path) -> dict[str, Any]:
    """Train and score one variant; return its row of the table, which its folder keeps."""
    train = [*given.train, *shlex.split(variant)]
    folder = out / hashlib.sha256(shlex.join(train).encode()).hexdigest()[:8]
    kept = folder / "row.json"
    row = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    if not row:
        began = cpu_seconds()
        output = call([*train, "--out", str(folder)])
        if "done: " not in output.splitlines()[-1]:  # a signal, and the run is saved
            raise ValueError(f"{folder} was interrupted; repeat the command")
        spent = cpu_seconds() - began
        records = read_jsonl(folder / "log.jsonl")
        losses = [record["loss"] for record in records[-10:]]
        row = {
            "variant": f"`{variant}`" if variant else "as above",
            "steps": f"{records[-1]['step']:,}",
            "CPU s": f"{spent:.0f}",
            "loss": f"{sum(losses) / len(losses):.3f}",
        }
        write_json(kept, row)
    for number, evaluation in enumerate(given.evaluations, start=1):
        if f"score {number}" not in row:
            words = [str(folder) if word == "MODEL" else word for word in evaluation]
            row[f"score {number}"] = call(words).partition("  (")[0]
            write_json(kept, row)
    return row


def cpu_seconds() -> float:
    """CPU seconds of all commands so far."""
    times = os.times()
    return times.children_user + times.children_system


def call(words: list[str]) -> str:
    """Run one of our commands; return its output."""
    command = [sys.executable, "-m", f"examples.{words[0]}", *words[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{shlex.join(command)} failed with code {done.returncode}, see above")
    return done.stdout


def page(given: Sweep, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of the page below its title."""
    machine = name_machine(torch.device("cpu"))
    yield from ("\n\n".join(given.text), "", f"{machine['processor']}, torch {machine['torch']}.")
    yield from ("", "```")
    for words in (given.train, *given.evaluations):
        yield f"python -m examples.{shlex.join(words)}"
    yield from ("```", "", *head(*rows[0]), *(line([*row.values()]) for row in rows))


if __name__ == "__main__":
    run_command(sweep, SweepOptions)
