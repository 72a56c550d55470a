"""Files with boards in every form, read by `solve`, `evaluate` and `train`."""

import json
import re

import pytest
import torch

from examples.sudoku.boards import digits, format_cells, parse_lines, read_boards
from examples.sudoku.data import BoardOptions
from examples.sudoku.evaluate import EvaluateOptions, evaluate
from examples.sudoku.rules import solves
from examples.sudoku.solve import NO_ANSWER, SHIPPED, SolveOptions, solve
from examples.sudoku.train import options_for, train
from kuramoto_nn.models import AKOrNSudoku
from tests.examples.sudoku.boards import made

PUZZLES, SOLUTIONS = (
    list(map(format_cells, side)) for side in (made().puzzles[17:19], made().solutions[17:19])
)
PAIRS = list(zip(PUZZLES, SOLUTIONS, strict=True))
LINES = [f"{puzzle},{solution}" for puzzle, solution in PAIRS]
DOTS = [puzzle.replace("0", ".") for puzzle in PUZZLES]
NO_SOLUTION = "there is no solution beside the puzzle"
EIGHT = "a board has nine lines of nine cells: got 8"


SMALL = {"channels": 16, "num_heads": 2, "num_steps": 2}


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    AKOrNSudoku.from_preset("sudoku-akorn-tiny", **SMALL).save_pretrained(folder)
    return folder


def rows(board):
    return [board[start : start + 9] for start in range(0, 81, 9)]


def grid(board):
    return [list(map(int, row)) for row in rows(board)]


def framed(board, rule, bar="|"):
    lines = [bar + bar.join((row[:3], row[3:6], row[6:])) + bar for row in rows(board)]
    return "\n".join([rule, *lines[:3], rule, *lines[3:6], rule, *lines[6:], rule])


WITH_SOLUTIONS = {
    "BOM, CRLF, semicolons": "\r\n".join(
        ["\ufeffpuzzle;solution", *(line.replace(",", ";") for line in LINES), ""]
    ),
    "quoted": "\n".join(['"puzzle","solution","name"'] + [f'"{p}","{s}","a, b"' for p, s in PAIRS]),
    "quoted spaces": "\n".join(f'"{p.replace("0", " ")}","{s}"' for p, s in PAIRS),
    "a column for each cell": "\n".join(",".join(puzzle + solution) for puzzle, solution in PAIRS),
    "JSON lines": "\n".join(json.dumps({"puzzle": p, "solution": s}) for p, s in PAIRS),
    "JSON pairs": json.dumps(PAIRS),
    "JSON grids": json.dumps([{"puzzle": grid(p), "solution": grid(s)} for p, s in PAIRS]),
}
WITHOUT_SOLUTIONS = {
    "sdm": (2, "\n".join(PUZZLES) + "\n"),
    "two on a line": (2, " ".join(DOTS)),
    "blank lines between": (2, "\n\n".join(DOTS) + "\n\n\n"),
    "blank lines, header": (1, f"\n \nquizzes\n{DOTS[0]}"),
    "JSON strings": (2, json.dumps(DOTS)),
    "JSON grids": (2, json.dumps([grid(puzzle) for puzzle in PUZZLES])),
    "JSON rows": (1, "[\n" + ",\n".join(f"  {row}" for row in grid(PUZZLES[0])) + "\n]\n"),
    "frame": (1, framed(DOTS[0], "+---+---+---+")),
    "frame of stars": (1, framed(DOTS[0], "*-----------*")),
    "frame in Unicode": (1, framed(DOTS[0], "├───┼───┼───┤", "│")),
    "Markdown": (1, "\n".join(f"| {' | '.join(row)} |" for row in rows(PUZZLES[0]))),
    "empty cells": (1, "\n".join(",".join(row).replace("0", "") for row in rows(PUZZLES[0]))),
    "full width": (1, DOTS[0].translate(str.maketrans(".123456789", "．１２３４５６７８９"))),
    "titles": (2, "\n".join("\n".join(["Grid 01", *rows(puzzle)]) for puzzle in PUZZLES)),
}


@pytest.mark.parametrize("name", WITH_SOLUTIONS)
def test_puzzles_with_solutions_are_read(tmp_path, name):
    (tmp_path / "boards").write_bytes(WITH_SOLUTIONS[name].encode())
    boards = read_boards(tmp_path / "boards")
    assert torch.equal(boards.puzzles, made().puzzles[17:19])
    assert torch.equal(boards.solutions, made().solutions[17:19])


@pytest.mark.parametrize("name", WITHOUT_SOLUTIONS)
def test_puzzles_without_solutions_are_read(tmp_path, name):
    count, text = WITHOUT_SOLUTIONS[name]
    entries = list(parse_lines(text.splitlines()))
    assert [entry.puzzle for entry in entries] == PUZZLES[:count]
    (tmp_path / "boards").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"boards:{entries[0].line}: {NO_SOLUTION}"):
        read_boards(tmp_path / "boards")


