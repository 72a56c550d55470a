"""A row from nothing to the table, in slices; and a row whose data is not there."""

import json
import lzma
import shutil
from pathlib import Path

import pytest

from benchmarks.discovery_row import DiscoveryRow
from benchmarks.reproduce import GROUPS, ROWS, ReproduceOptions, reproduce
from benchmarks.reproduce_table import markdown, read_table, update_table
from benchmarks.rows import Settings
from benchmarks.sudoku_row import SudokuRow
from examples.object_discovery.weights import TASK
from examples.training.run_state import read
from kuramoto_nn.models import AKOrNSudoku

SAMPLE = Path(__file__).parents[2] / "examples" / "clevrtex_scenes" / "sample"


@pytest.fixture
def given(tmp_path):
    return {
        "minutes": 0.01,
        "out": tmp_path / "out",
        "data": tmp_path / "data",
        "results": tmp_path,
        "num_images": 64,
        "num_test_images": 4,
        "noise_seeds": (0, 1),
        "device": "cpu",
        "compile": "off",
    }


def test_a_row_is_trained_scored_and_tabulated_and_one_without_data_is_listed(given, tmp_path):
    rows = ("tetrominoes-attn-tiny", "clevrtex-vit-tiny")
    first = reproduce(ReproduceOptions(**given, rows=rows, slice_minutes=0.01))
    assert [record["status"] for record in first] == ["not trained", "not trained"]
    done, absent = reproduce(ReproduceOptions(**given, rows=rows))
    assert done["status"] == "done" and done["training"]["seconds"] >= 0.6
    assert done["training"]["samples_seen"] == 32 * done["training"]["steps"]
    assert list(done["measured"]) == ["FG-ARI", "MBO", "FG-ARI, up-tiled x4", "MBO, up-tiled x4"]
    assert len(done["measured"]["MBO"]["per_seed"]) == 2
    assert absent["status"].startswith("not at hand: no folder")

    content = json.loads((tmp_path / "reproduce.json").read_text())
    assert content["rows"][0]["measured"]["FG-ARI"]["mean"] == done["measured"]["FG-ARI"]["mean"]
    assert {"processor", "torch", "date"} <= content["rows"][0]["machine"].keys()
    assert content["rows"][0]["settings"]["seed"] == 0
    page = (tmp_path / "reproduce.md").read_text()
    assert page.count("| tetrominoes-attn-tiny |") == 4
    assert "- clevrtex-vit-tiny: not at hand" in page

    checkpoint = given["out"] / "tetrominoes-attn-tiny" / "checkpoint.pt"
    (again,) = reproduce(ReproduceOptions(**given, rows=rows[:1]))
    assert again["measured"] == done["measured"]
    assert (tmp_path / "reproduce.md").read_text() == page  # the other row is still listed
    assert read(checkpoint, task=TASK)["step"] == done["training"]["steps"]


def test_rendered_scenes_are_scored_on_all_of_their_variants(given, tmp_path):
    shutil.copytree(SAMPLE, given["data"])
    values = {name: value for name, value in given.items() if name not in ("results", "num_images")}
    values |= {"max_steps": 2, "batch_size": 4, "minutes": 10, "num_test_images": 5, "uptile": 2}
    row = DiscoveryRow("clevrtex-vit-tiny", Settings(**values))
    assert row.missing() is None and row.train(600)
    assert row.facts()["samples_seen"] == 8
    scores = row.evaluate(600)
    assert scores is not None
    assert [name for name in scores if "," not in name] == [
        *("FG-ARI", "MBO", "OOD FG-ARI", "OOD MBO", "CAMO FG-ARI", "CAMO MBO")
    ]
    summaries = (tmp_path / "out").rglob("summary.json")
    counts = {s["data"]: s["num_images"] for s in map(json.loads, map(Path.read_text, summaries))}
    assert counts == {"clevrtex-full": 1, "clevrtex-outd": 5, "clevrtex-camo": 5}


