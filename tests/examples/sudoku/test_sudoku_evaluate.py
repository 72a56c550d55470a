"""Scores of answers, and evaluation as users start it."""

import copy
import json
import os
import pty
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from examples.sudoku.data import BoardOptions, load
from examples.sudoku.evaluate import EvaluateOptions, evaluate
from examples.sudoku.scores import BoardScores, solved
from examples.sudoku.solver import RULES, Solver, both_energies
from kuramoto_nn import load_model, reference
from kuramoto_nn.inference import energy_vote, seeded_noise
from kuramoto_nn.models import AKOrN, AKOrNSudoku, ItrSASudoku
from tests.examples.sudoku.boards import MADE, REAL, made, options

DATA = options()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained network on disk."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    AKOrNSudoku.from_preset("sudoku-akorn-tiny", channels=16, num_heads=2).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return load_model(folder)


def test_scores_tell_solved_from_valid_and_count_blanks_only():
    boards = made()[:2]
    square = boards.puzzles.clone()
    right = BoardScores.of(boards.solutions, boards)
    assert (right.boards, right.solved, right.valid, right.cells) == (2, 100, 100, 100)
    wrong = BoardScores.of(torch.where(square > 0, square, 10), boards)
    assert (wrong.solved, wrong.valid, wrong.cells) == (0, 0, 0)

    # A wrong given is not looked at by the published measure, and breaks the rules.
    given = (square[0] > 0).nonzero()[0]
    changed = boards.solutions.clone()
    changed[0, given[0], given[1]] = changed[0, given[0], given[1]] % 9 + 1
    assert solved(changed, boards).tolist() == [True, True]
    scores = BoardScores.of(changed, boards)
    assert (scores.solved, scores.valid, scores.cells) == (100, 50, 100)
    blank = (square[1] == 0).nonzero()[0]
    changed[1, blank[0], blank[1]] = changed[1, blank[0], blank[1]] % 9 + 1
    assert solved(changed, boards).tolist() == [True, False]

    # Without givens any valid board will do, though it is not the one that was meant.
    swapped = boards.solutions.clone()
    swapped[1][boards.solutions[1] == 1], swapped[1][boards.solutions[1] == 2] = 2, 1
    empty = type(boards)(torch.zeros_like(square), boards.solutions)
    scores = BoardScores.of(swapped, empty)
    assert (scores.solved, scores.valid) == (50, 100)
    assert scores.cells == pytest.approx(100 * (162 - 18) / 162)
    assert BoardScores.of(swapped, boards).valid == 50


def test_a_board_without_blanks_has_all_of_them_right():
    boards = made()[:1]
    full = type(boards)(boards.solutions, boards.solutions)
    assert BoardScores.of(full.solutions, full).cells == 100


def test_answers_do_not_depend_on_batches_but_on_the_seed(model):
    puzzles = made().puzzles
    answers = Solver(model, 3, batch_size=7).answers(puzzles)
    assert torch.equal(answers, Solver(model, 3, batch_size=36).answers(puzzles))
    assert not torch.equal(answers, Solver(model, 3, noise_seed=1).answers(puzzles))


