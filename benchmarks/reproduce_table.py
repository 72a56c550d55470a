"""The table of `reproduce`: published beside measured, as Markdown and as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examples.training.files import write_json, write_text

HEAD = (
    *("row", "score", "published", "measured", "difference"),
    *("training", "steps", "samples seen"),
)


def write_table(
    folder: Path,
    records: list[dict[str, Any]],
    *,
    machine: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Write ``reproduce.md`` and ``reproduce.json``.

    Args:
        folder: Where.
        records: One of every row: ``row``, ``status``, ``published``, ``measured``, and if it was
            trained ``training``.
        machine: What it was measured on.
        settings: How rows were trained and scored.
    """
    content = {"machine": machine, "settings": settings, "rows": records}
    write_json(folder / "reproduce.json", content)
    write_text(folder / "reproduce.md", markdown(records, machine=machine, settings=settings))


def markdown(
    records: list[dict[str, Any]], *, machine: Mapping[str, Any], settings: Mapping[str, Any]
) -> str:
    """The page; arguments as of `write_table`."""
    lines = [
        "# Published and measured",
        "",
        "Scores x100. Published: mean ± deviation over training runs. Measured: one training run, "
        f"seed {settings['seed']}, mean ± deviation over the noise seeds "
        f"{', '.join(map(str, settings['noise_seeds']))}; at most {settings['num_test_images']} "
        f"held-out images; at most {settings['minutes']:g} minutes of training in "
        f"{settings['precision']}.",
        "",
        f"{machine['date']}, {machine['processor']}, {machine['device']}, {machine['threads']} "
        f"threads, torch {machine['torch']}, Python {machine['python']}.",
        "",
        _line(HEAD),
        _line(["---"] * len(HEAD)),
    ]
    for record in records:
        lines += _rows(record)
    others = [record for record in records if record["status"] != "done"]
    if others:
        lines += ["", "Not in the table:", ""]
        lines += [f"- {record['row']}: {record['status']}" for record in others]
    return "\n".join(lines) + "\n"


def _rows(record: dict[str, Any]) -> list[str]:
    """One line for every score that was measured."""
    lines = []
    for name, score in record["measured"].items():
        published = record["published"].get(name)
        training = record["training"]
        lines.append(
            _line(
                [
                    record["row"],
                    name,
                    "" if published is None else f"{published[0]:.1f} ± {published[1]:.1f}",
                    _mean(score),
                    "" if published is None else f"{score['mean'] - published[0]:+.1f}",
                    f"{training['seconds'] / 60:.1f} min",
                    f"{training['steps']:,}",
                    f"{training['samples_seen']:,}",
                ]
            )
        )
    return lines


def _mean(score: Mapping[str, Any]) -> str:
    spread = score["std_over_seeds"]
    return f"{score['mean']:.1f}" + ("" if spread is None else f" ± {spread:.1f}")


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