def test_sudoku_rows_are_scored_at_more_steps_and_by_votes(given):
    values = {name: value for name, value in given.items() if name != "results"}
    values |= {"max_steps": 1, "batch_size": 4, "minutes": 10, "num_images": 20, "votes": (2,)}
    row = SudokuRow("sudoku-akorn-tiny", Settings(**values))
    assert row.missing() is None and row.train(600)
    assert row.facts()["data"] == row.facts()["data_ood"] == "Sudoku made here"
    assert row.evaluate(0) is None  # the time was too short
    scores = row.evaluate(600)
    assert scores is not None and len(scores) == 10
    published = [
        name.replace("100", "2") for name in AKOrNSudoku.presets()["sudoku-akorn"].published
    ]
    assert set(published[:4]) <= scores.keys()
    assert len(scores["boards solved, OOD, T = 128, vote of 2"].per_seed) == 2
    (kept,) = row.folder.glob("solved-by-*.json")
    before = kept.stat().st_mtime_ns
    assert row.evaluate(600) == scores and kept.stat().st_mtime_ns == before
    kept.write_text("{")
    with pytest.raises(ValueError, match=r"solved-by-\w+\.json is damaged: .*; remove it"):
        row.evaluate(600)
    controls = [
        SudokuRow(f"sudoku-{name}", Settings(**values)) for name in ("itrsa", "transformer")
    ]
    names = [[control._score_name("OOD", t, 1) for t in control._steps] for control in controls]
    for control, expected in zip(controls, names, strict=True):
        assert expected[-1] in control.published


def test_what_is_known_of_some_boards_says_nothing_of_others(given):
    values = {name: value for name, value in given.items() if name != "results"}
    values |= {"max_steps": 1, "batch_size": 4, "minutes": 10, "num_images": 20, "votes": ()}
    values["num_test_images"] = 1
    name = "sudoku-transformer"
    assert SudokuRow(name, Settings(**values)).train(600)

    def pieces() -> list[str]:
        row = SudokuRow(name, Settings(**values))
        assert row.evaluate(600)
        (kept,) = row.folder.glob("solved-by-*.json")
        known = json.loads(kept.read_text())
        assert all(len(solved["1"]) == 1 for solved in known.values())
        return list(known)

    first = pieces()
    made = values["data"] / "sudoku-test-1-givens22to34-seed0.csv"
    solution = made.read_text().strip().split(",")[1]
    other = f"{solution[:40]}.{solution[41:]},{solution}\n"
    (values["data"] / "rrn-test.csv.xz").write_bytes(lzma.compress(other.encode()))
    assert pieces()[: len(first)] == first and len(pieces()) > len(first)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("tetrominoes-attn-tiny", {"seed": 1}),
        ("tetrominoes-attn-tiny", {"precision": "bf16"}),
        ("tetrominoes-attn-tiny", {"batch_size": 8}),
        ("tetrominoes-attn-tiny", {"num_images": 32}),
        ("sudoku-transformer", {"seed": 1}),
        ("sudoku-transformer", {"num_images": 32}),
    ],
)
def test_a_trained_row_is_not_taken_for_one_of_other_options(given, name, other):
    values = {key: value for key, value in given.items() if key != "results"}
    values |= {"batch_size": 4, "minutes": 1e-6}
    assert ROWS[name](name, Settings(**values)).train(600)
    assert ROWS[name](name, Settings(**values)).train(600)
    with pytest.raises(ValueError, match=r"is a run with \w+ = .*, this one has"):
        ROWS[name](name, Settings(**values | other)).train(600)


def test_sudoku_is_not_listed_as_trained_in_bfloat16(given):
    values = {name: value for name, value in given.items() if name != "results"}
    problem = SudokuRow("sudoku-akorn", Settings(**values, precision="bf16")).missing()
    assert problem == "Sudoku is trained in float32 alone: got --precision bf16"


def test_published_boards_are_found(given, shared):
    values = {name: value for name, value in given.items() if name != "results"}
    row = SudokuRow("sudoku-akorn", Settings(**values | {"data": shared / "data" / "sudoku"}))
    assert row.missing() is None
    assert [len(boards) for boards in row._tests.values()] == [4, 4]
    assert row._tests[""].givens.min() >= 31 and row._tests["OOD"].givens.max() <= 34


