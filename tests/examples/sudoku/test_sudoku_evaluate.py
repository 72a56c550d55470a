"""Scores of answers, and evaluation as users start it."""

import copy
import dataclasses
import json
import os
import pty

import pytest
import torch

from examples.sudoku.boards import format_csv
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.evaluate import EvaluateOptions, evaluate
from examples.sudoku.scores import BoardScores, Row, solved
from examples.sudoku.solver import RULES, Samples, Solver, board_symmetries, both_energies
from kuramoto_nn import load_model, reference
from kuramoto_nn.inference import seeded_noise
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku
from tests.examples.runs import ROOT, start
from tests.examples.sudoku.boards import KNOWN, MADE, UNKNOWN, learned, made, options

DATA = options()
TRAINED = ROOT / "examples/object_discovery/trained/tetrominoes-attn"


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
    assert right.givens == 100
    wrong = BoardScores.of(torch.where(square > 0, square, 10), boards)
    assert (wrong.solved, wrong.valid, wrong.cells) == (0, 0, 0)

    # A wrong given is not looked at by the published measure, and breaks the rules.
    given = (square[0] > 0).nonzero()[0]
    changed = boards.solutions.clone()
    changed[0, given[0], given[1]] = changed[0, given[0], given[1]] % 9 + 1
    assert solved(changed, boards).tolist() == [True, True]
    scores = BoardScores.of(changed, boards)
    assert (scores.solved, scores.valid, scores.cells) == (100, 50, 100)
    assert scores.givens == pytest.approx(100 * (1 - 1 / boards.givens.sum().item()))
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
    full = type(boards)(boards.solutions, boards.solutions)
    assert BoardScores.of(full.solutions, full).cells == 100


@pytest.mark.parametrize("checked", [False, True])
def test_bf16_gives_nearly_the_same_answers(model, checked):
    solvers = (Solver(model, 4, precision=p, checked=checked) for p in ("bf16", "float32"))
    half, single = (solver.answers(made().puzzles) for solver in solvers)
    assert (half == single).float().mean() > 0.9


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
    assert list(RULES) == ["total", "last", "authors-total", "authors-last", "confidence"]
    assert list(rows[0].by_givens) == list(range(22, 40))
    assert all(scores.boards == 2 for scores in rows[0].by_givens.values())
    assert len(json.loads((out / "scores.json").read_text())["rows"]) == 24
    assert all(row.updates == row.num_steps * row.num_samples for row in rows)
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
    message = "1 of 2 pairs of T and noise seed left; the same command resumes"
    assert message in capsys.readouterr().out
    assert json.loads((out / "scores.json").read_text())["rows"] == held["rows"]
    both = evaluate(EvaluateOptions(**asked, num_steps=(1, 2)))
    assert both[: len(first)] == first and len(both) == 2 * len(first)
    with pytest.raises(ValueError, match="holds scores with other boards, checked; name another"):
        evaluate(EvaluateOptions(**asked | {"data": options(rows=":5")}, checked=True))


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
    samples = Samples(run.logits, torch.full((6,), steps), energies)
    torch.testing.assert_close(RULES["authors-total"](samples), theirs.sum(0))
    torch.testing.assert_close(RULES["authors-last"](samples), theirs[-1])
    ours = layer.rollout(x, c, num_steps=steps).energies
    torch.testing.assert_close(RULES["total"](samples), ours[:-1].sum(0))
    torch.testing.assert_close(RULES["last"](samples), ours[-1])


@pytest.mark.parametrize("symmetries", [False, True])
def test_every_rule_wins_its_own_vote(model, symmetries):
    """All rules in one pass choose what a loop over boards and samples chooses."""
    puzzles = made().puzzles[:3]
    solver = Solver(model, 2, noise_seed=3, batch_size=4, symmetries=symmetries)
    found = next(solver.votes(puzzles, num_samples=[6]))
    noise = seeded_noise((16, 9, 9), seed=3)
    symmetry = board_symmetries(3, torch.device("cpu"))
    for board, puzzle in enumerate(puzzles):
        tried = []
        for sample in range(6):
            pair = torch.tensor([board]), torch.tensor([sample])
            changed = symmetry(*pair)
            given = changed(puzzle[None]) if symmetries else puzzle[None]
            run = model.rollout(given, num_steps=2, noise=noise(*pair), energy=both_energies)
            logits = changed.undo(run.logits) if symmetries else run.logits
            tried.append(Samples(logits, torch.tensor([2]), run.energies))
        for rule, score in RULES.items():
            best = min(tried, key=lambda samples, score=score: score(samples).item())
            assert torch.equal(found.answers[rule][board], best.answers[0]), rule
    assert found.updates == 12


