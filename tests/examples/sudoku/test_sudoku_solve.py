"""Solving as users do: a board, a file, a pipe; what cannot be solved; the animation."""

import lzma
import os
import subprocess
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from examples.sudoku.boards import format_cells
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.generate import has_solution
from examples.sudoku.solve import NO_ANSWER, SHIPPED, SolveOptions, attempt, solve
from kuramoto_nn import load_model
from kuramoto_nn.inference import seeded_noise
from kuramoto_nn.models import AKOrN, ItrSASudoku
from tests.examples.runs import ROOT, finish, start
from tests.examples.sudoku.boards import KNOWN, REAL, UNKNOWN, learned, made

SOLVE = "examples.sudoku.solve"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned") / "model"
    learned().save_pretrained(folder)
    return folder


def text(number, side="puzzles"):
    return format_cells(getattr(made(), side)[number])


def test_a_board_is_printed_as_a_grid_and_animated(folder, tmp_path, capsys):
    gif = tmp_path / "new" / "board.gif"
    puzzle = text(KNOWN).replace("0", ".")
    solve(SolveOptions(board=puzzle, model=folder, animate=gif, device="cpu"))
    out = capsys.readouterr().out
    grid = "".join(out.splitlines()[:11])
    assert "".join(filter(str.isdigit, grid)) == text(KNOWN, "solutions")
    assert "4 steps, energy -" in out and "sample 1, " in out
    with Image.open(gif) as picture:
        assert picture.n_frames == 5 and picture.info["loop"] == 0
        first = picture.convert("RGB").tobytes()
        picture.seek(4)
        assert picture.convert("RGB").tobytes() != first