def test_training_goes_on_in_slices(given):
    values = {name: value for name, value in given.items() if name != "results"}
    values["minutes"] = 0.1  # far more than a step takes on a busy machine
    row = DiscoveryRow("tetrominoes-attn-tiny", Settings(**values))
    assert not row.train(0.2)
    first = row.facts()
    assert 0.2 <= first["seconds"] < 6
    assert row.train(100)
    second = row.facts()
    assert second["steps"] > first["steps"] and second["seconds"] >= 6


def test_the_table_puts_measured_beside_published():
    score = {"mean": 80.0, "std_over_seeds": 0.25}
    record = {
        "row": "tetrominoes-attn",
        "status": "done",
        "published": {"FG-ARI": (88.6, 1.7)},
        "measured": {"FG-ARI": score, "MBO": score | {"std_over_seeds": None}},
        "training": {
            "data": "tetrominoes",
            "seconds": 90.0,
            "batch_size": 256,
            "steps": 1000,
            "samples_seen": 256_000,
        },
        "machine": dict.fromkeys(("processor", "device", "threads", "torch", "python"), "x"),
        "settings": vars(Settings()),
    }
    page = markdown([record])
    expected = "88.6 ± 1.7 | 80.0 ± 0.2 | -8.6 | tetrominoes | 1.5 min | 256 | 1,000 | 256,000 |"
    assert f"| tetrominoes-attn | FG-ARI | {expected}" in page
    assert "| tetrominoes-attn | MBO |  | 80.0 |  |" in page

    record["training"] |= {"data": "SATNet", "data_ood": "Sudoku made here"}
    record["measured"] = {"boards solved": score, "boards solved, OOD": score}
    page = markdown([record])
    assert "| boards solved |  | 80.0 ± 0.2 |  | SATNet |" in page
    expected = "80.0 ± 0.2 |  | SATNet, tested on Sudoku made here |"
    assert f"| boards solved, OOD |  | {expected}" in page


def test_groups_are_the_papers_rows():
    assert len(GROUPS["tetrominoes"]) == len(GROUPS["dsprites"]) == len(GROUPS["clevr"]) == 4
    assert len(GROUPS["clevrtex"]) == 6 and len(GROUPS["sudoku"]) == 3
    assert len(GROUPS["all"]) == 21
    for name in GROUPS["all"]:
        assert ROWS[name](name, Settings()).published, name
    assert ReproduceOptions(rows=("all", "clevr-attn")).names() == list(GROUPS["all"])
    with pytest.raises(ValueError, match="unknown row 'tetris'; known are the groups tetromino"):
        ReproduceOptions(rows=("tetris",))


def test_a_finished_row_stays_until_it_is_finished_again(tmp_path):
    names = ("processor", "device", "threads", "torch", "python")
    settings = {"seed": 0, "noise_seeds": [0], "num_test_images": 1, "precision": "float32"}
    done = {"row": "a", "status": "done", "measured": {}, "settings": settings}
    done["machine"] = dict.fromkeys(names, "x")
    update_table(tmp_path, [done])
    update_table(tmp_path, [{"row": "a", "status": "not trained"}])
    assert json.loads((tmp_path / "reproduce.json").read_text())["rows"][0]["status"] == "done"
    update_table(tmp_path, [{"row": "b", "status": "not trained"}])
    assert [record["row"] for record in read_table(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"rows": {"a": 1}}', '{"rows": [{"row": "a", "status": "done"}]}']
)
def test_a_damaged_table_is_noticed_before_the_work(given, tmp_path, content):
    (tmp_path / "reproduce.json").write_text(content)
    with pytest.raises(ValueError, match="no table of this script"):
        reproduce(ReproduceOptions(**given, rows=("tetrominoes-attn-tiny",)))
    assert not given["out"].exists()
    assert (tmp_path / "reproduce.json").read_text() == content