@pytest.mark.parametrize("checked", [False, True])
def test_a_valid_answer_is_final_and_takes_no_more_updates(checked):
    """A network that has learned a board by heart answers it after its own T."""
    boards = made()[[KNOWN, UNKNOWN]]
    solver = Solver(learned(), 10, checked=checked)
    one, three = solver.votes(boards.puzzles, num_samples=[1, 3])
    assert torch.equal(one.answers[None][0], boards.solutions[0])
    if not checked:
        assert (one.updates, three.updates) == (10, 30)
    else:
        start = solver.starts(boards.puzzles.device)(torch.arange(2), torch.zeros(2).long())
        taken = solver.run(boards.puzzles, start).num_steps
        assert taken[0] == 4 and taken[1] > 4 and one.updates == taken.double().mean()
        assert three.updates <= (4 + 3 * 10) / 2
        assert all(torch.equal(a[0], boards.solutions[0]) for a in three.answers.values())


def test_of_wrong_answers_a_checked_vote_takes_the_one_of_the_plain_vote(model):
    puzzles = made().puzzles[:4]
    solvers = (Solver(model, 2, checked=checked) for checked in (True, False))
    checked, plain = (next(s.votes(puzzles, num_samples=[3])).answers for s in solvers)
    assert all(torch.equal(checked[rule], plain[rule]) for rule in RULES)


def test_boards_are_scored_by_rating(folder, tmp_path):
    boards = made()[:6]
    rated = dataclasses.replace(boards, ratings=torch.tensor([0, 1, 2, 3, 50, 51]))
    (tmp_path / "rated.csv").write_text(format_csv(rated))
    data = BoardOptions(test_file=tmp_path / "rated.csv")
    assert load(data, "test").ratings.tolist() == rated.ratings.tolist()
    (row,) = evaluate(EvaluateOptions(model=str(folder), data=data, num_steps=(1,)))
    counts = {name: scores.boards for name, scores in row.by_rating.items()}
    assert counts == {"0": 1, "1-2": 2, "3-10": 1, "11-50": 1, "51+": 1}
    assert Row.from_json(json.loads(json.dumps(dataclasses.asdict(row)))) == row


def test_results_stay_in_their_file_while_a_terminal_shows_the_progress(folder, tmp_path):
    """As with ``evaluate > scores.txt``: standard error is a terminal, standard output is not."""
    ours, theirs = pty.openpty()
    arguments = (folder, "--data.test-file", MADE, "--num-steps", "2", "--samples", "1", "3")
    with (tmp_path / "scores.txt").open("w+") as file:
        process = start("examples.sudoku.evaluate", *arguments, stdout=file, stderr=theirs)
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


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_steps": (0,)}, "--num-steps must be positive"),
        ({"samples": (1, 0)}, "--samples must be positive and finite: got 1 0"),
        ({"samples": ()}, "--samples needs at least one number"),
        ({"noise_seeds": ()}, "--noise-seeds needs at least one seed"),
        ({"noise_seeds": (0, 1, 0)}, "--noise-seeds must differ"),
        ({"noise_seeds": (-1,)}, "--noise-seeds must lie in 0"),
        ({"time_limit": 0.0}, "--time-limit must be positive"),
        ({"out": MADE}, "--out must be a folder: got the file"),
        ({"model": str(MADE)}, "made.csv"),
        ({"model": str(TRAINED)}, "is not a model for Sudoku: got AKOrN$"),
        ({"device": "tpu"}, "unknown --device 'tpu'"),
    ],
)
def test_mistakes_are_named(folder, fields, message):
    with pytest.raises((ValueError, OSError), match=message):
        given = {"model": str(folder), "data": DATA, "num_steps": (1,)}
        evaluate(EvaluateOptions(**{**given, **fields}))


def test_scores_of_something_else_are_not_overwritten(folder, tmp_path):
    for content in ("{", "[]", '{"rows": []}', '{"identity": {}, "rows": [{}]}'):
        (tmp_path / "scores.json").write_text(content)
        with pytest.raises(ValueError, match="scores.json holds no scores of this command"):
            evaluate(EvaluateOptions(model=str(folder), data=DATA, out=tmp_path))
        assert (tmp_path / "scores.json").read_text() == content


def test_a_control_votes_by_confidence_over_symmetries(tmp_path):
    ItrSASudoku.from_preset("sudoku-itrsa-tiny").save_pretrained(tmp_path)
    asked = {"model": str(tmp_path), "data": options(rows=":4"), "num_steps": (2,)}
    alone, vote = evaluate(EvaluateOptions(**asked, samples=(1, 3)))
    assert (alone.vote, vote.vote, vote.updates) == (None, "confidence", 6)
    model, puzzles = load_model(tmp_path), load(options(rows=":4"), "test").puzzles
    answers = model(puzzles, num_steps=2).argmax(-1) + 1
    assert BoardScores.of(answers, load(options(rows=":4"), "test")) == alone.scores
