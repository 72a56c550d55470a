"""Training as users start it: resumed, scored on the way, mistyped; batches and recipes."""

import dataclasses

import pytest
import torch

from examples.common.processes import Processes
from examples.common.progress import read_jsonl
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.recipes import RECIPES, Stage, Training
from examples.sudoku.rules import is_valid, keeps_givens
from examples.sudoku.scores import BoardScores
from examples.sudoku.solver import Solver
from examples.sudoku.train import Answers, BoardBatches, cross_entropy, options_for, train
from kuramoto_nn import create_model, load_model
from kuramoto_nn.models import AKOrNSudoku, AKOrNSudokuConfig, ItrSASudoku
from tests.examples.runs import assert_same_run, saved
from tests.examples.sudoku.boards import MADE, made

TINY = [name for name in RECIPES if name.endswith("-tiny")]


def run(out, recipe="sudoku-akorn-tiny", **changes):
    parts = {
        "model": {"channels": 16, "num_heads": 2},
        "data": {"train_file": MADE, "test_file": MADE, "num_test_boards": 4},
        "training": {"batch_size": 4, "evaluate_every": 3},
    }
    parts = {name: {**small, **changes.pop(name, {})} for name, small in parts.items()}
    return train(options_for(recipe, out=out, log_every=1, device="cpu", **parts, **changes))


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    run(tmp_path / "whole", max_steps=5)
    run(tmp_path / "parts", max_steps=2)
    run(tmp_path / "parts", max_steps=5)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    whole, log = saved(tmp_path / "whole"), read_jsonl(tmp_path / "whole" / "log.jsonl")
    assert [record["step"] for record in log] == [1, 2, 3, 4, 5]
    scored = [record for record in log if "held_out_solved" in record]
    assert [record["step"] for record in scored] == [3, 5]  # every third step, and the last one
    assert scored[0]["held_out_live_boards"] == scored[0]["held_out_boards"] == 4
    live = load_model(tmp_path / "whole")
    live.load_state_dict(whole["model"])
    held_out = load(BoardOptions(test_file=MADE, num_test_boards=4), "test")
    answers = Solver(live.eval()).answers(held_out.puzzles)
    assert log[-1]["held_out_live_cells"] == BoardScores.of(answers, held_out).cells
    with pytest.raises(ValueError, match="is a run with seed = 0, this one has 1"):
        run(tmp_path / "parts", max_steps=6, seed=1)
    other = run(tmp_path / "other", max_steps=1, seed=1)
    first = next(iter(whole["model"]))
    assert not torch.equal(other.model.state_dict()[first], whole["model"][first])


def test_the_content_of_the_boards_identifies_a_run(tmp_path):
    """The same boards in another file resume a run; other boards in the same file do not."""
    out, lines = tmp_path / "run", MADE.read_text().splitlines()
    run(out, max_steps=1)
    moved = tmp_path / "moved.txt"
    moved.write_text("\n".join(["quizzes;solutions", *(line.replace(",", ";") for line in lines)]))
    assert run(out, max_steps=2, data={"train_file": moved}).step == 2
    moved.write_text("\n".join([*lines[1:], lines[0]]))
    with pytest.raises(ValueError, match="is a run with data.fingerprint = "):
        run(out, max_steps=3, data={"train_file": moved})


@pytest.mark.parametrize("recipe", TINY)
def test_every_tiny_recipe_learns_from_made_boards(tmp_path, recipe):
    data = {"num_boards": 8, "num_test_boards": 4, "train_file": None, "test_file": None}
    data["root"] = tmp_path / "boards"
    trained = run(tmp_path / "run", recipe, max_steps=2, data=data)
    assert trained.step == 2
    model = load_model(tmp_path / "run")
    assert model.config == trained.options.model
    average = trained.average.model.state_dict()
    assert all(torch.equal(value, average[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["sudoku-akorn-tiny", "sudoku-itrsa-tiny"])
def test_the_hardest_boards_are_trained_on(name):
    """The chosen ones are those of largest loss after the skipped updates."""
    torch.manual_seed(0)
    boards = made()
    model = create_model(name, channels=16, num_heads=2, num_steps=4)
    puzzles, solutions, noise = boards.puzzles[:6], boards.solutions[:6], torch.randn(6, 16, 9, 9)
    answers = Answers(model, every=2, hardest=0.5)
    logits, chosen = answers(puzzles, solutions, num_steps=4, skip=3, noise=noise)
    losses = cross_entropy(model(puzzles, num_steps=3, noise=noise)[None], solutions)[0]
    assert sorted(losses[chosen].tolist()) == sorted(losses.tolist())[3:]
    whole = model.answers(puzzles, every=2, num_steps=4, skip=3, noise=noise)
    torch.testing.assert_close(logits, whole[:, chosen])
    _, first = answers(puzzles, solutions, num_steps=4, skip=0, noise=noise)
    assert first.tolist() == [0, 1, 2]
    labels = (solutions[chosen] - 1).expand(2, -1, -1, -1).flatten()
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, -2), labels)
    torch.testing.assert_close(cross_entropy(logits, solutions[chosen]).mean(), expected)


