"""One page of all results: targets and measured values.

    python -m benchmarks.speed.summary

Reads `benchmarks/results/*.json` and writes `benchmarks/results/README.md`.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.speed.report import RESULTS

HEADER = "| work | what | measured | target | |\n|---|---|---:|---:|---|\n"


def summarise(folder: Path) -> str:
    """Write the targets of every result in a folder as Markdown tables."""
    written = "Written by `python -m benchmarks.speed.summary`; the JSON files hold the rest."
    parts = [f"# Results\n\n{written}\n"]
    for path in sorted(folder.glob("*.json")):
        results = json.loads(path.read_text())
        rows = [row for row in rows_of(results) if row["targets"]]
        if rows:
            lines = "".join(line(row["work"], target) for row in rows for target in row["targets"])
            machine = describe(results["machine"])
            parts.append(f"## {path.stem}\n\n{machine}\n\n{HEADER}{lines}")
    return "\n".join(parts)


def rows_of(results: Any) -> list[dict[str, Any]]:
    """Rows of a `Report`; none if something else wrote the file."""
    rows = results.get("rows", []) if isinstance(results, dict) else []
    return [row for row in rows if "targets" in row]


def describe(machine: dict[str, Any]) -> str:
    """Name a machine in a line."""
    where = machine["processor"] if machine["device"] == "cpu" else machine["device"]
    return f"{where}, {machine['threads']} threads, torch {machine['torch']}, {machine['date']}"


def line(work: str, target: dict[str, Any]) -> str:
    """One row of the table."""
    least, most = target["least"], target["most"]
    wanted = f"≥ {least:g}" if most is None else f"≤ {most:g}"
    met = "met" if target["met"] else "missed"
    return f"| {work} | {target['what']} | {target['value']:.3g} | {wanted} | {met} |\n"


if __name__ == "__main__":
    (RESULTS / "README.md").write_text(summarise(RESULTS))
    print(RESULTS / "README.md")
