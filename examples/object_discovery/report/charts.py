"""Curves of a report as SVG: energy over the steps, loss over training.

The style sheet of the page colours them for light and dark.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from examples.object_discovery.report.views import ExampleView, Report

WIDTH, HEIGHT = 460, 270
LEFT, RIGHT, TOP, BOTTOM = 76, 14, 12, 48


@dataclass(frozen=True)
class Line:
    """One curve; ``kind`` names its classes in the style sheet: main or control, faint."""

    x: Sequence[float]
    y: Sequence[float]
    kind: str = "main"


def ticks(low: float, high: float, count: int = 5) -> list[str]:
    """Choose round numbers (steps of 1, 2 or 5 times a power of ten) between two bounds.

    Examples:
        >>> ticks(0, 8), ticks(3.4, 4.6)
        (['0', '2', '4', '6', '8'], ['3.5', '4.0', '4.5'])
    """
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{i * step:.{decimals}f}" for i in range(first, last + 1)]


def smooth(values: Sequence[float]) -> list[float]:
    """Average exponentially over about a tenth of the curve, without a bias at the start.

    Examples:
        >>> smooth([2.0, 2.0, 2.0])
        [2.0, 2.0, 2.0]
    """
    keep = 1 - 1 / max(1.0, len(values) / 10)
    total = weight = 0.0
    result = []
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        result.append(total / weight)
    return result


def line_chart(lines: Sequence[Line], *, x_label: str, y_label: str, title: str) -> str:
    """Draw curves over common axes.

    Args:
        lines: The curves, the last one on top; points that are not finite are left out.
        x_label: Name and unit below the axis.
        y_label: Name and unit beside the axis.
        title: What a screen reader says.

    Returns:
        An ``<svg>`` element; a sentence instead if there is no point to draw.
    """
    curves = [
        (line.kind, [p for p in zip(line.x, line.y, strict=True) if all(map(math.isfinite, p))])
        for line in lines
    ]
    points = [point for _, curve in curves for point in curve]
    if not points:
        return '<p class="empty">Nothing was recorded.</p>'
    (x_low, x_high), (y_low, y_high) = (_range(values) for values in zip(*points, strict=True))
    margin = 0.04 * (y_high - y_low)
    y_low, y_high = y_low - margin, y_high + margin

    def across(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    box = f"0 0 {WIDTH} {HEIGHT}"
    parts = [f'<svg class="chart" viewBox="{box}" role="img" aria-label="{escape(title)}">']
    for text in ticks(y_low, y_high):
        y = down(float(text))
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
        parts.append(_text(text, "tick y", f'x="{LEFT - 8}" y="{y + 4.5:.1f}"'))
    for text in ticks(x_low, x_high):
        parts.append(_text(text, "tick x", f'x="{across(float(text)):.1f}" y="{bottom + 20}"'))
    for kind, curve in curves:
        if curve:
            path = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in curve)
            parts.append(f'<path class="line {escape(kind)}" d="M{path}"/>')
    parts.append(_text(x_label, "name", f'x="{(LEFT + right) / 2}" y="{HEIGHT - 6}"'))
    turned = f'transform="translate(14 {(TOP + bottom) / 2}) rotate(-90)"'
    return "".join([*parts, _text(y_label, "name", turned), "</svg>"])


def energy_chart(examples: list[ExampleView]) -> str:
    """Energy of every example over the steps, and the mean of all."""
    curves = [example.energies.tolist() for example in examples]
    mean = [sum(values) / len(values) for values in zip(*curves, strict=True)]
    lines = [Line(range(len(curve)), curve, "main faint") for curve in curves]
    return line_chart(
        [*lines, Line(range(len(mean)), mean)],
        x_label="step t",
        y_label="energy E (dimensionless)",
        title="Energy of every example over the steps, and their mean",
    )


def loss_chart(report: Report) -> str:
    """Loss of the run, and of the control if there is one, over the time of training."""
    logs = [("main", report.log), ("control", report.control_log)]
    unit, size = ("minutes", 60) if report.results["seconds"] >= 120 else ("seconds", 1)
    raw, strong = [], []
    for kind, log in logs:
        kept = [record for record in log if math.isfinite(record["loss"])]
        time = [record["seconds"] / size for record in kept]
        loss = [record["loss"] for record in kept]
        raw.append(Line(time, loss, f"{kind} faint"))
        strong.append(Line(time, smooth(loss), kind))
    return line_chart(
        [*raw, *strong],
        x_label=f"training time ({unit})",
        y_label="NT-Xent loss (nats)",
        title="Training loss over time, raw and smoothed",
    )


def loss_legend(report: Report) -> str:
    """What the lines of `loss_chart` are."""
    keys = [("faint", "raw"), ("main", "smoothed")]
    if report.control_log:
        keys.append(("control", "control, smoothed"))
    return "".join(f'<span class="key {kind}">{name}</span>' for kind, name in keys)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high - low > 1e-9 * max(1.0, abs(high)) else (low - 0.5, high + 0.5)


def _text(text: str, kind: str, place: str) -> str:
    minus = escape(text).replace("-", "\N{MINUS SIGN}") if "tick" in kind else escape(text)
    return f'<text class="{kind}" {place}>{minus}</text>'
