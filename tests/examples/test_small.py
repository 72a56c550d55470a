"""The small examples: each runs, writes its pictures, and shows what it says."""

import re

import imageio.v3 as imageio
import numpy as np
import pytest
import torch
from PIL import Image

from examples import (
    binding,
    classical_kuramoto,
    drop_in_block,
    first_layer,
    fish,
    own_coupling,
)
from examples.common.command import run_command
from examples.sudoku import __main__ as sudoku

ALL = [binding, classical_kuramoto, drop_in_block, first_layer, fish, own_coupling, sudoku]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the command of an example in this process."""

    def run(module, *words, out=tmp_path):
        monkeypatch.setattr("sys.argv", [module.__name__, "--out", str(out), *map(str, words)])
        run_command(module.main, module.Options)

    return run


def test_both_groups_fall_into_step(run, tmp_path, capsys):
    run(first_layer)
    lines = capsys.readouterr().out.splitlines()[:4]
    values = {line[:14].strip(): float(line.split()[-1]) for line in lines}
    assert values["disc"] > 0.99 and values["ground"] > 0.99
    assert values["all"] < 0.5 and values["energy"] < 0
    assert imageio.imread(tmp_path / "phases.gif").shape[0] > 40
    assert (tmp_path / "curves.png").stat().st_size > 0


def test_the_transition_is_the_theory_s():
    strengths = torch.tensor([0.5, 1.5, 2.5])
    options = classical_kuramoto.Options(num_oscillators=1000, time=40)
    measured = classical_kuramoto.measure(strengths, options)
    torch.testing.assert_close(measured, classical_kuramoto.theory(strengths), atol=0.05, rtol=0)


def test_the_transition_is_drawn(run, tmp_path):
    run(classical_kuramoto, "--num-oscillators", 20, "--time", 1)
    assert (tmp_path / "transition.png").stat().st_size > 0


def test_waves_stay_inside_the_fish(run, tmp_path):
    run(fish, "--num-steps", 24)
    film = imageio.imread(tmp_path / "phases.gif")
    assert film.shape[1:] == (184, 184, 3)
    moved = abs(film[-1].astype(int) - film[-4]).max(-1)
    assert moved[92, 40:110].mean() > 10 * moved[20, 20:160].mean()
    assert {path.name for path in tmp_path.iterdir()} == {"phases.gif", "last.png", "energy.png"}


def test_silhouettes(tmp_path):
    drawn = fish.read_silhouette()
    assert drawn[0, 0, 32, 24] < 0.1 and drawn[0, 0, 2, 2] > 0.9
    square = fish.read_silhouette(square=True)
    assert square.mean() == 0.75
    edges = fish.read_silhouette(square=True, edges=True)
    assert edges[0, 0, 16, 32] > 0.5 and edges[0, 0, 32, 32] == edges[0, 0, 4, 4] == 0
    pixels = np.zeros((20, 40, 4), dtype=np.uint8)  # black, and transparent but for the middle
    pixels[5:15, 10:30, 3] = 255
    Image.fromarray(pixels).save(path := tmp_path / "wide.png")
    wide = fish.read_silhouette(path)[0, 0]
    assert wide[32, 32] == 0 and wide[32, 4] == wide[4, 32] == wide[20, 32] == 1


@pytest.mark.parametrize(
    ("module", "words", "message"),
    [
        (fish, ("--picture", "missing.png"), "missing.png is missing"),
        (fish, ("--picture", __file__), "is damaged or not a picture"),
        (fish, ("--num-steps", 0), "--num-steps must be positive and at most 2,000: got 0"),
        (fish, ("--num-steps", 10**9), "--num-steps must be positive and at most 2,000"),
        (fish, ("--format", "avi"), "invalid choice"),
        (first_layer, ("--seed", -1), "--seed must lie in"),
        (classical_kuramoto, ("--time", "nan"), "--time must be positive"),
        (own_coupling, ("--num-steps", -1), "--num-steps must be positive"),
        (binding, ("--num-images", 10**9), "--num-images must be positive and at most 64"),
        (sudoku, ("--givens", 3), "--givens must lie in 20..81: got 3"),
    ],
)
def test_bad_input_is_refused_in_one_line(run, capsys, module, words, message):
    with pytest.raises(SystemExit) as exit:
        run(module, *words)
    assert exit.value.code == (1 if "--picture" in words else 2)
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("module", ALL)
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(run, capsys, module, tmp_path):
    (blocker := tmp_path / "file").touch()
    with pytest.raises(SystemExit) as exit:
        run(module, out=blocker / "folder")
    captured = capsys.readouterr()
    assert exit.value.code == 1 and captured.err.startswith("error: cannot write into")
    assert captured.out == "" and captured.err.count("\n") == 1


def test_an_own_coupling_learns(monkeypatch):
    monkeypatch.setattr(own_coupling, "TESTED_STEPS", (8, 32))
    before = own_coupling.accuracies(own_coupling.train(num_steps=1, seed=0), 10)
    after = own_coupling.accuracies(own_coupling.train(num_steps=60, seed=0), 10)
    assert after[1] > max(70, before[1] + 20) and after[1] > after[0]


@pytest.mark.parametrize("kind", ["residual network", "vision transformer"])
def test_a_block_trains_inside_a_network(kind):
    clean, _, noisy = drop_in_block.accuracies(kind, 0, 2, with_block=True)
    assert clean > 70 and clean > noisy


def test_a_comparison_has_all_seeds(monkeypatch, capsys):
    monkeypatch.setattr(drop_in_block, "accuracies", lambda kind, seed, *_, **__: [90.0 + seed] * 3)
    panels = drop_in_block.compare(seeds=3)
    assert [len(curves) for curves in panels.values()] == [2, 2]
    assert capsys.readouterr().out.count("91.0 ± 0.8, 91.0 ± 0.8, 91.0 ± 0.8") == 4


def test_binding_writes_a_film(run, tmp_path):
    run(binding, "--num-images", 1)
    film = imageio.imread(tmp_path / "binding.gif")
    assert film.shape[1:] == (136, 408, 3)
    first, last = film[0, :136, 136:272], film[-1, :136, 136:272]
    assert abs(first.astype(int) - last).mean() > 10  # the phases have moved


def test_a_sudoku_needs_more_steps(run, tmp_path, capsys):
    run(sudoku, "--num-steps", 64)
    puzzle, solution, *lines = capsys.readouterr().out.splitlines()
    assert all(given in ("0", digit) for given, digit in zip(puzzle, solution, strict=True))
    shares = list(map(float, re.findall(r"([\d.]+) % of", " ".join(lines))))
    assert shares[-1] == 100 and max(shares[:2]) < 100
    assert imageio.imread(tmp_path / "board.gif").shape[1:] == (368, 690, 3)
    assert (tmp_path / "curves.png").stat().st_size > 0
