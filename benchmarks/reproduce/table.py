"""Table of published and measured scores, as Markdown and as JSON."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from examples.common.files import write_json, write_text

HEAD = (
    *("recipe", "score", "published", "measured", "difference"),
    *("training data", "training", "batch", "steps", "samples seen"),
)
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
    write_text(folder / "reproduce.md", markdown(list(rows.values())))


def markdown(records: list[Record]) -> str:
    """Format the page: one table for all recipes of one machine and one setting."""
    lines = ["# Published and measured", "", ABOUT]
    tables: dict[str, list[Record]] = {}
    for record in records:
        if record["status"] == "done":
            tables.setdefault(_conditions(record), []).append(record)
    for conditions, done in tables.items():
        lines += ["", conditions, "", _line(HEAD), _line(["---"] * len(HEAD))]
        lines += [_score(record, name) for record in done for name in record["measured"]]
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
        f"{machine['torch']}, Python {machine['python']}. Seed {settings['seed']}, noise seeds "
        f"{', '.join(map(str, settings['noise_seeds']))}, at most {settings['num_test_images']} "
        f"held-out samples, {settings['precision']}."
    )


def _score(record: Record, name: str) -> str:
    """Format the line of one score."""
    score, training, published, difference = record["measured"][name], record["training"], "", ""
    if (theirs := record["published"].get(name)) is not None:
        published, difference = _number(*theirs), f"{score['mean'] - theirs[0]:+.1f}"
    tested = training.get("data_ood") if "OOD" in name else None
    return _line(
        (
            *(record["row"], name, published),
            *(_number(score["mean"], score["std_over_seeds"]), difference),
            training["data"] + (f", tested on {tested}" if tested else ""),
            f"{training['seconds'] / 60:.1f} min",
            *(f"{training[count]:,}" for count in ("batch_size", "steps", "samples_seen")),
        )
    )


def _number(mean: float, deviation: float | None) -> str:
    return f"{mean:.1f}" + ("" if deviation is None else f" ± {deviation:.1f}")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
