"""Training as users start it: resumed, limited, scored on the way, mistyped."""

import dataclasses

import pytest
import torch

from examples.sudoku.recipes import RECIPES, Stage, build_model
from examples.sudoku.train import train
from examples.sudoku.train_options import TrainOptions
from examples.sudoku.weights import TASK, load_model
from examples.training.log import read_jsonl
from examples.training.run_state import CHECKPOINT, read
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku
from tests.examples.sudoku.boards import MADE, RRN, SATNET

SMALL = {"data": MADE, "held_out": MADE, "batch_size": 4, "log_every": 1, "evaluate_every": 3}


def run(out, **options):
    return train(TrainOptions(**{**SMALL, "out": out, "num_held_out": 4, **options}))


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    run(tmp_path / "whole", max_steps=5)
    run(tmp_path / "parts", max_steps=2)
    run(tmp_path / "parts", max_steps=5)
    whole, parts = (read(tmp_path / name / CHECKPOINT, task=TASK) for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 5
    for part in ("model", "average"):
        for name, value in whole[part].items():
            assert torch.equal(value, parts[part][name]), (part, name)
    logs = [read_jsonl(tmp_path / name / "log.jsonl") for name in ("whole", "parts")]
    losses = [[(record["step"], record["loss"]) for record in log] for log in logs]
    assert losses[0] == losses[1] and len(losses[0]) == 5
    scored = [record["step"] for record in logs[0] if "held_out_solved" in record]
    assert scored == [3, 5]  # every third step, and the last one
    with pytest.raises(ValueError, match="is a run with seed = 0, this one has 1"):
        run(tmp_path / "parts", max_steps=6, seed=1)
    other = run(tmp_path / "other", max_steps=1, seed=1)
    first = next(iter(whole["model"]))
    assert not torch.equal(other.model.state_dict()[first], whole["model"][first])


@pytest.mark.parametrize("preset", [name for name in RECIPES if name.endswith("-tiny")])
def test_every_tiny_preset_learns_from_made_boards(tmp_path, preset):
    options = {"num_boards": 8, "data": None, "held_out": None, "cache": tmp_path / "boards"}
    state = run(tmp_path / "run", preset=preset, max_steps=2, **options)
    assert state.step == 2
    model, name = load_model(tmp_path / "run")
    assert name == preset
    average = state.average.model.state_dict()
    assert all(torch.equal(value, average[key]) for key, value in model.state_dict().items())


def test_real_boards(tmp_path, shared):
    state = run(
        tmp_path,
        data=shared / SATNET,
        rows=":9000",
        held_out=shared / RRN,
        held_out_rows="::4500",
        max_steps=1,
    )
    assert state.identity["num_boards"] == 9_000
    assert read_jsonl(tmp_path / "log.jsonl")[0]["held_out_boards"] == 4


def test_a_time_limit_ends_a_run_and_saves_it(tmp_path):
    state = run(tmp_path, time_limit=0.5, evaluate_every=100)
    assert 1 <= state.step < 100
    assert read(tmp_path / CHECKPOINT, task=TASK)["step"] == state.step


def test_the_papers_rows_are_the_facts():
    paper = {
        "batch_size": 100,
        "epochs": 100,
        "clip_norm": 1.0,
        "ema_decay": 0.995,
        "ema_every": 10,
        "ema_start": 100,
        "symmetries": False,
        "read_every": None,
        "muon_rate": None,
    }
    rates = {"sudoku-akorn": 1e-3, "sudoku-itrsa": 5e-4, "sudoku-transformer": 5e-4}
    for name, rate in rates.items():
        recipe = dataclasses.asdict(RECIPES[name])
        assert recipe["learning_rate"] == rate and recipe.items() >= paper.items()
        assert RECIPES[name].stages == (Stage(),)  # the network's own T
    for name in RECIPES:
        family = AKOrNSudoku if "akorn" in name else ItrSASudoku
        assert name in family.presets()


def test_the_seed_alone_decides_the_weights():
    state = torch.get_rng_state()
    first, same, other = (build_model("sudoku-akorn-tiny", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.embed.weight, same.embed.weight)
    assert not torch.equal(first.embed.weight, other.embed.weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "sudoku"}, "unknown preset 'sudoku'; known are sudoku-akorn, "),
        ({"batch_size": 0}, "--batch-size must be positive"),
        ({"evaluate_every": 7, "log_every": 2}, "--evaluate-every must be a multiple of"),
        ({"held_out": None}, "a single file as --data needs --held-out"),
        ({"data": None, "rows": ":5"}, "--rows is a part of --data"),
        (
            {"data": None, "held_out": None, "held_out_rows": ":5"},
            "--held-out-rows is a part of --held-out or --data",
        ),
        ({"held_out_rows": "99:"}, "--held-out-rows 99: leaves none of the 36 boards"),
        ({"data": None, "held_out": None, "givens": (9, 5)}, r"`givens` must lie in 20\.\.81"),
        ({"batch_size": 50}, "a batch needs 50 boards: got 36"),
        ({"data": None, "held_out": None, "givens": (5, 9)}, r"`givens` must lie in 20\.\.81"),
        ({"data": MADE.with_name("none.csv")}, "none.csv"),
    ],
)
def test_mistakes_are_named(tmp_path, options, message):
    with pytest.raises((ValueError, OSError), match=message):
        run(tmp_path, max_steps=1, **{"cache": tmp_path, **options})
