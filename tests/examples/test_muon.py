"""Muon and Adam as one optimiser: which parameters each takes, saved states, and copies."""

import copy

import torch
from torch import nn

from examples.common.optimization import MuonWithAdam


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 6), nn.Sequential(nn.Linear(6, 6), nn.ReLU()), nn.Linear(6, 2)
    )


def optimizer(model):
    return MuonWithAdam(model, model[1], muon_learning_rate=0.02, learning_rate=1e-3)


def learn(model, optimizer, steps):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        loss = model(torch.randn(8, 4, generator=generator)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_muon_takes_the_inner_maps_and_adam_the_rest():
    model = network()
    both = optimizer(model)
    muon, adam = ({id(p) for p in group["params"]} for group in both.param_groups)
    assert muon == {id(model[1][0].weight)}
    assert muon | adam == {id(p) for p in model.parameters()} and not muon & adam
    before = copy.deepcopy(model)
    learn(model, both, range(1))
    # A step of Adam moves every entry by its rate at first; Muon's is an orthogonal matrix.
    moved = (model[0].weight - before[0].weight).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3), rtol=0.05, atol=0)
    singular = torch.linalg.svdvals(model[1][0].weight - before[1][0].weight) / 0.02
    assert (singular > 0.6).sum() >= 4 and singular.max() < 1.3


def test_it_goes_on_where_it_was_saved():
    whole, parts = network(), network()
    learn(whole, optimizer(whole), range(4))
    first = optimizer(parts)
    learn(parts, first, range(2))
    second = optimizer(parts)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    learn(parts, second, range(2, 4))
    for value, expected in zip(parts.parameters(), whole.parameters(), strict=True):
        assert torch.equal(value, expected)


def test_rates_can_be_changed_after_loading():
    model = network()
    both = optimizer(model)
    both.load_state_dict(both.state_dict())
    for group in both.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model)
    learn(model, both, range(1))
    for value, expected in zip(model.parameters(), before.parameters(), strict=True):
        assert torch.equal(value, expected)


def test_a_copy_learns_on_its_own():
    model = network()
    both = optimizer(model)
    learn(model, both, range(2))
    twin, twin_optimizer = copy.deepcopy((model, both))
    taken = {id(p) for group in twin_optimizer.param_groups for p in group["params"]}
    assert taken == {id(p) for p in twin.parameters()}
    before = copy.deepcopy(model.state_dict())
    learn(twin, twin_optimizer, range(2, 4))
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    learn(model, both, range(2, 4))
    torch.testing.assert_close(twin.state_dict(), model.state_dict(), rtol=0, atol=0)