def test_rows_are_what_the_command_asks_for(folder, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    asked = {"model": str(folder), "data": DATA, "num_steps": (2, 3), "noise_seeds": (0, 4)}
    rows = evaluate(EvaluateOptions(**asked, samples=(1, 3), out=out, batch_size=50))
    votes = ((1, None), *((3, rule) for rule in RULES))
    assert [row.key for row in rows] == [
        (t, seed, k, vote) for t in (2, 3) for seed in (0, 4) for k, vote in votes
    ]
    assert list(RULES) == ["total", "last", "authors-total", "authors-last"]
    assert list(rows[0].by_givens) == list(range(22, 40))
    assert all(scores.boards == 2 for scores in rows[0].by_givens.values())
    assert len(json.loads((out / "scores.json").read_text())["rows"]) == 20
    text = capsys.readouterr().out
    assert "36 boards" in text and "standard deviation over 2 noise seeds" in text

    # The first sample of a vote is the single answer, and a seed says the same again.
    alone = evaluate(EvaluateOptions(**asked))
    assert [row.scores for row in alone] == [row.scores for row in rows if row.num_samples == 1]
    assert evaluate(EvaluateOptions(**asked, samples=(1, 3))) == rows


def test_a_time_limit_ends_an_evaluation_that_the_same_command_resumes(folder, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    asked = {"model": str(folder), "data": DATA, "samples": (1, 2), "out": out}
    first = evaluate(EvaluateOptions(**asked, num_steps=(1,)))
    held = json.loads((out / "scores.json").read_text())
    limited = EvaluateOptions(**asked, num_steps=(1, 2), time_limit=1e-6)
    assert evaluate(limited) == first  # known, so that they need no time
    assert "1 of 2 pairs of T and noise seed left; the same command resumes" in _out(capsys)
    assert json.loads((out / "scores.json").read_text())["rows"] == held["rows"]
    both = evaluate(EvaluateOptions(**asked, num_steps=(1, 2)))
    assert both[: len(first)] == first and len(both) == 2 * len(first)
    with pytest.raises(ValueError, match="holds scores with other boards, checked; name another"):
        evaluate(EvaluateOptions(**asked | {"data": options(rows=":5")}, checked=True))


def _out(capsys):
    return capsys.readouterr().out


def test_the_authors_rules_are_their_energies(model):
    """Summed over what their code logs, and its last entry: without 1/2, before each update."""
    puzzles, steps, model = made().puzzles[:6], 3, copy.deepcopy(model).double()
    noise = seeded_noise((16, 9, 9), seed=2)(torch.arange(6), torch.zeros(6, dtype=torch.long))
    run = model.rollout(puzzles, num_steps=steps, noise=noise, energy=both_energies)
    energies = run.energies
    assert energies.shape == (steps + 1, 6, 2)
    c = model.embed(puzzles).movedim(-1, 1)  # GTA: no position is added
    x = torch.where(puzzles.unsqueeze(1) > 0, c, noise.double())
    layer = model.blocks[0].layer
    theirs = reference.energies(layer, x, c, num_steps=steps)
    torch.testing.assert_close(RULES["authors-total"](energies), theirs.sum(0))
    torch.testing.assert_close(RULES["authors-last"](energies), theirs[-1])
    ours = layer.rollout(x, c, num_steps=steps).energies
    torch.testing.assert_close(RULES["total"](energies), ours[:-1].sum(0))
    torch.testing.assert_close(RULES["last"](energies), ours[-1])


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_wins_its_own_vote(model, rule):
    """All rules in one pass choose what a pass for each of them chooses."""
    puzzles = made().puzzles[:5]
    ((_, answers),) = Solver(model, 2, noise_seed=3, batch_size=4).votes(puzzles, num_samples=[6])
    alone = energy_vote(
        lambda puzzles, noise: model.rollout(
            puzzles, num_steps=2, noise=noise, energy=both_energies
        ),
        puzzles,
        seeded_noise((16, 9, 9), seed=3),
        num_samples=6,
        score=RULES[rule],
    )
    assert torch.equal(answers[rule], alone.outputs.argmax(-1) + 1)


@pytest.mark.parametrize("checked", [False, True])
def test_a_checked_vote_is_won_by_an_answer_that_obeys_the_rules(checked, monkeypatch):
    boards = made()[:2]
    right = F.one_hot(boards.solutions - 1, 9).float()

    def rollout(puzzles, **options):
        """First samples are wrong and have the least energy, second ones are right."""
        energies = torch.tensor([0.0, 0.0, 1.0, 1.0])[:, None].expand(2, -1, 2)
        return torch.cat([1 - right, right]), energies

    model = AKOrNSudoku.from_preset("sudoku-akorn-tiny", channels=16, num_heads=2)
    monkeypatch.setattr(model, "rollout", rollout)
    ((_, answers),) = Solver(model, 1).votes(boards.puzzles, num_samples=[2], checked=checked)
    assert all(torch.equal(found, boards.solutions) == checked for found in answers.values())


def test_of_wrong_answers_a_checked_vote_takes_the_one_with_the_least_energy(model):
    solver, puzzles = Solver(model, 2), made().puzzles[:4]
    ((_, checked), (_, plain)) = (
        next(solver.votes(puzzles, num_samples=[3], checked=checked)) for checked in (True, False)
    )
    assert all(torch.equal(checked[rule], plain[rule]) for rule in RULES)


def test_results_stay_in_their_file_while_a_terminal_shows_the_progress(folder, tmp_path):
    """As with ``evaluate > scores.txt``: standard error is a terminal, standard output is not."""
    ours, theirs = pty.openpty()
    arguments = (folder, "--data.test-file", MADE, "--num-steps", "2", "--samples", "1", "3")
    with (tmp_path / "scores.txt").open("w+") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.sudoku.evaluate", *map(str, arguments)],
            stdout=file,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b"".join(iter(lambda: _read_terminal(ours), b""))
        os.close(ours)
        assert process.wait(60) == 0
        file.seek(0)
        lines = file.read().splitlines()
    assert [line[:12] for line in lines[2:5]] == ["T 2    K 1  ", "T 2    K 3  ", "T 2    K 3  "]
    assert b"T 2, noise seed 0" in shown and b"108/108" in shown


def _read_terminal(descriptor):
    """What a terminal was sent; nothing once everyone has closed it."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_real_boards(folder, shared):
    data = BoardOptions(name="rrn", root=shared / REAL, rows="::900")
    rows = evaluate(EvaluateOptions(model=str(folder), data=data, num_steps=(2,), samples=(2,)))
    boards = load(data, "test")
    assert rows[0].scores.boards == len(boards) == 20
    assert list(rows[0].by_givens) == sorted(set(boards.givens.tolist()))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_steps": (0,)}, "--num-steps must be positive"),
        ({"checked": True}, "--checked applies to votes only"),
        ({"samples": (1, 0)}, "--samples must be positive and finite: got 1 0"),
        ({"samples": ()}, "--samples needs at least one number"),
        ({"noise_seeds": ()}, "--noise-seeds needs at least one seed"),
        ({"noise_seeds": (0, 1, 0)}, "--noise-seeds must differ"),
        ({"noise_seeds": (-1,)}, "--noise-seeds must lie in 0"),
        ({"time_limit": 0.0}, "--time-limit must be positive"),
        ({"out": MADE}, "--out must be a folder: got the file"),
        ({"model": str(MADE)}, "made.csv"),
        ({"device": "tpu"}, "unknown --device 'tpu'"),
    ],
)
def test_mistakes_are_named(folder, fields, message):
    with pytest.raises((ValueError, OSError), match=message):
        evaluate(
            EvaluateOptions(**{"model": str(folder), "data": DATA, "num_steps": (1,), **fields})
        )


def test_scores_of_something_else_are_not_overwritten(folder, tmp_path):
    for content in ("{", "[]", '{"rows": []}', '{"identity": {}, "rows": [{}]}'):
        (tmp_path / "scores.json").write_text(content)
        with pytest.raises(ValueError, match="scores.json holds no scores of this command"):
            evaluate(EvaluateOptions(model=str(folder), data=DATA, out=tmp_path))
        assert (tmp_path / "scores.json").read_text() == content


def test_a_control_has_no_energy_to_vote_by(tmp_path):
    ItrSASudoku.from_preset("sudoku-itrsa-tiny").save_pretrained(tmp_path)
    asked = {"model": str(tmp_path), "data": DATA, "num_steps": (1,)}
    (row,) = evaluate(EvaluateOptions(**asked))
    assert row.vote is None and row.scores.boards == 36
    with pytest.raises(ValueError, match="has no energy to vote by: got --samples 1 10"):
        evaluate(EvaluateOptions(**asked, samples=(1, 10)))


def test_a_model_of_another_task_is_named(tmp_path):
    AKOrN.from_preset("tetrominoes-attn-tiny").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"is not a model for Sudoku: got AKOrN"):
        evaluate(EvaluateOptions(model=str(tmp_path), data=DATA))
