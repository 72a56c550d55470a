"""Numbers in words: scores, durations, the score table and the facts of a run."""

import math
from html import escape
from typing import NamedTuple

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

PAPER = "Published (Miyato et al. 2025): trained by the authors, 50 epochs, batches of 256"
FACTS = {
    "preset": "Preset",
    "parameters": "Parameters",
    "steps": "Training steps",
    "images_seen": "Images seen",
    "seconds": "Training time",
    "device": "Device",
    "threads": "Threads",
    "seed": "Seed",
    "torch": "PyTorch",
    "control_preset": "Control",
}


class Row(NamedTuple):
    """A row of the score table: scores x100 with the deviation over runs where it is known."""

    name: str
    fg_ari: float | None
    mbo: float | None
    images_seen: int | None
    kind: str = ""
    fg_ari_deviation: float | None = None
    mbo_deviation: float | None = None


PUBLISHED = {
    "tetrominoes": [
        Row("AKOrN, attention", 88.6, 56.4, 3_000_000, "paper", 1.7, 0.9),
        Row(f"AKOrN, attention, up-tiled {TIMES}4", 93.1, 56.3, 3_000_000, "paper", 0.3, 0.0),
    ],
}
"""Rows of the paper by data set."""


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


def score_rows(results: dict) -> str:
    """Table bodies: this run's rows, and the paper's if it has the data set."""
    seen, control_seen = results["images_seen"], results.get("images_seen_control")
    finer = f"up-tiled {TIMES}{results.get('uptile', 4)}"
    candidates = [
        ("Untrained", "_untrained", 0, ""),
        ("Trained", "", seen, "main"),
        (f"Trained, {finer}", "_uptiled", seen, "finer"),
        ("Control", "_control", control_seen, ""),
        (f"Control, {finer}", "_control_uptiled", control_seen, ""),
    ]
    run = [
        Row(name, results[f"fg_ari{key}"], results.get(f"mbo{key}"), n, kind)
        for name, key, n, kind in candidates
        if f"fg_ari{key}" in results
    ]
    published = PUBLISHED.get(str(results["preset"]).split("-")[0], [])
    return _body(run) + (_body(published, title=PAPER) if published else "")


def facts(results: dict) -> str:
    """What was run, as terms and descriptions; keys that are missing are left out."""
    shown = {**results, "seconds": duration(results["seconds"])}
    return "".join(
        f"<div><dt>{title}</dt><dd>{number(shown[key])}</dd></div>"
        for key, title in FACTS.items()
        if shown.get(key) is not None
    )


def _body(rows: list[Row], title: str = "") -> str:
    head = f'<tr><th scope="rowgroup" colspan="5">{escape(title)}</th></tr>' if title else ""
    return f"<tbody>{head}{''.join(map(_row, rows))}</tbody>"


def _row(row: Row) -> str:
    width = 0.0 if score(row.fg_ari) == DASH else min(max(row.fg_ari or 0.0, 0.0), 100.0)
    return (
        f'<tr class="{row.kind}"><th scope="row">{escape(row.name)}</th>'
        f'<td class="bar-cell"><span class="bar" style="--value:{width:.1f}"></span></td>'
        f'<td class="num">{score(row.fg_ari)}{_deviation(row.fg_ari_deviation)}</td>'
        f'<td class="num">{score(row.mbo)}{_deviation(row.mbo_deviation)}</td>'
        f'<td class="num">{number(row.images_seen)}</td></tr>'
    )


def _deviation(value: float | None) -> str:
    return "" if value is None else f' <span class="pm">&plusmn; {value:.1f}</span>'
