"""Small runs of every script, and the correctness of timings and reports."""

import importlib
import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks.speed.measure import (
    LEAST_ROUNDS,
    Timing,
    count_flops,
    describe_machine,
    measure,
)
from benchmarks.speed.report import BASELINE, FASTER, RESULTS, Options, Report
from tests.slow import mostly_slow

CPU = torch.device("cpu")
FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = re.findall(r"^run (\w+) ", (FOLDER / "gpu.sh").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def machine() -> dict:
    return describe_machine(CPU)


@mostly_slow(SCRIPTS, *(name for name in SCRIPTS if name != "memory"))
def test_script(name: str, machine: dict, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    options = Options(quick=True, compile=False, rounds=3, budget=1.0, out=tmp_path)
    report = Report(name, options)
    importlib.import_module(f"benchmarks.speed.{name}").run(report)
    printed = capsys.readouterr().out

    written = json.loads(report.write(machine).read_text())
    assert written["machine"] == machine and written["quick"]
    assert written["rows"]
    for row in written["rows"]:
        assert row["work"] in printed
        assert row["times"] or row["facts"]
        for timing in row["times"].values():
            assert 0 < timing["low"] <= timing["median"] <= timing["high"] < math.inf
    if name == "scaling":
        assert (tmp_path / "scaling.png").stat().st_size > 10_000


def test_machine(machine: dict) -> None:
    assert {"processor", "cores", "threads", "torch", "device", "date"} <= machine.keys()
    rates = {name: value for name, value in machine.items() if "/s]" in name}
    assert len(rates) >= 3 and all(0.1 < value < 1e6 for value in rates.values())


def test_all_scripts_are_in_gpu_sh() -> None:
    scripts = {
        file.stem for file in (FOLDER / "speed").glob("*.py") if "    main(" in file.read_text()
    }
    assert set(SCRIPTS) == scripts
    limits = re.findall(r"^run \w+ (\d+)$", (FOLDER / "gpu.sh").read_text(), re.MULTILINE)
    assert len(limits) == len(SCRIPTS) and sum(map(int, limits)) < 460  # and 90 s to compile
    subprocess.run(["bash", "-n", FOLDER / "gpu.sh"], check=True)


def test_measure_interleaves_and_repeats_short_work() -> None:
    calls = []

    def long() -> None:
        calls.append("long")
        time.sleep(0.03)

    work = {"long": long, "short": lambda: calls.append("short")}
    times = measure(work, device=CPU, rounds=4)
    assert calls.count("long") == 2 + 4
    assert calls.count("short") > 400  # microseconds each, 20 milliseconds a round
    assert 0.03 <= times["long"].low <= times["long"].median < 0.3
    assert times["short"].median < 1e-4 and times["short"].rounds == 4
    blocks = [name for i, name in enumerate(calls) if i == 0 or calls[i - 1] != name]
    assert blocks.count("short") >= 3


def test_measure_stops_at_the_budget() -> None:
    times = measure({"long": lambda: time.sleep(0.03)}, device=CPU, rounds=50, budget=0.01)
    assert times["long"].rounds == LEAST_ROUNDS


def test_timing() -> None:
    assert Timing.of([5.0, 1.0, 2.0, 3.0, 4.0]) == Timing(3.0, 2.0, 4.0, 5)
    assert Timing.of([2.0]) == Timing(2.0, 2.0, 2.0, 1)


def test_row(capsys: pytest.CaptureFixture) -> None:
    seconds = {BASELINE: 6.0, FASTER: 5.0, "ours": 2.0}
    times = {name: Timing(value, value, value, 1) for name, value in seconds.items()}
    Report("test", Options()).add("work", times, 1.0)
    *_, baseline, faster, ours = capsys.readouterr().out.splitlines()
    assert "x baseline" not in baseline
    assert faster.count("x baseline") == 1 and "1.20x baseline" in faster
    assert "3.00x baseline" in ours and f"2.50x {FASTER}" in ours
    assert "50.0 % of the limit's rate" in ours


def test_limit_of_a_row() -> None:
    left, right = torch.ones(256, 256), torch.ones(256, 256)
    work = {BASELINE: lambda: left @ right}
    row = Report("test", Options(rounds=3)).compare("work", work, with_limit=True)
    assert row.times.keys() == {BASELINE}
    assert row.limit is not None and 0 < row.limit < 0.01


def test_flops() -> None:
    left, right = torch.ones(2, 3), torch.ones(3, 5)
    assert count_flops(lambda: left @ right) == 2 * 2 * 3 * 5


def test_options() -> None:
    assert Options().folder == FOLDER / "results" == RESULTS
    assert Options(quick=True).folder == Path("runs/benchmarks")
    with pytest.raises(ValueError, match="--rounds must be positive"):
        Options(rounds=0)


def test_a_missing_package_is_one_line_that_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "einops.py").write_text("raise ModuleNotFoundError(name='einops')")
    root = FOLDER.parent
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{root / 'src'}:{root}"}
    command = [sys.executable, "-m", "benchmarks.speed.layer", "--quick"]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "the package 'einops' is missing; the benchmarks need" in done.stderr
    assert "'.[dev]'" in done.stderr
