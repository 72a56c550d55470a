"""Boards by name and from files; wrong lines and options are named."""

import gzip
import lzma

import pytest
import torch

from examples.common import progress
from examples.sudoku import generate as generate_module
from examples.sudoku.boards import Boards, format_cells, parse_lines, read_boards
from examples.sudoku.data import SETS, BoardOptions, load
from examples.sudoku.generate import (
    generate,
    generate_rated,
    has_solution,
    solutions_of,
    with_fewer_givens,
)
from examples.sudoku.rating import rate
from examples.sudoku.rules import is_valid, keeps_givens
from tests.examples.sudoku.boards import MADE, REAL, made, options

LINES = MADE.read_text().splitlines()


def test_real_satnet_boards(shared):
    """Found in the folder itself, and in its folder ``sudoku``."""
    train = load(BoardOptions(root=shared / REAL), "train")
    test = load(BoardOptions(root=shared / REAL.parent), "test")
    assert (len(train), len(test)) == (9_000, 1_000)
    assert (min(train.givens), max(train.givens)) == (31, 42)
    assert format_cells(train.puzzles[0]).startswith("670000005003040082")
    boards = read_boards(shared / REAL / "satnet.csv.xz")
    assert torch.equal(test.solutions, boards.solutions[9000:])
    few = load(BoardOptions(root=shared / REAL, num_boards=7, rows=":0"), "train")
    assert torch.equal(few.puzzles, boards.puzzles[:7])


def test_real_rrn_boards(shared):
    source = {"name": "rrn", "root": shared / REAL}
    boards = load(BoardOptions(**source), "test")
    assert boards.givens.bincount()[17:].tolist() == [1000] * 18
    for fields in ({"rows": "::1800"}, {"num_test_boards": 10}):
        few = load(BoardOptions(**source, **fields), "test")
        assert len(few) == 10 and torch.equal(few.puzzles[1], boards.puzzles[1800])
    both = load(BoardOptions(**source, rows="::90", num_test_boards=100), "test")
    assert torch.equal(both.puzzles, boards.puzzles[::180])
    with pytest.raises(OSError, match=r"no train.csv or rrn-train.csv in .*--data.name generated"):
        load(BoardOptions(**source), "train")


def test_boards_survive_every_kind_of_file(tmp_path):
    boards = made()
    assert len(boards) == 36
    text = "quizzes,solutions\n" + "\n".join(LINES).replace("0", ".") + "\n\n"
    (tmp_path / "plain.csv").write_text(text)
    (tmp_path / "packed.csv.xz").write_bytes(lzma.compress(text.encode()))
    windows = "\ufeff" + text.replace("\n", "\r\n")
    (tmp_path / "windows.csv.gz").write_bytes(gzip.compress(windows.encode()))
    (tmp_path / "spaced.csv").write_text("\n".join(line.replace(",", " , ") for line in LINES))
    for name in ("plain.csv", "packed.csv.xz", "windows.csv.gz", "spaced.csv"):
        same = load(BoardOptions(train_file=tmp_path / name))
        assert torch.equal(same.puzzles, boards.puzzles)
        assert torch.equal(same.solutions, boards.solutions)
        assert same.fingerprint() == boards.fingerprint()


def test_the_fingerprint_is_that_of_the_content():
    boards = made()
    changed = Boards(boards.puzzles, boards.solutions.clone())
    changed.solutions[-1, 8, 8] = 10 - changed.solutions[-1, 8, 8]
    others = [boards[1:], boards[torch.arange(35, -1, -1)], changed]
    prints = {part.fingerprint() for part in (boards, *others)}
    assert len(prints) == 4 and {len(text) for text in prints} == {64}


