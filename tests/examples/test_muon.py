"""Muon and Adam as one optimiser, their learning rates, and runs that resume with both."""

import copy

import pytest
import torch
from torch import nn

from examples.common.optimization import Training, build_optimizer
from examples.common.progress import read_jsonl
from examples.sudoku.recipes import Stage
from examples.sudoku.recipes import Training as SudokuTraining
from kuramoto_nn import create_model
from tests.examples.runs import assert_same_run, run, saved


class Network(nn.Sequential):
    @property
    def blocks(self):
        return self[1]


def test_muon_takes_the_inner_maps_and_adam_the_rest():
    torch.manual_seed(0)
    blocks = nn.Sequential(nn.Linear(6, 6), nn.ReLU())
    model = Network(nn.Linear(4, 6), blocks, nn.Linear(6, 2))
    training = Training(batch_size=1, epochs=1, learning_rate=1e-3, muon_learning_rate=0.02)
    both = build_optimizer(model, training)
    muon, adam = ({id(p) for p in group["params"]} for group in both.param_groups)
    assert muon == {id(model[1][0].weight)}
    assert muon | adam == {id(p) for p in model.parameters()} and not muon & adam
    before = copy.deepcopy(model)
    model(torch.randn(8, 4)).square().mean().backward()
    both.step()
    # A step of Adam moves every entry by its rate at first; Muon's is an orthogonal matrix.
    moved = (model[0].weight - before[0].weight).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3), rtol=0.05, atol=0)
    singular = torch.linalg.svdvals(model[1][0].weight - before[1][0].weight) / 0.02
    assert (singular > 0.6).sum() >= 4 and singular.max() < 1.3


def test_learning_rates_rise_stay_and_fall_to_zero():
    """The closed form of warm-up and cooldown; Sudoku's stages multiply them."""
    training = Training(batch_size=1, epochs=1, warmup_steps=4, cooldown=0.3)
    for step, share in ((0, 0.2), (1, 0.4), (4, 1.0), (70, 1.0), (85, 0.5), (99, 1 / 30)):
        assert training.share_at(step, done=step / 100) == pytest.approx(share)
    assert training.share_at(50, done=1.01) == 0  # the time can end during a step
    constant = Training(batch_size=1, epochs=1)
    assert {constant.share_at(step, done=step / 10) for step in range(10)} == {1.0}
    stages = (Stage(), Stage(start=80, share=0.1))
    staged = SudokuTraining(cooldown=0.3, stages=stages)
    assert staged.share_at(85, done=0.85) == pytest.approx(0.05)


@pytest.mark.parametrize("preset", ["tetrominoes-attn-tiny", "clevrtex-vit-tiny"])
def test_muon_takes_the_maps_of_the_blocks_and_weight_decay_shrinks_them_alone(preset):
    model = create_model(preset)
    before = copy.deepcopy(model.state_dict())
    rates = {"learning_rate": 1e-3, "muon_learning_rate": 0.02, "muon_weight_decay": 0.5}
    both = build_optimizer(model, Training(batch_size=1, epochs=1, **rates))
    muon, adam = both.param_groups
    assert (muon["lr"], adam["lr"]) == (0.02, 1e-3)
    names = {id(value): name for name, value in model.named_parameters()}
    taken = {names[id(value)] for value in muon["params"]}
    assert len(taken) >= 3 and all(name.startswith("blocks.") for name in taken)
    assert len(muon["params"]) + len(adam["params"]) == len(names)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    both.step()
    for name, parameter in model.named_parameters():
        share = 1 - 0.02 * 0.5 if name in taken else 1.0
        torch.testing.assert_close(parameter.detach(), share * before[name])


def test_a_run_with_muon_and_cooldown_resumes_bit_for_bit(tmp_path):
    """From the copy after 7 of 12 steps, in the middle of the cooldown."""
    training = {"muon_learning_rate": 0.02, "cooldown": 0.6, "warmup_steps": 2, "keep_every": 7}
    options = {"max_steps": 12, "training": training}
    run(tmp_path / "run", tmp_path, **options)
    copy_ = tmp_path / "run" / "step-000007"
    (copy_ / "log.jsonl").write_bytes((tmp_path / "run" / "log.jsonl").read_bytes())
    run(copy_, tmp_path, **options)
    assert_same_run(copy_, tmp_path / "run")
    rates = [record["learning_rate"] for record in read_jsonl(tmp_path / "run" / "log.jsonl")]
    shares = [min(1, (s + 1) / 3) * min(1, (1 - s / 12) / 0.6) for s in range(12)]
    assert rates == pytest.approx([0.02 * share for share in shares])
    assert saved(copy_)["optimizer"].keys() == {"Muon", "Adam"}
    with pytest.raises(ValueError, match=r"is a run with end\.last_step = 12, this one has 13"):
        run(copy_, tmp_path, **{**options, "max_steps": 13})


def test_a_time_limit_cools_down_as_well_and_a_longer_one_goes_on(tmp_path):
    training = {"epochs": 1000, "cooldown": 1.0, "warmup_steps": 0}
    ended = run(tmp_path, tmp_path, time_limit=1.0, training=training)
    rates = [record["learning_rate"] for record in read_jsonl(tmp_path / "log.jsonl")]
    assert ended.step == len(rates) and rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < rates[0]
    longer = run(tmp_path, tmp_path, time_limit=2.0, training=training)
    later = [record["learning_rate"] for record in read_jsonl(tmp_path / "log.jsonl")]
    assert longer.step == len(later) > ended.step and later[: len(rates)] == rates
    assert rates[-1] < later[len(rates)] < 0.6 * rates[0]