def test_a_pipe_is_answered_line_by_line(folder):
    words = ("-", "--model", folder, "--budget", 0.2)
    process = start(SOLVE, *words, stdin=subprocess.PIPE)
    for _ in range(2):
        process.stdin.write(f"{text(KNOWN)}\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{text(KNOWN, 'solutions')}\n"
    rest = f"\n123\n{text(UNKNOWN)}\n{text(KNOWN)},{text(KNOWN, 'solutions')}\n"
    out, err = finish(process, rest, code=1)
    assert out == f"{NO_ANSWER}\n{NO_ANSWER}\n{text(KNOWN, 'solutions')}\n"
    assert err.splitlines() == [
        "standard input, line 4: a board has 81 characters: got 3",
        *[line for line in err.splitlines() if line.startswith("standard input, line 5: no valid")],
        "error: 2 of 5 boards of standard input were not solved",
    ]


def test_a_file_of_solved_boards_is_no_error(folder, tmp_path):
    """A header is the first line that is not empty; compressed files are decompressed."""
    file = tmp_path / "boards.txt.xz"
    lines = ["", " ", "quizzes,solutions", *[text(KNOWN)] * 1000]
    file.write_bytes(lzma.compress("\n".join(lines).encode()))
    printed = finish(start(SOLVE, file, "--model", folder))
    assert printed == (f"{text(KNOWN, 'solutions')}\n" * 1000, "")


def test_givens_are_checked_fast():
    """0.1 ms a board; 10 times that is allowed for, as tests share the machine."""
    boards = made().puzzles
    has_solution(boards[0])
    began = time.process_time()
    assert all(map(has_solution, boards))
    assert (time.process_time() - began) / len(boards) < 1e-3


def test_answers_follow_from_the_seed_and_more_is_tried_as_long_as_there_is_time(folder):
    model = load_model(folder)
    puzzles = made().puzzles[[UNKNOWN, KNOWN]]
    unsolved, solved = attempt(model, puzzles, seconds=1.0)
    assert unsolved.answer is None and unsolved.num_steps > 4 and unsolved.sample > 0
    assert torch.equal(solved.answer, made().solutions[KNOWN])
    (alone,) = attempt(model, puzzles[1:], seconds=1.0)
    assert (alone.num_steps, alone.sample) == (solved.num_steps, solved.sample) == (4, 0)
    assert alone.energy == pytest.approx(solved.energy)  # the neighbour does not matter
    noise = seeded_noise((32, 9, 9), seed=0)(torch.tensor([0]), torch.tensor([alone.sample]))
    again = model.rollout(puzzles[1:], num_steps=alone.num_steps, noise=noise)
    assert torch.equal(again.logits.argmax(-1)[0] + 1, alone.answer)
    assert again.energies[-1].item() == pytest.approx(alone.energy)
    hurried, _ = attempt(model, puzzles, seconds=1e-9)
    assert hurried.num_steps > 4 and hurried.sample == 0  # something is always tried


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        ("53..7", "a board has 81 characters: got 5"),
        (text(KNOWN) + ".", "a board has 81 characters: got 82"),
        ("x" + text(KNOWN)[1:], "got 'x' in row 1, column 1"),
        ("11" + "." * 79, "contradictory givens: 1 stands twice in row 1"),
        ("12345678." + "." * 17 + "9" + "." * 54, "contradictory givens: no valid board"),
        (text(UNKNOWN), "no valid answer found in the budget of 0.3 s a board, with.*--budget$"),
        ("", "BOARD must be one board: got 0"),
        (81 * ".", "no valid answer found .*; it has more than one solution"),
        ("\n".join(["5" * 9] * 9), "contradictory givens: 5 stands twice in row 1"),
        (" ".join(["5" * 9] * 9), "contradictory givens: 5 stands twice in row 1"),
        ("\n".join([text(KNOWN)] * 2), "BOARD must be one board: got 2"),
        ("x" + text(KNOWN)[2:], "is neither a file nor a board of 81 characters"),
        ("1" * 300, "a board has 81 characters: got 300"),
        ("nowhere.txt", "nowhere.txt is neither a file nor a board"),
        (str(ROOT), "Is a directory"),
    ],
)
def test_what_cannot_be_solved_is_said(folder, puzzle, message):
    with pytest.raises((ValueError, OSError), match=message):
        solve(SolveOptions(board=puzzle, model=folder, budget=0.3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0.0}, "--budget must be positive"),
        ({"board": "-", "animate": Path("board.gif")}, "--animate takes a single board"),
        ({"animate": Path("board.png")}, "--animate must end in .gif, .webp, .mp4: got board.png"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        SolveOptions(**{"board": text(KNOWN), **options})


def test_a_closed_standard_input_is_one_line():
    printed = finish(start(SOLVE, "-", preexec_fn=lambda: os.close(0)), code=1)
    assert printed == ("", "error: standard input is closed; name a file of boards\n")


def test_a_mistake_ends_the_command_with_one_line():
    printed = finish(start(SOLVE, text(KNOWN)[:-1]), code=1)
    assert printed == ("", "error: a board has 81 characters: got 80\n")


def test_a_file_without_boards_or_damaged_is_named(folder, tmp_path):
    for name, content, message in (
        ("empty.txt", b"\n", "has no board; give one of 81 characters"),
        ("cut.gz", b"\x1f\x8b\x08", "is damaged, or not UTF-8 text"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} {message}"):
            solve(SolveOptions(board=str(tmp_path / name), model=folder))
    printed = finish(start(SOLVE, "-", "--model", folder), code=1)
    message = "error: standard input has no board; give one of 81 characters a line\n"
    assert printed == ("", message)


def test_whoever_stops_reading_gets_no_complaint(folder, tmp_path):
    file = tmp_path / "boards.txt"
    file.write_text(f"{text(KNOWN)}\n" * 2)
    with start(SOLVE, file, "--model", folder) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_missing_or_wrong_model_is_named(tmp_path):
    def fails(error, match, **options):
        with pytest.raises(error, match=match):
            solve(SolveOptions(board=text(KNOWN), **options))

    fails((ValueError, OSError), "elsewhere", model=str(tmp_path / "elsewhere"))
    for content in (None, "3", "{", '{"channels": 8}'):
        if content is not None:
            (tmp_path / "config.json").write_text(content)
        fails((ValueError, OSError), str(tmp_path), model=str(tmp_path))
    AKOrN.from_preset("tetrominoes-attn-tiny").save_pretrained(tmp_path)
    fails(ValueError, r"is not a model for Sudoku: got AKOrN$", model=str(tmp_path))
    ItrSASudoku.from_preset("sudoku-itrsa-tiny").save_pretrained(tmp_path)
    film = {"model": str(tmp_path), "animate": tmp_path / "film.gif"}
    fails(ValueError, "--animate needs oscillators", **film)


@pytest.mark.skipif(not SHIPPED.exists(), reason="no weights are shipped")
def test_the_shipped_model_solves_real_boards(shared, tmp_path):
    for name, rows in (("satnet", ":3"), ("rrn", "17988:17990")):
        boards = load(BoardOptions(name=name, root=shared / REAL, rows=rows), "test")
        file = tmp_path / "boards.txt"
        file.write_text("\n".join(map(format_cells, boards.puzzles)))
        out, err = finish(start(SOLVE, file))
        assert err == ""
        assert out.split() == [format_cells(solution) for solution in boards.solutions]