REFUSED = {
    "letter": (DOTS[0][:20] + "O" + DOTS[0][21:], {1: "got 'O' in row 3, column 3"}),
    "letter in a grid": ("\n".join(["x" + DOTS[0][1:9], *rows(DOTS[0])[1:]]), {1: "9", 9: EIGHT}),
    "80 characters": (f"{DOTS[0]}\n{DOTS[1][1:]}", {2: "a board has 81 characters: got 80"}),
    "82 and 80": (f"{DOTS[0]}.,{DOTS[1][1:]}", {1: "field 1: a board has 81 characters: got 82"}),
    "eight lines": ("\n".join(rows(DOTS[0])[:8]), {8: EIGHT}),
    "eight lines, a board": ("\n".join([*rows(DOTS[0])[:8], DOTS[1]]), {8: EIGHT}),
    "16x16": (256 * ".", {1: "a board has 81 characters: got 256"}),
    "16x16 in lines": ("\n".join(["1" + 15 * "."] * 2), {1: "got 16", 2: "got 16"}),
    "three boards": (f"{LINES[0]},{SOLUTIONS[1]}", {1: "a puzzle and its solution: got 3 boards"}),
    "wrong puzzle": (f"x{LINES[0][1:]}", {1: "field 1: .*got 'x' in row 1, column 1"}),
    "a line for each cell": ("[\n4,\n6\n]", {2: "got 1", 3: "got 1"}),
    "a long word": (100_000 * "x", {1: "a board has 81 characters: got 100000"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_lines_of_another_form_are_refused_by_number(name):
    text, reasons = REFUSED[name]
    refused = {
        entry.line: entry.error for entry in parse_lines(text.splitlines()) if not entry.puzzle
    }
    assert list(refused) == list(reasons)
    assert all(re.search(reasons[line], error) for line, error in refused.items())


# The files of ../shared/inputs. -----------------------------------------------------------------

COUNTS = {"empty.csv": 0, "onlyheader.csv": 0, "wrongsolution.csv": 1, "mixed.txt": 4}
COUNTS |= {"grid9_two.txt": 2, "blank_then_header.txt": 1, "header_digit.txt": 1}
NOT_TRAINED_ON = {
    "empty.csv": "there is no board",
    "onlyheader.csv": "there is no board",
    "wrongsolution.csv": "1: the solution does not keep the puzzle's digits",
    "noSolution.csv": f"1: {NO_SOLUTION}",
}
UNSOLVED = {
    "full_wrong.txt": ["line 1: contradictory givens: 6 stands twice in column 1"],
    "mixed.txt": ["line 2: a board has 81 characters: got 7", "line 5: contradictory givens: 6"],
    "g0.txt": ["line 1: no valid answer found .* more than one solution"],
    "g1.txt": ["line 1: no valid answer found .* more than one solution"],
}
SOLVED = ("full_0blank.txt", "one_blank.txt", "g60.txt", "g70.txt")


def inputs(shared):
    files = sorted((shared / "inputs").glob("sudoku_*"))
    files += [shared / "inputs" / name for name in (*SOLVED, "full_wrong.txt", "g0.txt", "g1.txt")]
    assert len(files) == 44
    return {path.name.removeprefix("sudoku_"): path for path in files}


@pytest.mark.skipif(not SHIPPED.exists(), reason="no weights are shipped")
def test_every_input_gets_a_line_for_each_board(shared, untrained, capsys):
    """One sample each: a line is a solution, or 81 dots and a message on standard error."""
    plain = list(map(format_cells, read_boards(inputs(shared)["plain.csv"]).puzzles))
    for name, path in inputs(shared).items():
        usual = 3 if name.startswith("lines_") else 6 if path.suffix in (".csv", ".tsv") else 1
        count, error = COUNTS.get(name, usual), ""
        model = SHIPPED if name in SOLVED else untrained
        try:
            solve(SolveOptions(board=str(path), model=model, budget=1e-9, device="cpu"))
        except ValueError as raised:
            error = str(raised)
        out, messages = (text.splitlines() for text in capsys.readouterr())
        assert len(out) == count and len(messages) == out.count(NO_ANSWER), name
        with path.open(encoding="utf-8") as file:
            entries = list(parse_lines(file))
        for entry, answer in zip(entries, out, strict=True):
            assert answer == NO_ANSWER or solves(digits(answer), digits(entry.puzzle)), name
        failed = f"{len(messages)} of {count} boards of {path} were not solved"
        assert error == ("" if count and not messages else failed if count else error), name
        assert count or "has no board" in error
        found = [entry.puzzle for entry in entries if entry.puzzle]
        if path.name.startswith("sudoku_") and name != "mixed.txt":
            assert found == plain[: len(found)], name
        for reason in UNSOLVED.get(name, ()):
            assert any(re.search(reason, message) for message in messages), (name, messages)
        assert name not in SOLVED or not messages, name


def test_every_input_is_scored_or_refused_by_its_line(shared, untrained, tmp_path):
    """`evaluate` and `train` take the same files, and their boards are the same."""
    fingerprints = set()

    def evaluated(path):
        data = BoardOptions(test_file=path)
        given = {"model": str(untrained), "num_steps": (1,), "device": "cpu"}
        return evaluate(EvaluateOptions(data=data, **given))

    def trained(path, name):
        data, out = {"train_file": path, "num_test_boards": 1, "test_file": path}, tmp_path / name
        parts = {"model": SMALL, "data": data, "training": {"batch_size": 2, "symmetries": False}}
        options = options_for("sudoku-akorn-tiny", out=out, max_steps=1, device="cpu", **parts)
        return train(options).identity["data"]

    for name, path in inputs(shared).items():
        if path.suffix in (".csv", ".tsv") and name not in NOT_TRAINED_ON:
            (row,) = evaluated(path)
            assert row.scores.boards == 6, name
            fingerprints.add(trained(path, name)["fingerprint"])
        else:
            reason = NOT_TRAINED_ON.get(name, NO_SOLUTION)
            with pytest.raises(ValueError, match=f"{path.name}:.*{re.escape(reason)}"):
                evaluated(path)
            with pytest.raises(ValueError, match=f"{path.name}:.*{re.escape(reason)}"):
                trained(path, name)
    assert len(fingerprints) == 1
