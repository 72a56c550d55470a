"""The curves of a report: energy over the steps, loss over the training."""

import math

from examples.object_discovery.report.charts import Line, line_chart, smooth
from examples.object_discovery.report.views import ExampleView, Report


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
