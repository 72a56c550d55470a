"""Boards from files: read right, and the bad line named."""

import gzip
import lzma

import pytest
import torch

from examples.sudoku.data import format_cells, generated, load, parse_cells, solutions_of
from examples.sudoku.data.generate import generate
from examples.sudoku.rules import is_valid, keeps_givens
from tests.examples.sudoku.boards import MADE, RRN, SATNET, made

LINES = MADE.read_text().splitlines()


def test_real_satnet_boards(shared):
    boards = load(shared / SATNET, "test")
    assert len(boards) == 10_000
    assert (boards.givens.min(), boards.givens.max()) == (31, 42)
    assert format_cells(boards.puzzles[0]).startswith("670000005003040082")
    test = load(shared / SATNET, "test", rows="9000:")
    assert torch.equal(test.solutions, boards.solutions[9000:])


def test_real_rrn_boards(shared):
    boards = load(shared / RRN, "test")
    assert boards.givens.bincount()[17:].tolist() == [1000] * 18
    few = load(shared / RRN, "test", rows="::1800")
    assert len(few) == 10 and torch.equal(few.puzzles[1], boards.puzzles[1800])


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
        same = load(tmp_path / name, "train")
        assert torch.equal(same.puzzles, boards.puzzles)
        assert torch.equal(same.solutions, boards.solutions)


@pytest.mark.parametrize("legacy", [False, True])
def test_satnet_files(tmp_path, legacy):
    """10,000 one-hot boards, of which the first 9,000 are for training; 2019's format too."""
    boards = made()
    index = torch.arange(10_000) % len(boards)
    for name, side in (("features", boards.puzzles), ("labels", boards.solutions)):
        one_hot = torch.nn.functional.one_hot(side, 10)[..., 1:].float()
        torch.save(
            one_hot[index], tmp_path / f"{name}.pt", _use_new_zipfile_serialization=not legacy
        )
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (len(train), len(test)) == (9_000, 1_000)
    assert torch.equal(test.puzzles, boards.puzzles[index[9000:]])
    assert torch.equal(train.solutions, boards.solutions[index[:9000]])


def test_rrn_folder(tmp_path):
    for number, name in enumerate(("train", "valid", "test")):
        (tmp_path / f"{name}.csv").write_text("\n".join(LINES[number : number + 5]))
    assert torch.equal(load(tmp_path, "train").puzzles, made().puzzles[:5])
    assert torch.equal(load(tmp_path, "test").puzzles, made().puzzles[2:7])


def wrong_lines():
    puzzle, solution = LINES[0].split(",")
    other = LINES[2].split(",")[1]
    given = next(i for i, cell in enumerate(puzzle) if cell != "0")
    twice = puzzle[: given + 1] + puzzle[given] * 2 + puzzle[given + 3 :]
    return {
        f"{puzzle},{solution[:-1]}": "solution: a board has 81 characters: got 80",
        f"{puzzle}{solution}": "a line is `puzzle,solution`: got 1 fields",
        f"{puzzle[:10]}x{puzzle[11:]},{solution}": "puzzle: .*got 'x' in row 2, column 2",
        f"{puzzle[:10]}é{puzzle[11:]},{solution}": "puzzle: .*got 'é' in row 2, column 2",
        f"{twice},{solution}": "the puzzle holds a digit twice",
        f"{puzzle},{solution[1]}{solution[1:]}": "the solution does not have every digit",
        f"{puzzle},{solution[:5]}0{solution[6:]}": "the solution does not have every digit",
        f"{puzzle},{other}": "the solution does not keep the puzzle's digits",
    }


@pytest.mark.parametrize("line", wrong_lines())
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "boards.csv"
    path.write_text("\n".join([*LINES[:3], "", line, LINES[4]]))
    with pytest.raises(ValueError, match=f"boards.csv:5: {wrong_lines()[line]}"):
        load(path, "test")


