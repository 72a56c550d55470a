"""Recipes trained, scored and tabulated in slices; missing data; damaged tables."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.reproduce.__main__ import GROUPS, ReproduceOptions, reproduce
from benchmarks.reproduce.experiments import (
    EXPERIMENTS,
    DiscoveryExperiment,
    Settings,
    SudokuExperiment,
)
from benchmarks.reproduce.table import markdown, read_table, update_table
from examples.common.run import read_checkpoint
from examples.object_discovery.scores import SCORES, Score
from kuramoto_nn.models import AKOrNSudoku

SAMPLE = Path(__file__).parents[1] / "data" / "clevrtex"


@pytest.fixture
def given(tmp_path):
    return {
        "minutes": 0.01,
        "out": tmp_path / "out",
        "data_root": tmp_path / "data",
        "num_images": 64,
        "num_test_images": 4,
        "noise_seeds": (0, 1),
        "device": "cpu",
        "compile": "off",
    }


@pytest.fixture
def short(given):
    """A step or two of few samples."""
    return Settings(**given | {"max_steps": 1, "batch_size": 4, "minutes": 10, "num_images": 20})


def test_a_recipe_is_trained_scored_and_tabulated_and_one_without_data_is_listed(given, tmp_path):
    recipes = ("tetrominoes-attn-tiny", "clevrtex-vit-tiny")
    # Far more time than a step takes on a busy machine.
    given |= {"results": tmp_path, "minutes": 0.1, "batch_size": 8}
    first = reproduce(ReproduceOptions(**given, recipes=recipes, slice_minutes=0.01))
    assert [record["status"] for record in first] == ["not trained", "not trained"]
    done, absent = reproduce(ReproduceOptions(**given, recipes=recipes))
    assert done["status"] == "done" and done["training"]["seconds"] >= 6
    assert done["training"]["samples_seen"] == 8 * done["training"]["steps"]
    assert list(done["measured"]) == ["FG-ARI", "MBO", "FG-ARI, up-tiled x4", "MBO, up-tiled x4"]
    assert len(done["measured"]["MBO"]["per_seed"]) == 2
    assert absent["status"].startswith("data missing: no clevrtex")

    content = json.loads((tmp_path / "reproduce.json").read_text())
    assert content["rows"][0]["measured"]["FG-ARI"]["mean"] == done["measured"]["FG-ARI"]["mean"]
    assert {"processor", "torch", "date"} <= content["rows"][0]["machine"].keys()
    assert content["rows"][0]["settings"]["seed"] == 0
    page = (tmp_path / "reproduce.md").read_text()
    assert page.count("| tetrominoes-attn-tiny |") == 4 + 1  # scores, and the run
    assert (
        "reproduce --recipes tetrominoes-attn-tiny --minutes 0.1 --batch-size 8 --num-images 64"
        in page
    )
    assert "- clevrtex-vit-tiny: data missing" in page

    checkpoint = given["out"] / "tetrominoes-attn-tiny" / "checkpoint.pt"
    (again,) = reproduce(ReproduceOptions(**given, recipes=recipes[:1]))
    assert again["measured"] == done["measured"]
    assert (tmp_path / "reproduce.md").read_text() == page  # the other recipe is still listed
    assert read_checkpoint(checkpoint)["step"] == done["training"]["steps"]


def test_a_new_score_is_tabulated(short, monkeypatch):
    new = Score(
        "pixels labelled 0", "a share", lambda pred, target: (pred == 0).double().mean((1, 2))
    )
    monkeypatch.setitem(SCORES, "zeros", new)
    experiment = DiscoveryExperiment("tetrominoes-itrconv-tiny", replace(short, uptile=1))
    assert experiment.train(600)
    scores = experiment.evaluate(600)
    assert scores is not None and list(scores) == ["FG-ARI", "MBO", "pixels labelled 0"]


def test_rendered_scenes_are_scored_on_all_of_their_variants(short, tmp_path):
    shutil.copytree(SAMPLE, short.data_root)
    settings = replace(short, max_steps=2, num_images=None, num_test_images=5, uptile=2)
    experiment = DiscoveryExperiment("clevrtex-vit-tiny", settings)
    assert experiment.missing() is None and experiment.train(600)
    assert experiment.facts()["samples_seen"] == 8
    scores = experiment.evaluate(600)
    assert scores is not None
    assert [name for name in scores if "," not in name] == [
        *("FG-ARI", "MBO", "OOD FG-ARI", "OOD MBO", "CAMO FG-ARI", "CAMO MBO")
    ]
    summaries = [json.loads(path.read_text()) for path in (tmp_path / "out").rglob("summary.json")]
    counts = {s["identity"]["data"]: s["identity"]["num_images"] for s in summaries}
    assert counts == {"clevrtex-full": 1, "clevrtex-outd": 5, "clevrtex-camo": 5}


def test_sudoku_is_scored_at_more_steps_and_by_votes(short):
    settings = replace(short, votes=(2,))
    experiment = SudokuExperiment("sudoku-akorn-tiny", settings)
    assert experiment.missing() is None and experiment.train(600)
    facts = experiment.facts()
    assert facts["data"] == facts["data_ood"] == "generated"
    assert experiment.evaluate(0) is None  # the time was too short
    scores = experiment.evaluate(600)
    assert scores is not None and len(scores) == 12
    published = [
        name.replace("100", "2") for name in AKOrNSudoku.presets()["sudoku-akorn"].published
    ]
    assert set(published[:4]) <= scores.keys()
    assert "boards solved, OOD, T = 128, confidence vote of 2" in scores
    assert len(scores["boards solved, OOD, T = 128, vote of 2"].per_seed) == 2
    assert {score.num_images for score in scores.values()} == {4}
    first, _ = (experiment.folder / "evaluation").rglob("scores.json")
    before = first.read_text()
    assert experiment.evaluate(600) == scores
    assert json.loads(first.read_text())["rows"] == json.loads(before)["rows"]
    first.write_text("{")
    with pytest.raises(ValueError, match="holds no scores of this command"):
        experiment.evaluate(600)
    for name in ("sudoku-itrsa", "sudoku-transformer"):
        control = SudokuExperiment(name, settings)
        assert control.score_name("OOD", control.num_steps[-1], 1) in control.published


def test_boards_are_scored_in_parts_as_well(short, monkeypatch):
    experiment = SudokuExperiment("sudoku-transformer-tiny", short)
    assert experiment.train(600)
    scores = experiment.evaluate(600)
    monkeypatch.setattr(experiment, "part_size", 3)
    assert experiment.evaluate(600) == scores
    assert len(list((experiment.folder / "evaluation").iterdir())) == 2 + 4


def test_scores_are_kept_apart_by_the_content_of_the_boards(short):
    name, settings = "sudoku-transformer-tiny", replace(short, num_test_images=1)
    experiment = SudokuExperiment(name, settings)
    assert experiment.train(600) and experiment.evaluate(600)
    first = set((experiment.folder / "evaluation").iterdir())
    assert len(first) == 2
    (made,) = (path for path in short.data_root.glob("*.csv") if "22" in path.name)
    puzzle, solution = made.read_text().strip().split(",")
    one = next(i for i, cell in enumerate(puzzle) if cell not in "0.")
    made.write_text(f"{puzzle[:one]}{'0' if '0' in puzzle else '.'}{puzzle[one + 1 :]},{solution}")
    assert SudokuExperiment(name, settings).evaluate(600)
    assert first < set((experiment.folder / "evaluation").iterdir())


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("tetrominoes-attn-tiny", {"seed": 1}),
        ("tetrominoes-attn-tiny", {"precision": "bf16"}),
        ("tetrominoes-attn-tiny", {"batch_size": 8}),
        ("tetrominoes-attn-tiny", {"num_images": 32}),
        ("sudoku-transformer-tiny", {"seed": 1}),
        ("sudoku-transformer-tiny", {"precision": "bf16"}),
        ("sudoku-transformer-tiny", {"num_images": 32}),
    ],
)
def test_a_trained_recipe_is_not_taken_for_one_of_other_options(short, name, other):
    assert EXPERIMENTS[name](name, short).train(600)
    assert EXPERIMENTS[name](name, short).train(600)
    with pytest.raises(ValueError, match=r"is a run with [\w.]+ = .*, this one has"):
        EXPERIMENTS[name](name, replace(short, **other)).train(600)


def test_scores_of_the_paper_are_those_of_its_network_and_data():
    own = DiscoveryExperiment("tetrominoes-attn", Settings())
    other = DiscoveryExperiment("tetrominoes-attn", Settings(data_name="dsprites"))
    assert own.published and not other.published


def test_published_boards_are_found(short, shared):
    settings = replace(short, data_root=shared / "data" / "sudoku", num_images=None)
    experiment = SudokuExperiment("sudoku-akorn", settings)
    assert experiment.missing() is None
    boards = [experiment.load(data, "test") for data in experiment.tests.values()]
    assert [len(part) for part in boards] == [4, 4]
    assert boards[0].givens.min() >= 31 and boards[1].givens.max() <= 34


def test_training_resumes_in_slices(given):
    given |= {"minutes": 0.1, "batch_size": 8}  # far more than a step takes on a busy machine
    experiment = DiscoveryExperiment("tetrominoes-attn-tiny", Settings(**given))
    assert not experiment.train(0.2)
    first = experiment.facts()
    assert 0.2 <= first["seconds"] < 6
    assert experiment.train(100)
    second = experiment.facts()
    assert second["steps"] > first["steps"] and second["seconds"] >= 6


def test_a_call_that_is_over_before_its_first_step_is_not_the_end_of_a_training(short):
    experiment = DiscoveryExperiment("tetrominoes-attn-tiny", replace(short, max_steps=2))
    assert not experiment.train(1e-6) and experiment.facts()["steps"] == 0
    assert experiment.train(600) and experiment.facts()["steps"] == 2
    assert experiment.train(600) and experiment.facts()["steps"] == 2


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
        "machine": dict.fromkeys(
            ("processor", "device", "threads", "torch", "python", "date"), "x"
        ),
        "settings": vars(Settings()),
    }
    page = markdown([record])
    assert "| tetrominoes-attn | FG-ARI | 88.6 ± 1.7 | 80.0 ± 0.2 | -8.6 |" in page
    assert "| tetrominoes-attn | MBO |  | 80.0 |  |" in page
    assert "| tetrominoes-attn | tetrominoes | 1.5 min | 256 | 1,000 | 256,000 | `python" in page

    record["training"] |= {"data": "satnet", "data_ood": "generated"}
    record["measured"] = {"boards solved": score, "boards solved, OOD": score}
    page = markdown([record])
    assert "| boards solved, OOD |  | 80.0 ± 0.2 |  |" in page
    assert "| satnet, tested on generated (OOD) |" in page


def test_groups_are_the_papers_recipes():
    assert len(GROUPS["tetrominoes"]) == len(GROUPS["dsprites"]) == len(GROUPS["clevr"]) == 4
    assert len(GROUPS["clevrtex"]) == 6 and len(GROUPS["sudoku"]) == 3
    assert len(GROUPS["all"]) == 21
    for name in GROUPS["all"]:
        assert EXPERIMENTS[name](name, Settings()).published, name
    assert ReproduceOptions(recipes=("all", "clevr-attn")).names() == list(GROUPS["all"])
    with pytest.raises(ValueError, match="unknown recipe 'tetris'; known are the groups clev"):
        ReproduceOptions(recipes=("tetris",))


def test_a_finished_record_stays_until_its_recipe_is_finished_again(tmp_path):
    names = ("processor", "device", "threads", "torch", "python", "date")
    counts = dict.fromkeys(("seconds", "batch_size", "steps", "samples_seen"), 1)
    settings = {"seed": 0, "noise_seeds": [0], "num_test_images": 1, "precision": "float32"}
    done = {"row": "a", "status": "done", "measured": {}, "settings": settings}
    done |= {"machine": dict.fromkeys(names, "x"), "training": {"data": "x"} | counts}
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
    with pytest.raises(ValueError, match="not a table of this script"):
        reproduce(ReproduceOptions(**given, results=tmp_path, recipes=("tetrominoes-attn-tiny",)))
    assert not given["out"].exists()
    assert (tmp_path / "reproduce.json").read_text() == content