@pytest.mark.parametrize("legacy", [False, True])
def test_satnet_files(tmp_path, legacy):
    """10,000 one-hot boards, of which the first 9,000 are for training; 2019's format too."""
    boards = made()
    index = torch.arange(10_000) % len(boards)
    for name, side in (("features", boards.puzzles), ("labels", boards.solutions)):
        one_hot = torch.nn.functional.one_hot(side, 10)[..., 1:].float()
        form = {"_use_new_zipfile_serialization": not legacy}
        torch.save(one_hot[index], tmp_path / f"{name}.pt", **form)
    train, test = (load(BoardOptions(root=tmp_path), split) for split in ("train", "test"))
    assert (len(train), len(test)) == (9_000, 1_000)
    assert torch.equal(test.puzzles, boards.puzzles[index[9000:]])
    assert torch.equal(train.solutions, boards.solutions[index[:9000]])


def test_rrn_folder(tmp_path):
    folder = tmp_path / "sudoku-hard"
    folder.mkdir()
    for number, name in enumerate(("train", "valid", "test")):
        (folder / f"{name}.csv").write_text("\n".join(LINES[number : number + 5]))
    for root in (tmp_path, folder):
        train, test = (load(BoardOptions(name="rrn", root=root), s) for s in ("train", "test"))
        assert torch.equal(train.puzzles, made().puzzles[:5])
        assert torch.equal(test.puzzles, made().puzzles[2:7])


def wrong_lines():
    puzzle, solution = LINES[0].split(",")
    other = LINES[2].split(",")[1]
    given = next(i for i, cell in enumerate(puzzle) if cell != "0")
    twice = puzzle[: given + 1] + puzzle[given] * 2 + puzzle[given + 3 :]
    return {
        f"{puzzle},{solution[:-1]}": "field 2: a board has 81 characters: got 80",
        f"{puzzle[:10]}é{puzzle[11:]},{solution}": "field 1: .*got 'é' in row 2, column 2",
        f"{twice},{solution}": "the puzzle holds a digit twice",
        f"{puzzle},{solution[1]}{solution[1:]}": "the solution does not have every digit",
        f"{puzzle},{solution[:5]}0{solution[6:]}": "the solution does not have every digit",
        f"{puzzle},{other}": "the solution does not keep the puzzle's digits",
        f"7,{puzzle},": "there is no solution beside the puzzle",
    }


@pytest.mark.parametrize("blank", ".0_?*- ")
@pytest.mark.parametrize("form", ["line", "rows", "frame", "apart", "list", "named"])
def test_every_blank_and_form_is_read_as_soon_as_it_is_complete(form, blank):
    board = LINES[0].split(",")[0]
    cells = board.replace("0", blank)
    rows = [cells[i : i + 9] for i in range(0, 81, 9)]
    if blank == " " and form in ("apart", "list", "named"):
        return  # nothing tells such blanks from what is between the cells
    bars = [" | ".join((row[:3], row[3:6], row[6:])) for row in rows]
    rule = "------+-------+------"
    lines = {
        "line": [cells],
        "rows": rows,
        "frame": ["+---+---+---+", *(f"|{r[:3]}|{r[3:6]}|{r[6:]}|" for r in rows), "+===+===+==="],
        "apart": [*bars[:3], rule, *bars[3:6], rule, *bars[6:]],
        "list": [str([list(row) for row in rows]).replace("'", "")],
        "named": [f"17 {cells} # hard"],
    }[form]
    text = iter(["# boards", "name of the puzzle", *lines, "", cells])
    first, second = (next(entries) for entries in [parse_lines(text)] for _ in range(2))
    assert first.puzzle == second.puzzle == board and not first.solution
    assert second.line == len(lines) + 4


@pytest.mark.parametrize("line", wrong_lines())
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "boards.csv"
    path.write_text("\n".join([*LINES[:3], "", line, LINES[4]]))
    with pytest.raises(ValueError, match=f"boards.csv:5: {wrong_lines()[line]}"):
        read_boards(path)


