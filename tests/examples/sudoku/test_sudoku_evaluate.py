"""Scores of answers, and evaluation as users start it."""

import json
import os
import pty
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from examples.sudoku.data import load
from examples.sudoku.evaluate import EvaluateOptions, evaluate
from examples.sudoku.scores import BoardScores, single_answers, voted_answers
from kuramoto_nn.inference import total_energy
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku
from tests.examples.sudoku.boards import MADE, RRN, made

VOTE = {"num_samples": [3], "rules": [total_energy], "num_steps": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained network on disk."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    AKOrNSudoku.from_preset("sudoku-akorn-tiny", channels=16, num_heads=2).save_pretrained(folder)
    return folder


def test_scores_tell_solved_from_valid_and_count_blanks_only():
    boards = made()[:2]
    square = boards.puzzles.clone()
    solved = BoardScores.of(boards.solutions, boards)
    assert (solved.boards, solved.solved, solved.valid, solved.blanks) == (2, 100, 100, 100)
    unsolved = BoardScores.of(torch.where(square > 0, square, 10), boards)
    assert (unsolved.solved, unsolved.valid, unsolved.blanks) == (0, 0, 0)

    # Without givens any valid board will do, though it is not the one that was meant.
    swapped = boards.solutions.clone()
    swapped[1][boards.solutions[1] == 1], swapped[1][boards.solutions[1] == 2] = 2, 1
    empty = type(boards)(torch.zeros_like(square), boards.solutions)
    scores = BoardScores.of(swapped, empty)
    assert (scores.solved, scores.valid) == (50, 100)
    assert scores.blanks == pytest.approx(100 * (162 - 18) / 162)
    assert BoardScores.of(swapped, boards).valid == 50


def test_a_board_without_blanks_has_all_of_them_right():
    boards = made()[:1]
    full = type(boards)(boards.solutions, boards.solutions)
    assert BoardScores.of(full.solutions, full).blanks == 100


def test_answers_do_not_depend_on_batches_but_on_the_seed(folder):
    model, puzzles = AKOrNSudoku.from_pretrained(folder), made().puzzles
    answers = single_answers(model, puzzles, num_steps=3, batch_size=7)
    assert torch.equal(answers, single_answers(model, puzzles, num_steps=3, batch_size=36))
    assert not torch.equal(answers, single_answers(model, puzzles, num_steps=3, seed=1))


def test_rows_are_what_the_command_asks_for(folder, tmp_path, capsys):
    out = tmp_path / "scores.json"
    options = {"model": folder, "data": MADE, "steps": (2, 3), "seeds": (0, 4), "batch_size": 50}
    rows = evaluate(EvaluateOptions(**options, samples=(1, 3), out=out))
    keys = [(row.steps, row.seed, row.samples, row.vote) for row in rows]
    votes = ((1, None), (3, "sum"), (3, "last"))
    assert keys == [(t, seed, k, vote) for t in (2, 3) for seed in (0, 4) for k, vote in votes]
    assert list(rows[0].by_givens) == list(range(22, 40))
    assert all(scores.boards == 2 for scores in rows[0].by_givens.values())
    assert len(json.loads(out.read_text())["rows"]) == 12
    text = capsys.readouterr().out
    assert "36 boards" in text and "standard deviation over 2 seeds" in text

    # The first sample of a vote is the single answer, and a seed says the same again.
    alone = evaluate(EvaluateOptions(**options))
    assert [row.scores for row in alone] == [row.scores for row in rows if row.samples == 1]
    again = evaluate(EvaluateOptions(**options, samples=(1, 3)))
    assert again == rows


@pytest.mark.parametrize("checked", [False, True])
def test_a_checked_vote_is_won_by_an_answer_that_obeys_the_rules(checked, monkeypatch):
    boards = made()[:2]
    right = F.one_hot(boards.solutions - 1, 9).float()

    def rollout(puzzles, **options):
        """First samples are wrong and have the least energy, second ones are right."""
        energies = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(2, -1)
        return torch.cat([1 - right, right]), energies

    model = AKOrNSudoku.from_preset("sudoku-akorn-tiny", channels=16, num_heads=2)
    monkeypatch.setattr(model, "rollout", rollout)
    ((_, (answers,)),) = voted_answers(
        model,
        boards.puzzles,
        num_samples=[2],
        rules=[total_energy],
        num_steps=1,
        checked=checked,
    )
    assert torch.equal(answers, boards.solutions) == checked


def test_of_wrong_answers_a_checked_vote_takes_the_one_with_the_least_energy(folder):
    model, puzzles = AKOrNSudoku.from_pretrained(folder), made().puzzles[:4]
    checked, plain = (
        list(voted_answers(model, puzzles, **VOTE, checked=checked)) for checked in (True, False)
    )
    assert torch.equal(checked[0][1][0], plain[0][1][0])


def test_results_stay_in_their_file_while_a_terminal_shows_the_progress(folder, tmp_path):
    """As with ``evaluate > scores.txt``: standard error is a terminal, standard output is not."""
    ours, theirs = pty.openpty()
    arguments = ("--model", folder, "--data", MADE, "--steps", "2", "--samples", "1", "3")
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
    assert b"T 2, seed 0" in shown and b"108/108" in shown


def _read_terminal(descriptor):
    """What a terminal was sent; nothing once everyone has closed it."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_real_boards(folder, shared):
    rows = evaluate(
        EvaluateOptions(model=folder, data=shared / RRN, rows="::900", steps=(2,), samples=(2,))
    )
    boards = load(shared / RRN, "test", rows="::900")
    assert rows[0].scores.boards == len(boards) == 20
    assert list(rows[0].by_givens) == sorted(set(boards.givens.tolist()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": (0,)}, "--steps must be positive"),
        ({"checked": True}, "--checked is about votes"),
        ({"samples": ()}, "--samples must be positive"),
        ({"seeds": ()}, "--seeds needs at least one seed"),
        ({"seeds": (0, 1, 0)}, "--seeds must differ"),
        ({"seeds": (-1,)}, "--seed must lie in 0"),
        ({"out": MADE}, "--out must be a .json file"),
        ({"model": MADE}, "made.csv is not a checkpoint"),
        ({"rows": "50:"}, "leaves none of the 36 boards"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_mistakes_are_named(folder, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(EvaluateOptions(**{"model": folder, "data": MADE, "steps": (1,), **options}))


def test_a_control_has_no_energy_to_vote_by(tmp_path):
    ItrSASudoku.from_preset("sudoku-itrsa-tiny").save_pretrained(tmp_path)
    options = {"model": tmp_path, "data": MADE, "steps": (1,)}
    (row,) = evaluate(EvaluateOptions(**options))
    assert row.vote is None and row.scores.boards == 36
    with pytest.raises(ValueError, match="has no energy to vote by: got --samples 1 10"):
        evaluate(EvaluateOptions(**options, samples=(1, 10)))
