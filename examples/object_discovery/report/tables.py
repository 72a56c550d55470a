"""Numbers in words: scores, durations, the score table and the facts of a run."""

import math
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from examples.object_discovery.report.views import Report
from examples.object_discovery.scores import SCORES

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

PAPER = "Published (Miyato et al. 2025): trained by the authors with the full recipe"
FACTS = {
    "recipe": "Recipe",
    "parameters": "Parameters",
    "steps": "Training steps",
    "images_seen": "Images seen",
    "seconds": "Training time",
    "device": "Device",
    "threads": "Threads",
    "seed": "Seed",
    "torch": "PyTorch",
    "control_recipe": "Control",
}


class Row(NamedTuple):
    """A row of the score table: mean and deviation (None if unknown) by the score's name, x100."""

    name: str
    scores: Mapping[str, tuple[float | None, float | None]]
    images_seen: int | None = None
    kind: str = ""


def score(value: float | None) -> str:
    """One decimal; a dash for NaN and None.

    Examples:
        >>> score(74.25), score(float("nan"))
        ('74.2', '–')
    """
    return DASH if value is None or not math.isfinite(value) else f"{value:.1f}"


def number(value: object) -> str:
    """A count with separators, anything else as it is, safe in HTML; a dash for None.

    Examples:
        >>> number(38400), number("<b>")
        ('38,400', '&lt;b&gt;')
    """
    if value is None:
        return DASH
    return f"{value:,}" if type(value) is int else escape(str(value))


def duration(seconds: float) -> str:
    """A duration in the unit that suits it.

    Examples:
        >>> duration(600), duration(45), duration(5400)
        ('10 minutes', '45 seconds', '1.5 hours')
    """
    units = (("hour", 3600), ("minute", 60), ("second", 1))
    unit, size = next((pair for pair in units if seconds >= pair[1]), units[-1])
    count = f"{seconds / size:.1f}".removesuffix(".0")
    return f"{count} {unit}" if count == "1" else f"{count} {unit}s"


def score_rows(report: Report) -> str:
    """Table bodies: this run's rows, and the published ones if there are any."""
    results, names = report.results, report.scores
    uptile = results.get("uptile", 4)
    finer = f"up-tiled {TIMES}{uptile}"
    seen, control_seen = results["images_seen"], results.get("images_seen_control")
    candidates = [
        ("Untrained", "_untrained", 0, ""),
        ("Trained", "", seen, "main"),
        (f"Trained, {finer}", "_uptiled", seen, "finer"),
        ("Control", "_control", control_seen, ""),
        (f"Control, {finer}", "_control_uptiled", control_seen, ""),
    ]
    run = [
        Row(title, {name: (results.get(f"{name}{end}"), None) for name in names}, seen, kind)
        for title, end, seen, kind in candidates
        if f"{names[0]}{end}" in results
    ]
    published = []
    for title, end in (("AKOrN", ""), (f"AKOrN, {finer}", f", up-tiled x{uptile}")):
        theirs = {n: report.published.get(f"{SCORES[n].title}{end}", (None, None)) for n in names}
        if any(mean is not None for mean, _ in theirs.values()):
            published.append(Row(title, theirs, kind="paper"))
    return _body(run) + (_body(published, title=PAPER) if published else "")


def score_heads(names: list[str]) -> str:
    """Heads of the table's columns of scores."""
    return "".join(f'<th scope="col" class="num">{escape(SCORES[n].title)}</th>' for n in names)


def score_notes(names: list[str]) -> str:
    """What every score says, one sentence each."""
    return " ".join(escape(f"{SCORES[n].title} ({SCORES[n].note}).") for n in names)


def facts(results: dict) -> str:
    """What was run, as terms and descriptions; keys that are missing are left out."""
    shown = {**results, "seconds": duration(results["seconds"])}
    return "".join(
        f"<div><dt>{title}</dt><dd>{number(shown[key])}</dd></div>"
        for key, title in FACTS.items()
        if shown.get(key) is not None
    )


def _body(rows: list[Row], title: str = "") -> str:
    columns = len(rows[0].scores) + 3
    head = (
        f'<tr><th scope="rowgroup" colspan="{columns}">{escape(title)}</th></tr>' if title else ""
    )
    return f"<tbody>{head}{''.join(map(_row, rows))}</tbody>"


def _row(row: Row) -> str:
    first = next(iter(row.scores.values()))[0]
    width = 0.0 if score(first) == DASH else min(max(first or 0.0, 0.0), 100.0)
    cells = "".join(
        f'<td class="num">{score(mean)}{_deviation(deviation)}</td>'
        for mean, deviation in row.scores.values()
    )
    return (
        f'<tr class="{row.kind}"><th scope="row">{escape(row.name)}</th>'
        f'<td class="bar-cell"><span class="bar" style="--value:{width:.1f}"></span></td>'
        f'{cells}<td class="num">{number(row.images_seen)}</td></tr>'
    )


def _deviation(value: float | None) -> str:
    return "" if value is None else f' <span class="pm">&plusmn; {value:.1f}</span>'
