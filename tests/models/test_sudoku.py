"""The Sudoku models: what is given, what is random, more steps, the energies of a rollout."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from kuramoto_nn import reference
from kuramoto_nn.models import AKOrNSudoku, AKOrNSudokuConfig, ItrSASudoku
from tests.models import small


def solver(**overrides):
    torch.manual_seed(0)
    return AKOrNSudoku.from_preset("sudoku-akorn-tiny", num_steps=3, **overrides).eval()


@pytest.mark.parametrize("overrides", [{}, {"num_blocks": 2, "readout": "norm"}])
def test_rollout_is_the_call_and_the_energies_of_the_last_block(overrides):
    model = solver(**overrides)
    puzzles, noise = small.inputs(model)
    calls = []
    layer = model.blocks[-1].layer
    layer.register_forward_pre_hook(lambda layer, args: calls.append(args))
    for steps in (None, 0, 5):
        logits, energies = model.rollout(puzzles, **noise, num_steps=steps)
        assert_close(logits, model(puzzles, **noise, num_steps=steps))
        expected = layer.trajectory(*calls[-1], num_steps=steps).energies
        assert energies.shape == ((3 if steps is None else steps) + 1, 3)
        assert_close(energies, expected)


def test_a_rollout_evaluates_another_energy_of_the_same_states():
    model = solver(num_blocks=2)
    puzzles, noise = small.inputs(model)
    calls = []
    layer = model.blocks[-1].layer
    layer.register_forward_pre_hook(lambda layer, args: calls.append(args))
    logits, energies = model.rollout(puzzles, **noise, energy=reference.energy)
    assert_close(logits, model(puzzles, **noise))
    assert_close(energies[:-1], reference.energies(layer, *calls[0])[1:])
    along = model.trajectory(puzzles, **noise, energy=lambda x, coupled, c: x.sum((-1, -2)))
    assert_close(along.energies, along.states.sum(2))  # one value per cell


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_trajectory_says_what_a_call_of_every_length_would(blocks):
    model = solver(num_blocks=blocks)
    puzzles, noise = small.inputs(model)
    logits, energies, states = model.trajectory(puzzles, **noise, num_steps=3)
    assert logits.shape == (4, 3, 9, 9, 9) and states.shape == (4, 3, 64, 9, 9)
    assert_close(energies, model.rollout(puzzles, **noise, num_steps=3).energies)
    assert_close(logits[-1], model(puzzles, **noise, num_steps=3))
    for steps in range(4 if blocks == 1 else 0):  # T is that of the earlier blocks too
        assert_close(logits[steps], model(puzzles, **noise, num_steps=steps))


@pytest.mark.parametrize("blocks", [1, 2])
def test_answers_are_those_of_the_trajectory(blocks):
    model = solver(num_blocks=blocks)
    puzzles, noise = small.inputs(model)
    along = model.trajectory(puzzles, **noise, num_steps=6).logits
    assert_close(model.answers(puzzles, **noise, num_steps=6, every=2), along[2::2])
    assert_close(model.answers(puzzles, **noise, every=3)[0], model(puzzles, **noise))
    if blocks == 1:
        assert_close(model.answers(puzzles, **noise, num_steps=2, every=2, skip=4)[0], along[6])
    model.answers(puzzles, **noise, every=1, skip=2).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    chosen = torch.tensor([2, 0])
    more = {"num_steps": 4, "every": 2, "skip": 2}
    selected = model.answers(puzzles, **noise, **more, select=lambda logits: chosen)
    assert_close(selected, model.answers(puzzles, **noise, **more)[:, chosen])
    for every in (0, 2, 6):
        with pytest.raises(ValueError, match=f"`every` must divide .* got {every} and 3 steps"):
            model.answers(puzzles, **noise, every=every)


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_call_is_a_loop_of_ones_own(blocks):
    model = solver(num_blocks=blocks)
    puzzles, noise = small.inputs(model)
    x, c = model.start(puzzles, **noise, num_steps=2)
    for _ in range(2):
        x = model.layer.step(x, c)
    assert_close(model.read(x), model(puzzles, **noise, num_steps=2))


def test_a_control_answers_on_the_way():
    torch.manual_seed(0)
    model = ItrSASudoku.from_preset("sudoku-itrsa-tiny", num_blocks=2).eval()
    puzzles, _ = small.inputs(model)
    answers = model.answers(puzzles, num_steps=4, every=2, skip=1)
    assert answers.shape == (2, 3, 9, 9, 9)
    assert_close(model.answers(puzzles, num_steps=4, every=4)[0], model(puzzles, num_steps=4))
    model = ItrSASudoku.from_preset("sudoku-itrsa-tiny").eval()
    answers = model.answers(puzzles, num_steps=4, every=2, skip=1)
    for answer, steps in zip(answers, (3, 5), strict=True):
        assert_close(answer, model(puzzles, num_steps=steps))


def test_given_cells_start_at_their_digit_and_blanks_at_the_noise():
    model = solver()
    starts = []
    model.blocks[0].layer.register_forward_pre_hook(lambda layer, args: starts.append(args))
    puzzles, noise = small.inputs(model)
    model(puzzles, **noise)
    x, c = starts[0]
    given = (puzzles > 0).unsqueeze(1).expand_as(x)
    assert_close(x[given], c[given])
    assert_close(x[~given], noise["noise"][~given])
    assert_close(c, model.embed.weight[puzzles].movedim(-1, 1))


@pytest.mark.parametrize("family", [AKOrNSudoku, ItrSASudoku])
def test_learns_a_board_by_heart(family):
    """Logits and digits agree on which class is which digit."""
    torch.manual_seed(0)
    shifts = torch.tensor([0, 3, 6, 1, 4, 7, 2, 5, 8])
    board = (shifts[:, None] + torch.arange(9)) % 9 + 1
    assert all(sorted(line.tolist()) == list(range(1, 10)) for line in (*board, *board.T))
    puzzle = board * (torch.rand(9, 9) < 0.5)
    name = "sudoku-akorn-tiny" if family is AKOrNSudoku else "sudoku-itrsa-tiny"
    model = family.from_preset(name, channels=32, num_steps=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        logits = model(puzzle[None])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 2), board.flatten() - 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.equal(model(puzzle[None])[0].argmax(-1) + 1, board)


@pytest.mark.parametrize(
    ("puzzles", "message"),
    [
        (torch.zeros(9, 9, dtype=torch.long), r"must be \(B, 9, 9\): got shape \(9, 9\)"),
        (torch.zeros(1, 81, dtype=torch.long), r"must be \(B, 9, 9\): got shape \(1, 81\)"),
        (torch.zeros(1, 9, 9), r"must be int64 or int32.*got torch.float32; try puzzles.long"),
        (torch.full((1, 9, 9), 10), r"must hold 0 \(blank\) to 9: got numbers from 10 to 10"),
        (torch.full((1, 9, 9), -1), r"must hold 0 \(blank\) to 9: got numbers from -1 to -1"),
    ],
)
@pytest.mark.parametrize("name", ["sudoku", "sudoku-itrsa"])
def test_wrong_puzzles_are_named(puzzles, message, name):
    with pytest.raises(ValueError, match=message):
        small.build(name)(puzzles)


def test_wrong_noise_and_configurations_are_named():
    model = solver()
    with pytest.raises(ValueError, match=r"`noise` must have the shape of the stimulus"):
        model(torch.zeros(1, 9, 9, dtype=torch.long), noise=torch.zeros(1, 64, 9, 8))
    with pytest.raises(ValueError, match="`readout` must be one of 'feed-forward', 'norm': got"):
        AKOrNSudokuConfig(readout="linear")


def test_answers_take_numbers_of_numpy_and_name_wrong_ones():
    model, puzzles = solver(), torch.zeros(1, 9, 9, dtype=torch.long)
    assert len(model.answers(puzzles, every=np.int64(2), num_steps=torch.tensor(4))) == 2
    for every, message in (
        (2.0, "`every` must be an integer: got 2.0"),
        (3, "`every` must divide the number of steps: got 3 and 4 steps"),
    ):
        with pytest.raises(ValueError, match=message):
            model.answers(puzzles, every=every, num_steps=4)
