"""Numbers of a report as text: scores, durations, the table of scores, the facts of a run."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from examples.object_discovery.scores import SCORES

DASH = "\N{EN DASH}"
Deviating = tuple[float, float | None] | tuple[None, None]
"""Mean and standard deviation of a score, x100; None where unknown."""
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


def score(value: float | None) -> str:
    """Format with one decimal; a dash for NaN and None.

    Examples:
        >>> score(74.25), score(float("nan"))
        ('74.2', '–')
    """
    return DASH if value is None or not math.isfinite(value) else f"{value:.1f}"


def number(value: object) -> str:
    """Format a count with separators; other values as HTML text, a dash for None.

    Examples:
        >>> number(38400), number("<b>")
        ('38,400', '&lt;b&gt;')
    """
    if value is None:
        return DASH
    return f"{value:,}" if type(value) is int else escape(str(value))


def duration(seconds: float) -> str:
    """Format a duration in hours, minutes or seconds.

    Examples:
        >>> duration(600), duration(45), duration(5400)
        ('10 minutes', '45 seconds', '1.5 hours')
    """
    units = (("hour", 3600), ("minute", 60), ("second", 1))
    unit, size = next((pair for pair in units if seconds >= pair[1]), units[-1])
    count = f"{seconds / size:.1f}".removesuffix(".0")
    return f"{count} {unit}" if count == "1" else f"{count} {unit}s"


def score_rows(
    results: Mapping[str, Any], names: Sequence[str], published: Mapping[str, tuple[float, float]]
) -> str:
    """Bodies of the table of scores: rows of this run, and published ones if there are any."""
    uptile = results["uptile"]
    finer = f"up-tiled \N{MULTIPLICATION SIGN}{uptile}"
    seen, control_seen = results["images_seen"], results.get("images_seen_control")
    run = [
        _row(title, kind, [(results[f"{name}{end}"], None) for name in names], seen)
        for title, end, kind, seen in (
            ("Untrained", "_untrained", "", 0),
            ("Trained", "", "main", seen),
            (f"Trained, {finer}", "_uptiled", "finer", seen),
            ("Control", "_control", "", control_seen),
            (f"Control, {finer}", "_control_uptiled", "", control_seen),
        )
        if f"{names[0]}{end}" in results
    ]
    paper = []
    for title, end in (("AKOrN", ""), (f"AKOrN, {finer}", f", up-tiled x{uptile}")):
        scores = [published.get(f"{SCORES[name].title}{end}", (None, None)) for name in names]
        if any(mean is not None for mean, _ in scores):
            paper.append(_row(title, "paper", scores, None))
    if paper:
        head = f'<th scope="rowgroup" colspan="{len(names) + 3}">{PAPER}</th>'
        paper = ["</tbody><tbody><tr>", head, "</tr>", *paper]
    return f"<tbody>{''.join([*run, *paper])}</tbody>"


def facts(results: Mapping[str, Any]) -> str:
    """Facts of the run as terms and descriptions; missing ones are left out."""
    shown = {**results, "seconds": duration(results["seconds"])}
    return "".join(
        f"<div><dt>{title}</dt><dd>{number(shown[key])}</dd></div>"
        for key, title in FACTS.items()
        if shown.get(key) is not None
    )


def _row(title: str, kind: str, scores: Sequence[Deviating], seen: int | None) -> str:
    """Row of means and deviations, with the first mean as a bar."""
    first = scores[0][0]
    width = 0.0 if first is None or not math.isfinite(first) else min(max(first, 0.0), 100.0)
    cells = [score(mean) for mean, _ in scores]
    for i, (_, deviation) in enumerate(scores):
        if deviation is not None:
            cells[i] += f' <span class="pm">&plusmn; {deviation:.1f}</span>'
    return (
        f'<tr class="{kind}"><th scope="row">{escape(title)}</th>'
        f'<td class="bar-cell"><span class="bar" style="--value:{width:.1f}"></span></td>'
        + "".join(f'<td class="num">{cell}</td>' for cell in [*cells, number(seen)])
        + "</tr>"
    )
