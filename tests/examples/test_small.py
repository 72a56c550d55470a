"""The small examples: each runs, writes its pictures, and shows what it says."""

import re

import imageio.v3 as imageio
import pytest
import torch

from examples import (
    binding,
    classical_kuramoto,
    drop_in_block,
    first_layer,
    fish,
    own_coupling,
)
from examples.common.command import run_command


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the command of an example in this process."""

    def run(module, *words):
        monkeypatch.setattr("sys.argv", [module.__name__, "--out", str(tmp_path), *map(str, words)])
        run_command(module.main, module.Options)

    return run


def test_both_groups_fall_into_step(run, tmp_path, capsys):
    run(first_layer)
    lines = capsys.readouterr().out.splitlines()[:4]
    values = {line[:14].strip(): float(line.split()[-1]) for line in lines}
    assert values["order, disc"] > 0.99 and values["order, ground"] > 0.99
    assert values["order, all"] < 0.5 and values["energy E"] < 0
    assert imageio.imread(tmp_path / "phases.gif").shape[0] > 40
    assert (tmp_path / "curves.png").stat().st_size > 0


def test_the_transition_is_the_theory_s():
    strengths = torch.tensor([0.5, 1.5, 2.5])
    options = classical_kuramoto.Options(num_oscillators=1000, time=40)
    measured = classical_kuramoto.measure(strengths, options)
    torch.testing.assert_close(measured, classical_kuramoto.theory(strengths), atol=0.05, rtol=0)


@pytest.mark.parametrize("words", [(), ("--square",), ("--edges", "--film", "film.mp4")])
def test_waves_stay_inside_the_fish(run, tmp_path, words):
    run(fish, "--num-steps", 24, *words)
    film = imageio.imread(tmp_path / ("film.mp4" if "--film" in words else "phases.gif"))
    assert film.shape[1:] == (184, 184, 3)
    if not words:
        moved = abs(film[-1].astype(int) - film[-4]).max(-1)
        assert moved[92, 40:110].mean() > 10 * moved[20, 20:160].mean()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--picture", "missing.png"), "missing.png"),
        (("--picture", __file__), "cannot identify image file"),
        (("--num-steps", 0), "--num-steps must be positive"),
        (("--film", "a.avi"), "--film must end in .gif"),
    ],
)
def test_the_fish_refuses_bad_input_in_one_line(run, capsys, words, message):
    with pytest.raises(SystemExit):
        run(fish, *words)
    assert message in capsys.readouterr().err


def test_an_own_coupling_learns(run, tmp_path, capsys):
    run(own_coupling, "--num-steps", 60)
    before, *scores = re.findall(r"([\d.]+) %", capsys.readouterr().out)
    assert float(scores[3]) > max(70, float(before) + 20)  # 10 nodes, T = 32
    assert (tmp_path / "loss.png").stat().st_size > 0


@pytest.mark.parametrize("network", drop_in_block.NETWORKS.values())
def test_a_block_trains_inside_a_network(network):
    clean, _, noisy = drop_in_block.train_and_test(network, with_block=True, seed=0, epochs=3)
    assert clean > 70 and clean > noisy


def test_binding_writes_a_film(run, tmp_path):
    run(binding, "--num-images", 2)
    assert imageio.imread(tmp_path / "binding.gif").shape[1:] == (288, 432, 3)