def test_bad_files_are_named(tmp_path):
    (tmp_path / "empty.csv").write_text("\n")
    with pytest.raises(ValueError, match="empty.csv: there is no board"):
        read_boards(tmp_path / "empty.csv")
    packed = gzip.compress("\n".join(LINES).encode())
    for name, content in {
        "cut.csv.xz": lzma.compress(b"1" * 5000)[:-20],
        "plain.csv.gz": b"1,2",
        "cut.csv.gz": packed[:500],
        "bad.csv.gz": packed[:500] + b"no" + packed[502:],
        "binary.csv": bytes(range(128, 256)),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} is damaged, or not UTF-8 text"):
            read_boards(tmp_path / name)
    with pytest.raises(OSError, match="nowhere.csv"):
        load(options(test_file=tmp_path / "nowhere.csv"), "test")
    with pytest.raises(OSError, match=r"no features.pt or satnet.csv in .*--data.root"):
        load(BoardOptions(root=tmp_path), "test")
    (tmp_path / "satnet.csv").write_text("\n".join(LINES))
    with pytest.raises(ValueError, match="satnet in .* has no boards for split 'test'"):
        load(BoardOptions(root=tmp_path), "test")
    with pytest.raises(ValueError, match="--data.rows 99: leaves none of the 36 boards"):
        load(options(rows="99:"), "test")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "kaggle"}, "--data.name must be one of satnet, .*, extreme, .*: got 'kaggle'"),
        ({"rows": "9"}, "--data.rows must be START:STOP"),
        ({"rows": "::-1"}, "--data.rows must be START:STOP"),
        ({"num_boards": 0}, "--data.num-boards must be positive and finite: got 0"),
        ({"num_test_boards": -1}, "--data.num-test-boards must be positive"),
        ({"seed": -1}, "--data.seed must lie in 0"),
        ({"givens": (9, 5)}, r"--data.givens must be two numbers in 20\.\.81"),
        ({"givens": (19, 25)}, r"--data.givens must be .* got 19 25"),
        ({"givens": (30, 82)}, r"--data.givens must be .* got 30 82"),
    ],
)
def test_wrong_options_are_named_as_they_are_typed(fields, message):
    with pytest.raises(ValueError, match=message):
        BoardOptions(**fields)


def test_bad_satnet_files_are_named(tmp_path):
    one_hot = torch.nn.functional.one_hot(made().puzzles, 10)[..., 1:]
    torch.save(one_hot, tmp_path / "features.pt")
    torch.save(one_hot[:, :8], tmp_path / "labels.pt")
    with pytest.raises(ValueError, match=r"labels.pt must hold a tensor \(B, 9, 9, 9\): got"):
        load(BoardOptions(root=tmp_path), "test")
    one_hot[3, 2, 1] = 1
    torch.save(one_hot, tmp_path / "labels.pt")
    with pytest.raises(ValueError, match=r"labels.pt, row 3: cell \(2, 1\) is not one-hot"):
        load(BoardOptions(root=tmp_path), "test")
    (tmp_path / "labels.pt").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="labels.pt is not a readable file of tensors"):
        load(BoardOptions(root=tmp_path), "test")


def test_made_boards_have_the_wished_givens_and_one_solution():
    boards = generate(10, givens=range(22, 32), seed=3)
    assert boards.givens.tolist() == list(range(22, 32))
    assert is_valid(boards.solutions).all()
    assert keeps_givens(boards.solutions, boards.puzzles).all()
    for puzzle, solution in zip(boards.puzzles, boards.solutions, strict=True):
        assert [torch.equal(found, solution) for found in solutions_of(puzzle)] == [True]
    again, other = (generate(10, givens=range(22, 32), seed=seed) for seed in (3, 4))
    assert torch.equal(boards.puzzles, again.puzzles)
    assert not (boards.solutions == other.solutions).flatten(1).all(1).any()


def test_givens_are_removed_while_the_solution_stays_the_only_one():
    boards = made()[12:]
    harder = with_fewer_givens(boards, versions=2, seed=0)
    before, solutions = boards.puzzles.repeat(2, 1, 1), boards.solutions.repeat(2, 1, 1)
    assert torch.equal(harder.solutions, solutions)
    assert keeps_givens(before, harder.puzzles).all()
    assert all(len(list(solutions_of(puzzle))) == 1 for puzzle in harder.puzzles)
    removed = (before > 0).flatten(1).sum(1) - harder.givens
    assert removed.min() == 0 and removed.max() >= 8 and harder.givens.min() >= 20
    assert not torch.equal(*harder.puzzles.chunk(2))


