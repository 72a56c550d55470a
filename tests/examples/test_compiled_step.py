"""A training step as one graph: model and loss together, then Adam."""

import copy

import pytest
import torch
from torch.testing import assert_close

from examples.object_discovery.losses import nt_xent
from kuramoto_nn.models import AKOrN, ItrSA

PRESETS = {"tetrominoes-attn-tiny": AKOrN, "tetrominoes-conv-tiny": AKOrN}
PRESETS |= {"tetrominoes-itrsa-tiny": ItrSA}


def parts(preset, device="cpu"):
    torch.manual_seed(0)
    model = PRESETS[preset].from_preset(preset).to(device)
    views = torch.rand(8, 3, *model.config.sides, device=device)
    noise = torch.randn(8, model.config.channels, *model.config.grid, device=device)
    return model, views, noise


def loss(model, views, noise):
    return nt_xent(model(views, noise=noise).unflatten(0, (2, -1)))


@pytest.mark.parametrize("preset", PRESETS)
def test_loss_and_update_are_graphs_without_a_break(preset):
    model, views, noise = parts(preset)
    plain = copy.deepcopy(model)
    torch.compiler.reset()
    forward = torch.compile(loss, fullgraph=True, backend="aot_eager")
    names = list(model.state_dict())
    optimizers = [torch.optim.Adam(m.parameters(), lr=1e-3) for m in (model, plain)]
    update = torch.compile(optimizers[0].step, fullgraph=False, backend="aot_eager")
    for function, net in ((forward, model), (loss, plain)):
        function(net, views, noise).backward()
    for name, value in plain.named_parameters():
        assert_close(model.get_parameter(name).grad, value.grad, atol=1e-5, rtol=1e-4, msg=name)
        model.get_parameter(name).grad.copy_(value.grad)  # Adam blows tiny differences up
    update()
    optimizers[1].step()
    assert_close(model.state_dict(), plain.state_dict())
    assert list(model.state_dict()) == names


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
@pytest.mark.parametrize("preset", PRESETS)
def test_steps_run_as_cuda_graphs(preset):
    model, views, noise = parts(preset, "cuda")
    plain = copy.deepcopy(model)
    model.compile(mode="reduce-overhead")
    for _ in range(4):  # warm-up, recording, replay
        torch.compiler.cudagraph_mark_step_begin()
        for net in (model, plain):
            net.zero_grad()
            loss(net, views, noise).backward()
    for name, value in plain.named_parameters():
        assert_close(model.get_parameter(name).grad, value.grad, atol=1e-3, rtol=1e-2, msg=name)