def batches(training, rank=0, world_size=1):
    model = AKOrNSudokuConfig(channels=8, num_heads=2)
    here = Processes(rank, world_size, torch.device("cpu"))
    return BoardBatches(made(), training, model, seed=0, here=here)


@pytest.mark.parametrize("changed", [False, True])
def test_processes_share_one_batch(changed):
    training = Training(batch_size=12, symmetries=changed)
    whole = batches(training).at(4)
    parts = [batches(training, rank, 2).at(4) for rank in range(2)]
    for tensor, halves in zip(whole, zip(*parts, strict=True), strict=True):
        assert torch.equal(tensor, torch.cat(halves))
    assert is_valid(whole[1]).all() and keeps_givens(whole[1], whole[0]).all()
    assert not torch.equal(whole[2], batches(training).at(5)[2])


def test_an_epoch_has_every_board_once():
    taken = batches(Training(batch_size=12))
    assert taken.steps_per_epoch == 3
    puzzles = torch.cat([taken.at(step)[0] for step in (3, 4, 5)])
    assert sorted(map(str, puzzles.tolist())) == sorted(map(str, made().puzzles.tolist()))


def test_trainings_change_with_the_step():
    stages = (Stage(num_steps=4), Stage(start=10, num_steps=8, skip=6, share=0.5))
    training = Training(batch_size=4, warmup_steps=9, stages=stages)
    assert [training.share_at(step) for step in (0, 4, 9, 99)] == [0.1, 0.5, 1.0, 0.5]
    assert [training.stage_at(step).num_steps for step in (0, 9, 10, 99)] == [4, 4, 8, 8]
    assert Training().stage_at(5).num_steps is None
    taken = batches(training)
    assert {taken.skip(step) for step in range(10)} == {0}
    skips = torch.tensor([taken.skip(step) for step in range(10, 1010)])
    assert skips.bincount().argmax() == 0 and set(skips.tolist()) == set(range(7))
    assert 0.5 < (skips == 0).float().mean() < 0.6


def test_the_small_recipe_is_the_one_that_the_shipped_run_took():
    recipe = RECIPES["sudoku-akorn-small"]
    assert sum(p.numel() for p in AKOrNSudoku(recipe.model).parameters()) == 194_572
    assert recipe.training.identity() | {"stages": ()} == {
        "batch_size": 48, "learning_rate": 0.002, "muon_learning_rate": 0.02,
        "muon_weight_decay": 0.0, "warmup_steps": 50, "cooldown": 0.5, "drop_last": True,
        "ema_decay": 0.995, "ema_every": 10, "ema_start": 100, "clip_norm": 1.0, "stages": (),
        "read_every": 4, "hardest": 0.5, "symmetries": True,
    }  # fmt: skip
    assert recipe.training.stages == (Stage(num_steps=8), Stage(start=1500, num_steps=16, skip=48))


@pytest.mark.parametrize("precision", ["float64", "bf16"])
def test_other_precisions(tmp_path, precision):
    trained = run(tmp_path, max_steps=1, precision=precision)
    kind = torch.float64 if precision == "float64" else torch.float32
    assert all(p.dtype == kind for p in trained.average.model.parameters())
    assert "held_out_solved" in read_jsonl(tmp_path / "log.jsonl")[0]


def test_the_papers_rows_are_the_facts():
    paper = {"batch_size": 100, "epochs": 100, "clip_norm": 1.0, "symmetries": False}
    paper |= {"ema_decay": 0.995, "ema_every": 10, "ema_start": 100}
    paper |= {"read_every": None, "muon_learning_rate": None}
    rates = {"sudoku-akorn": 1e-3, "sudoku-itrsa": 5e-4, "sudoku-transformer": 5e-4}
    for name, rate in rates.items():
        training = dataclasses.asdict(RECIPES[name].training)
        assert training["learning_rate"] == rate and training.items() >= paper.items()
        assert RECIPES[name].training.stages == (Stage(),)  # the network's own T
    for name in RECIPES:
        family = AKOrNSudoku if "akorn" in name else ItrSASudoku
        network = name.replace("-harder", "-small").replace("extreme", "sudoku")
        assert family.presets()[network].config == RECIPES[name].model


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": "sudoku"}, "unknown recipe 'sudoku'; known are sudoku-akorn, "),
        ({"training": {"batch_size": 0}}, "--training.batch-size must be positive"),
        ({"training": {"evaluate_every": 0}}, "--training.evaluate-every must be positive"),
        ({"training": {"hardest": 1.5}}, "--training.hardest must be at most 1: got 1.5"),
        ({"training": {"batch_size": 50}}, "needs 50 boards: got 36; lower --training.batch-size"),
        ({"data": {"rows": "99:"}}, "--data.rows 99: leaves none of the 36 boards"),
        ({"data": {"givens": (9, 5)}}, "--data.givens must be two numbers in"),
        ({"data": {"train_file": MADE.with_name("none.csv")}}, "none.csv"),
    ],
)
def test_mistakes_are_named(tmp_path, changes, message):
    with pytest.raises((ValueError, OSError), match=message):
        run(tmp_path, max_steps=1, **changes)
