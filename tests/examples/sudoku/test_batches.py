"""Batches follow from the step alone, whatever the number of processes."""

import pytest
import torch

from examples.common.processes import Processes
from examples.sudoku.recipes import Stage, Training
from examples.sudoku.rules import is_valid, keeps_givens
from examples.sudoku.train import BoardBatches
from kuramoto_nn.models import AKOrNSudokuConfig
from tests.examples.sudoku.boards import made

CPU = torch.device("cpu")
MODEL = AKOrNSudokuConfig(channels=8, num_heads=2)


def batches(training, rank=0, world_size=1):
    here = Processes(rank, world_size, CPU)
    return BoardBatches(made(), training, MODEL, seed=0, here=here)


@pytest.mark.parametrize("changed", [False, True])
def test_processes_share_one_batch(changed):
    training = Training(batch_size=12, symmetries=changed)
    whole = batches(training).at(4)
    parts = [batches(training, rank, 2).at(4) for rank in range(2)]
    for tensor, halves in zip(whole, zip(*parts, strict=True), strict=True):
        assert torch.equal(tensor, torch.cat(halves))
    assert is_valid(whole[1]).all() and keeps_givens(whole[1], whole[0]).all()
    assert not torch.equal(whole[2], batches(training).at(5)[2])


def test_an_epoch_has_every_board_once():
    taken = batches(Training(batch_size=12))
    assert taken.steps_per_epoch == 3
    puzzles = torch.cat([taken.at(step)[0] for step in (3, 4, 5)])
    assert sorted(map(str, puzzles.tolist())) == sorted(map(str, made().puzzles.tolist()))


def test_too_large_batches_are_named():
    message = "a batch needs 100 boards: got 36; lower --training.batch-size"
    with pytest.raises(ValueError, match=message):
        batches(Training(drop_last=True))


def test_trainings_change_with_the_step():
    stages = (Stage(num_steps=4), Stage(start=10, num_steps=8, skip=6, share=0.5))
    training = Training(batch_size=4, warmup_steps=9, stages=stages)
    assert [training.share_at(step) for step in (0, 4, 9, 99)] == [0.1, 0.5, 1.0, 0.5]
    assert [training.stage_at(step).num_steps for step in (0, 9, 10, 99)] == [4, 4, 8, 8]
    assert Training().stage_at(5).num_steps is None
    taken = batches(training)
    assert {taken.skip(step) for step in range(10)} == {0}
    skips = torch.tensor([taken.skip(step) for step in range(10, 1010)])
    assert skips.bincount().argmax() == 0 and set(skips.tolist()) == set(range(7))
    assert 0.5 < (skips == 0).float().mean() < 0.6
