"""Curves of a report as SVG, coloured by the page's style sheet for light and dark.

Matplotlib is not used, as its SVG refers to other sites and has fixed colours.
"""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 460, 270
LEFT, RIGHT, TOP, BOTTOM = 76, 446, 12, 222  # edges of the plot inside the picture
Line = tuple[str, Sequence[float], Sequence[float]]
"""One curve: its classes in the style sheet (main or control, and faint), x, and y."""


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
    """Draw curves over common axes, the last one on top; leaves out points that are not finite.

    Returns an ``<svg>`` element; a sentence if there is no point. A screen reader says the title.
    """
    curves = [
        (kind, [p for p in zip(*xy, strict=True) if all(map(math.isfinite, p))])
        for kind, *xy in lines
    ]
    points = [point for _, curve in curves for point in curve]
    if not points:
        return '<p class="empty">Nothing was recorded.</p>'
    (x_low, x_high), (y_low, y_high) = (_range(values) for values in zip(*points, strict=True))
    margin = 0.04 * (y_high - y_low)
    y_low, y_high = y_low - margin, y_high + margin

    def across(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (RIGHT - LEFT)

    def down(y: float) -> float:
        return BOTTOM - (y - y_low) / (y_high - y_low) * (BOTTOM - TOP)

    def text(kind: str, place: str, words: str) -> str:
        return f'<text class="{kind}" {place}>{escape(words)}</text>'

    box = f"0 0 {WIDTH} {HEIGHT}"
    parts = [f'<svg class="chart" viewBox="{box}" role="img" aria-label="{escape(title)}">']
    for tick in ticks(y_low, y_high):
        y, minus = down(float(tick)), tick.replace("-", "\N{MINUS SIGN}")
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>')
        parts.append(text("tick y", f'x="{LEFT - 8}" y="{y + 4.5:.1f}"', minus))
    for tick in ticks(x_low, x_high):
        parts.append(text("tick x", f'x="{across(float(tick)):.1f}" y="{BOTTOM + 20}"', tick))
    for kind, curve in curves:
        places = [f"{across(x):.1f} {down(y):.1f}" for x, y in curve]
        if places:
            path = "L".join(places if len(places) > 1 else places * 2)  # one point is a dot
            parts.append(f'<path class="line {kind}" d="M{path}"/>')
    turned = f'transform="translate(14 {(TOP + BOTTOM) / 2}) rotate(-90)"'
    parts.append(text("name", f'x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 6}"', x_label))
    return "".join([*parts, text("name", turned, y_label), "</svg>"])


def energy_chart(curves: list[list[float]]) -> str:
    """Energy of every example over the steps, and the mean of all."""
    mean = [sum(values) / len(values) for values in zip(*curves, strict=True)]
    lines = [("main faint", range(len(curve)), curve) for curve in curves]
    return line_chart(
        [*lines, ("main", range(len(mean)), mean)],
        x_label="step t",
        y_label="energy E (dimensionless)",
        title="Energy of every example over the steps, and their mean",
    )


def loss_chart(log: list[dict], control_log: list[dict], seconds: float) -> str:
    """Loss of a run that took so many seconds, and of its control, over the time of training."""
    unit, size = ("minutes", 60) if seconds >= 120 else ("seconds", 1)
    raw, strong = [], []
    for kind, records in (("main", log), ("control", control_log)):
        kept = [record for record in records if math.isfinite(record["loss"])]
        time = [record["seconds"] / size for record in kept]
        loss = [record["loss"] for record in kept]
        raw.append((f"{kind} faint", time, loss))
        strong.append((kind, time, smooth(loss)))
    return line_chart(
        [*raw, *strong],
        x_label=f"training time ({unit})",
        y_label="NT-Xent loss (nats)",
        title="Training loss over time, raw and smoothed",
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high - low > 1e-9 * max(1.0, abs(high)) else (low - 0.5, high + 0.5)