def test_bad_files_are_named(tmp_path):
    (tmp_path / "empty.csv").write_text("\n")
    with pytest.raises(ValueError, match="empty.csv: there is no board"):
        load(tmp_path / "empty.csv", "test")
    (tmp_path / "cut.csv.xz").write_bytes(lzma.compress(b"1" * 5000)[:-20])
    with pytest.raises(ValueError, match="cut.csv.xz is damaged"):
        load(tmp_path / "cut.csv.xz", "test")
    packed = gzip.compress("\n".join(LINES).encode())
    for name, content in {
        "plain": b"1,2",
        "cut": packed[:500],
        "bad": packed[:500] + b"no" + packed[502:],
    }.items():
        (tmp_path / f"{name}.csv.gz").write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.csv.gz is damaged, or no text"):
            load(tmp_path / f"{name}.csv.gz", "test")
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ValueError, match="binary.csv is damaged, or no text"):
        load(tmp_path / "binary.csv", "test")
    with pytest.raises(OSError, match="nowhere.csv"):
        load(tmp_path / "nowhere.csv", "test")
    with pytest.raises(ValueError, match="has neither features.pt .* nor test.csv"):
        load(tmp_path, "test")
    with pytest.raises(ValueError, match="--rows must be START:STOP"):
        load(MADE, "test", rows="9")
    with pytest.raises(ValueError, match="--rows 99: leaves none of the 36 boards"):
        load(MADE, "test", rows="99:")


def test_bad_satnet_files_are_named(tmp_path):
    one_hot = torch.nn.functional.one_hot(made().puzzles, 10)[..., 1:]
    torch.save(one_hot, tmp_path / "features.pt")
    torch.save(one_hot[:, :8], tmp_path / "labels.pt")
    with pytest.raises(ValueError, match=r"labels.pt must hold a tensor \(B, 9, 9, 9\): got"):
        load(tmp_path, "test")
    one_hot[3, 2, 1] = 1
    torch.save(one_hot, tmp_path / "labels.pt")
    with pytest.raises(ValueError, match=r"labels.pt, row 3: cell \(2, 1\) is not one-hot"):
        load(tmp_path, "test")
    (tmp_path / "labels.pt").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="labels.pt is not a readable file of tensors"):
        load(tmp_path, "test")


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


def test_all_solutions_are_found():
    solution = made().solutions[0]
    square = next(
        (a, b, c, d)
        for a in range(9)
        for b in range(a + 1, 9)
        for c in range(9)
        for d in range(c + 1, 9)
        if solution[a, c] == solution[b, d] and solution[a, d] == solution[b, c]
        if a // 3 == b // 3 or c // 3 == d // 3
    )
    a, b, c, d = square
    puzzle = solution.clone()
    puzzle[[a, a, b, b], [c, d, c, d]] = 0  # can be filled in two ways
    found = [board.tolist() for board in solutions_of(puzzle)]
    assert len(found) == 2 and solution.tolist() in found
    assert all(is_valid(torch.tensor(board)) for board in found)
    assert list(solutions_of(torch.full((9, 9), 1))) == []


def test_made_boards_are_kept_and_training_and_test_differ(tmp_path):
    options = {"count": 4, "givens": range(30, 32), "seed": 5}
    train, test = (generated(tmp_path, split, **options) for split in ("train", "test"))
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(files) == 2
    assert torch.equal(generated(tmp_path, "train", **options).puzzles, train.puzzles)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    assert not torch.equal(train.solutions, test.solutions)


@pytest.mark.parametrize("givens", [range(19, 25), range(30, 83), range(5, 5)])
def test_impossible_givens_are_named(givens):
    with pytest.raises(ValueError, match=r"`givens` must lie in 20\.\.81"):
        generate(1, givens=givens, seed=0)


def test_cells_are_text():
    board = made().puzzles[0]
    assert torch.equal(parse_cells(format_cells(board)), board)
    assert torch.equal(parse_cells(format_cells(board).replace("0", ".")), board)
