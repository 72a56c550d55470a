"""Table of published and measured scores, as Markdown and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.reproduce.experiments import Settings
from benchmarks.tables import head, line
from examples.common.command import option_name
from examples.common.files import write_json, write_text

SCORES = ("recipe", "score", "published", "measured", "difference")
RUNS = ("recipe", "training data", "training", "batch", "steps", "samples seen", "command")
OF_A_MACHINE = ("out", "data_root", "device", "compile")
"""Settings that the command of a result leaves out."""
ABOUT = (
    "Scores x100. Published: mean ± deviation over training runs. Measured: one training run, "
    "mean ± deviation over the seeds of the noise at evaluation (ItrSA and ViT have none)."
)
Record = Mapping[str, Any]
"""`row`, `status`, `published`, `measured`, `machine`, `settings`, and once trained `training`."""


def update_table(folder: Path, records: list[dict[str, Any]]) -> None:
    """Update ``reproduce.md`` and ``reproduce.json`` in a folder with new records.

    Records of other recipes stay, and so does a finished one until its recipe is finished again.
    """
    rows = {record["row"]: record for record in read_table(folder)}
    for record in records:
        old = rows.get(record["row"])
        if old is None or record["status"] == "done" or old["status"] != "done":
            rows[record["row"]] = record
    write_json(folder / "reproduce.json", {"rows": list(rows.values())})
    write_text(folder / "reproduce.md", markdown([*rows.values()]))


def markdown(records: Sequence[Record]) -> str:
    """Format the page: scores and runs of all recipes of one machine and one setting."""
    lines = ["# Published and measured", "", ABOUT]
    tables: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: not record.get("published")):
        if record["status"] == "done":
            tables.setdefault(_conditions(record), []).append(record)
    for conditions, done in tables.items():
        lines += ["", conditions, "", *head(*SCORES)]
        lines += [_score(record, name) for record in done for name in record["measured"]]
        lines += ["", *head(*RUNS), *map(_run, done)]
    others = [f"- {r['row']}: {r['status']}" for r in records if r["status"] != "done"]
    if others:
        lines += ["", "Not in a table:", "", *others]
    return "\n".join(lines) + "\n"


def read_table(folder: Path) -> list[dict[str, Any]]:
    """Read the records of ``reproduce.json``, none if there is no such file."""
    path = folder / "reproduce.json"
    if not path.exists():
        return []
    try:
        records = json.loads(path.read_text())["rows"]
        markdown(records)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a table of this script; move it away") from error
    return records


def _conditions(record: Record) -> str:
    machine, settings = record["machine"], record["settings"]
    return (
        f"{machine['processor']}, {machine['device']}, {machine['threads']} threads, torch "
        f"{machine['torch']}, Python {machine['python']}, {machine['date']}. "
        f"Seed {settings['seed']}, noise seeds {', '.join(map(str, settings['noise_seeds']))}, at "
        f"most {settings['num_test_images']} held-out samples, {settings['precision']}."
    )


def _score(record: Record, name: str) -> str:
    """Format the line of one score."""
    score, published, difference = record["measured"][name], "", ""
    if (theirs := record["published"].get(name)) is not None:
        published, difference = _number(*theirs), f"{score['mean'] - theirs[0]:+.1f}"
    measured = _number(score["mean"], score["std_over_seeds"])
    return line((record["row"], name, published, measured, difference))


def _run(record: Record) -> str:
    """Format the line of one training."""
    training, settings = record["training"], record["settings"]
    tested = training.get("data_ood")
    defaults = {k: v for k, v in asdict(Settings()).items() if k not in OF_A_MACHINE}
    given = {name: _words(settings.get(name, value)) for name, value in defaults.items()}
    changed = [n for n, value in defaults.items() if given[n] != _words(value)]
    options = " ".join(f"{option_name(name)} {given[name]}" for name in changed)
    return line(
        (
            record["row"],
            training["data"] + (f", tested on {tested} (OOD)" if tested else ""),
            f"{training['seconds'] / 60:.1f} min",
            *(f"{training[count]:,}" for count in ("batch_size", "steps", "samples_seen")),
            f"`python -m benchmarks.reproduce --recipes {record['row']} {options}`",
        )
    )


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _number(mean: float, deviation: float | None) -> str:
    return f"{mean:.1f}" + ("" if deviation is None else f" ± {deviation:.1f}")