def test_boards_are_generated_by_rating(monkeypatch):
    monkeypatch.setattr(generate_module, "SHARES", {(0, 0): 0.5, (3, 10): 0.5})
    boards = generate_rated(8, seed=0)
    ratings = boards.ratings.tolist()
    assert set(ratings) - {0} and set(ratings) <= {0, *range(3, 11)} and 0 in ratings
    for puzzle, solution, rating in zip(boards.puzzles, boards.solutions, ratings, strict=True):
        assert [torch.equal(found, solution) for found in solutions_of(puzzle)] == [True]
        assert rate(puzzle) == rating
    assert boards.fingerprint() == generate_rated(8, seed=0).fingerprint()


def test_a_rating_counts_the_guesses_that_are_taken_back():
    solution = made().solutions[0]
    assert rate(solution) == 0
    puzzle = solution.clone()
    puzzle[0] = 0  # every cell of the row follows from its column
    assert rate(puzzle) == 0
    with pytest.raises(ValueError, match="no solution"):
        rate(torch.full((9, 9), 1))


def test_sudoku_extreme_is_read_with_ratings_and_in_part(tmp_path, shared):
    lines = (shared / "inputs" / "sudoku_extreme.csv").read_text().splitlines()
    (tmp_path / "sudoku-extreme").mkdir()
    for split in ("train", "test"):
        (tmp_path / "sudoku-extreme" / f"{split}.csv").write_text("\n".join(lines))
    whole = load(BoardOptions(name="extreme", root=tmp_path), "test")
    ratings = [int(line.rsplit(",", 1)[1]) for line in lines[1:]]
    assert len(whole) == 6 and whole.ratings.tolist() == ratings
    part = load(BoardOptions(name="extreme", root=tmp_path, num_boards=3))
    assert torch.equal(part.puzzles, whole.puzzles[::2]) and part.ratings.tolist() == ratings[::2]
    with pytest.raises(OSError, match="no train.csv in .*sudoku-extreme"):
        load(BoardOptions(name="extreme", root=tmp_path / "none"))


def test_all_solutions_are_found():
    puzzle = (solution := made().solutions[0]).clone()
    puzzle[[3, 3, 4, 4], [1, 5, 1, 5]] = 0  # can be filled in two ways
    found = [board.tolist() for board in solutions_of(puzzle)]
    assert len(found) == 2 and solution.tolist() in found
    assert all(is_valid(torch.tensor(board)) for board in found)
    assert has_solution(puzzle)
    wrong = torch.full((9, 9), 1)
    assert list(solutions_of(wrong)) == [] and not has_solution(wrong)
    assert has_solution(puzzle)  # the checks are independent of each other


def test_the_progress_of_generating_boards_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    generate(3, givens=range(40, 41), seed=0)
    assert "generate boards: 2 of 3" in capsys.readouterr().err


def test_made_boards_are_kept_and_training_and_test_differ(tmp_path):
    fields = {"num_boards": 4, "num_test_boards": 3, "givens": (30, 31), "seed": 5}
    made_here = BoardOptions(name="generated", root=tmp_path / "data", **fields)
    train, test = (load(made_here, split) for split in ("train", "test"))
    files = {path: path.stat().st_mtime_ns for path in made_here.root.iterdir()}
    assert len(files) == 2
    assert load(made_here).fingerprint() == train.fingerprint()
    assert {path: path.stat().st_mtime_ns for path in made_here.root.iterdir()} == files
    assert not torch.equal(train.solutions[:3], test.solutions)
    cached = BoardOptions(name="generated", root=tmp_path / "no", cache=made_here.root, **fields)
    assert load(cached, "test").fingerprint() == test.fingerprint()
    assert not cached.root.exists()


def test_a_set_is_a_line_of_the_table(monkeypatch):
    monkeypatch.setitem(SETS, "mine", lambda options, split: made()[:5])
    assert len(load(BoardOptions(name="mine", num_boards=4))) == 4
