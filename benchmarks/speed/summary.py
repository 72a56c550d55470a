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
        rows = results.get("rows", []) if isinstance(results, dict) else []
        lines = [line(row["work"], goal) for row in rows for goal in row.get("targets", [])]
        if lines:
            machine = results["machine"]
            where = machine["processor"] if machine["device"] == "cpu" else machine["device"]
            versions = f"{machine['threads']} threads, torch {machine['torch']}, {machine['date']}"
            parts.append(f"## {path.stem}\n\n{where}, {versions}\n\n{HEADER}{''.join(lines)}")
    return "\n".join(parts)


def line(work: str, target: dict[str, Any]) -> str:
    """Format one row of the table."""
    least, most = target["least"], target["most"]
    wanted = f"≥ {least:g}" if most is None else f"≤ {most:g}"
    met = "met" if target["met"] else "missed"
    return f"| {work} | {target['what']} | {target['value']:.3g} | {wanted} | {met} |\n"


if __name__ == "__main__":
    (RESULTS / "README.md").write_text(summarise(RESULTS))
    print(RESULTS / "README.md")
