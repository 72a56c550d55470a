"""Laws of the Kuramoto layer, over N, shapes, steps and dtypes."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch._dynamo.testing
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from kuramoto_nn import KuramotoLayer, NaturalFrequency
from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling, GeometricTransform
from kuramoto_nn.functional import euler, exponential, heun, normalize, to_oscillators
from kuramoto_nn.layers import OscillatorNorm, ScaleBias
from kuramoto_nn.testing import (
    assert_energy_descends,
    assert_on_sphere,
    assert_rotation_equivariant,
    assert_symmetric,
)

INTEGRATORS = [euler, exponential, heun]


class Between(nn.Module):
    """J = j ⊗ I: a matrix between sites (and oscillators), the identity on components."""

    def __init__(self, matrix: torch.Tensor, oscillator_dim: int):
        super().__init__()
        self.matrix, self.oscillator_dim = matrix, oscillator_dim

    def forward(self, x):
        flat = to_oscillators(x, self.oscillator_dim).flatten(1, -2)
        coupled = (self.matrix.to(x.dtype) @ flat).flatten(1)
        return coupled.unflatten(1, (*x.shape[2:], x.shape[1])).movedim(-1, 1)


def symmetric(size: int, seed: int) -> torch.Tensor:
    matrix = torch.randn(size, size, generator=torch.Generator().manual_seed(seed))
    return (matrix + matrix.T).double() / size


def inputs(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(*shape, generator=generator, dtype=dtype) for _ in "xc")


@given(
    dim=st.integers(2, 5),
    num_oscillators=st.integers(1, 3),
    space=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    steps=st.integers(0, 4),
    step_size=st.floats(0.01, 10),
    integrator=st.sampled_from(INTEGRATORS),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    turning=st.booleans(),
    autocast=st.booleans(),
)
def test_oscillators_stay_on_the_sphere(
    dim, num_oscillators, space, steps, step_size, integrator, dtype, turning, autocast
):
    # torch 2.13's conv3d in bfloat16 gives NaN for some tiny volumes, as (2, 3, 1, 2, 3).
    assume(not (autocast and len(space) == 3))
    torch.manual_seed(0)
    channels = dim * num_oscillators
    layer = KuramotoLayer(
        ConvCoupling(channels, 3, ndim=len(space)),
        channels=channels,
        oscillator_dim=dim,
        frequency=NaturalFrequency(channels, dim) if turning else None,
        stimulus_norm=ScaleBias(channels),
        step_size=step_size,
        integrator=integrator,
    ).to(dtype)
    x, c = inputs(2, channels, *space, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = layer(x, 5 * c, num_steps=steps)
    assert out.shape == x.shape and out.dtype == dtype
    assert_on_sphere(out, dim, tolerance=1e-5)


@pytest.mark.parametrize("integrator", INTEGRATORS)
@pytest.mark.parametrize("dim", [2, 3, 4])
def test_a_global_rotation_turns_everything(dim, integrator):
    """Without a stimulus, and with J = j ⊗ I, no direction is special."""
    x, _ = inputs(2, 3 * dim, 4, dtype=torch.float64)
    layer = KuramotoLayer(
        Between(symmetric(12, 1), dim), channels=3 * dim, oscillator_dim=dim, integrator=integrator
    )
    assert_rotation_equivariant(lambda x: layer(x, torch.zeros_like(x)), x, dim)


@given(seed=st.integers(0, 200), dim=st.integers(2, 4), integrator=st.sampled_from(INTEGRATORS))
def test_energy_falls_for_symmetric_coupling(seed, dim, integrator):
    x, c = inputs(2, 2 * dim, 5, seed=seed, dtype=torch.float64)
    layer = KuramotoLayer(
        Between(symmetric(10, seed), dim),
        channels=2 * dim,
        oscillator_dim=dim,
        step_size=0.05,
        integrator=integrator,
    )
    assert_symmetric(layer.coupling, x)
    assert_energy_descends(layer, x, c, num_steps=30)


def oracle(layer, x, c, steps):
    """The formulas in loops: one site, one oscillator at a time."""
    batch, channels, sites = x.shape
    dim, gamma = layer.oscillator_dim, layer.step_size
    shape = (batch, sites, channels // dim, dim)
    x = x.detach().numpy().transpose(0, 2, 1).reshape(shape)
    c = c.detach().numpy().transpose(0, 2, 1).reshape(shape)
    matrix, bias = (
        layer.coupling.weight.detach().numpy()[:, :, 0],
        layer.coupling.bias.detach().numpy(),
    )
    speed = np.linalg.norm(layer.frequency.weight.detach().numpy(), axis=-1)
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    for _ in range(steps):
        new = np.empty_like(x)
        for b in range(batch):
            for s in range(sites):
                force = (matrix @ x[b, s].ravel() + bias).reshape(-1, dim) + c[b, s]
                for k in range(channels // dim):
                    here = x[b, s, k]
                    change = force[k] - (force[k] @ here) * here
                    for plane in range(dim // 2):
                        first, second = here[2 * plane], here[2 * plane + 1]
                        change[2 * plane] += speed[k, plane] * second
                        change[2 * plane + 1] -= speed[k, plane] * first
                    moved = here + gamma * change
                    new[b, s, k] = moved / np.sqrt(moved @ moved)
        x = new
    return torch.from_numpy(x.reshape(batch, sites, channels).transpose(0, 2, 1).copy())


def test_layer_equals_loops_over_the_formulas():
    torch.manual_seed(0)
    layer = KuramotoLayer(
        ConvCoupling(8, 1, ndim=1),
        channels=8,
        oscillator_dim=4,
        frequency=NaturalFrequency(8, 4, init=0.7),
        step_size=0.3,
    ).double()
    torch.nn.init.normal_(layer.frequency.weight)
    x, c = inputs(2, 8, 5, dtype=torch.float64)
    assert_close(layer(x, c, num_steps=6), oracle(layer, x, c, 6))


def build(**options):
    position = GeometricTransform((4, 5), head_dim=8)
    return KuramotoLayer(
        AttentionCoupling(16, 2, position=position),
        channels=16,
        frequency=NaturalFrequency(16, 4, init=0.5),
        stimulus_norm=OscillatorNorm(16, 4),
        trainable_step_size=True,
        **options,
    )


def test_steps_one_by_one_equal_a_call_and_its_trajectory():
    torch.manual_seed(0)
    layer, (x, c) = build(num_steps=3), inputs(2, 16, 4, 5)
    states, energies = layer.trajectory(x, c)
    assert states.shape == (4, 2, 16, 4, 5) and energies.shape == (4, 2)
    assert_close(states[0], layer(x, c, num_steps=0))
    state = x
    for t in range(3):
        state = layer.step(state, c)
        assert_close(states[t + 1], state)
        assert_close(energies[t + 1], layer.energy(state, c))
    assert_close(layer(x, c), state)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_rollout_is_the_end_of_the_trajectory_and_couples_once_a_state(integrator):
    coupling = ConvCoupling(8, 3)
    layer = KuramotoLayer(coupling, channels=8, num_steps=5, integrator=integrator)
    x, c = inputs(2, 8, 4, 4)
    trajectory = layer.trajectory(x, c)
    assert_close(trajectory.energies[3], layer.energy(trajectory.states[3], c))
    calls = []
    coupling.register_forward_hook(lambda *_: calls.append(1))
    state, energies = layer.rollout(x, c)
    assert torch.equal(state, trajectory.states[-1])
    assert torch.equal(energies, trajectory.energies)
    assert len(calls) == 5 * (2 if integrator is heun else 1) + 1
    state, energies = layer.rollout(x, c, num_steps=0)
    assert_close(state, trajectory.states[0])
    assert energies.shape == (1, 2)


def pair_and_stimulus(x, coupled, stimulus):
    """Both terms of the energy of every oscillator's site, unweighted."""
    return torch.stack([(x * other).flatten(2).sum(2) for other in (coupled, stimulus)], -1)


@pytest.mark.parametrize("compiled", [False, True])
def test_any_energy_is_evaluated_at_every_state(compiled):
    torch.manual_seed(0)
    layer, (x, c) = build(num_steps=3), inputs(2, 16, 4, 5)
    states, expected = layer.trajectory(x, c)
    if compiled:
        layer.compile(backend="aot_eager", fullgraph=True)
    path = layer.trajectory(x, c, energy=pair_and_stimulus)
    assert path.energies.shape == (4, 2, 4, 2)
    assert_close(path.states, states)
    pair, stimulus = path.energies.sum(2).unbind(-1)
    assert_close(-pair / 2 - stimulus, expected)
    state, energies = layer.rollout(x, c, energy=pair_and_stimulus)
    assert torch.equal(energies, path.energies) and torch.equal(state, path.states[-1])


def test_an_integrator_of_ones_own_gets_the_first_velocity_for_free():
    """Also if it evaluates copies of the state; what is free does not depend on identity."""

    def midpoint(x, dx, field, step_size):
        return normalize(x + step_size * field(normalize(x + 0.5 * step_size * dx).clone()))

    coupling, (x, c) = ConvCoupling(8, 3), inputs(2, 8, 4, 4, dtype=torch.float64)
    layer = KuramotoLayer(coupling, channels=8, integrator=midpoint, step_size=1e-3).double()
    calls = []
    coupling.register_forward_hook(lambda *_: calls.append(1))
    ours = layer(x, c, num_steps=5)
    assert len(calls) == 10
    layer.integrator = heun
    assert_close(ours, layer(x, c, num_steps=5), atol=1e-7, rtol=0)


def saved_bytes(run) -> int:
    """Bytes of all distinct memory that autograd keeps for the way back."""
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(storage.nbytes() for storage in kept.values())


def attentive() -> AttentionCoupling:
    return AttentionCoupling(16, 2, position=GeometricTransform((6, 6), head_dim=8))


class Forgetful(nn.Module):
    """A coupling with dropout: what is computed again must draw the same numbers."""

    def __init__(self):
        super().__init__()
        self.conv = ConvCoupling(16, 3)

    def forward(self, x):
        return nn.functional.dropout(self.conv(x), 0.5)


@pytest.mark.parametrize("make", [Forgetful, attentive])
def test_checkpointed_steps_have_the_same_gradient_and_keep_little(make):
    torch.manual_seed(0)
    plain = KuramotoLayer(make(), channels=16, num_steps=24)
    light = copy.deepcopy(plain)
    light.checkpoint_steps = True
    gradients, kept = [], []
    for layer in (plain, light):
        x, c = (value.requires_grad_() for value in inputs(2, 16, 6, 6))
        torch.manual_seed(1)
        kept.append(saved_bytes(lambda: layer(x, c)))  # noqa: B023
        torch.manual_seed(1)
        layer(x, c)[:, 0].sum().backward()
        gradients.append([x.grad, c.grad, *(p.grad for p in layer.parameters())])
    for ours, theirs in zip(*gradients, strict=True):
        assert_close(ours, theirs)
    assert kept[1] < (0.25 if make is not Forgetful else 0.4) * kept[0]
    with torch.no_grad():
        torch.manual_seed(1)
        expected = plain(*inputs(2, 16, 6, 6))
        torch.manual_seed(1)
        assert torch.equal(light(*inputs(2, 16, 6, 6)), expected)


def test_checkpointed_steps_update_a_batch_norm_twice_and_keep_its_gradient():
    """As the docstring says."""
    x, c = inputs(2, 16, 6, 6)
    gradients, counts = [], []
    for checkpoint_steps in (False, True):
        torch.manual_seed(0)
        norm = nn.BatchNorm2d(16)
        coupling = nn.Sequential(ConvCoupling(16, 3), norm)
        layer = KuramotoLayer(coupling, channels=16, num_steps=4, checkpoint_steps=checkpoint_steps)
        layer(x, c)[:, 0].sum().backward()
        gradients.append([parameter.grad for parameter in layer.parameters()])
        counts.append(norm.num_batches_tracked.item())
    assert_close(*gradients)
    assert counts == [4, 8]


def test_every_parameter_receives_a_gradient():
    torch.manual_seed(0)
    layer, (x, c) = build(num_steps=2), inputs(2, 16, 4, 5)
    layer(x, c).square().mul(torch.randn(16, 1, 1)).sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_copies_pickles_and_state_dicts_are_the_same_layer():
    torch.manual_seed(0)
    layer, (x, c) = build(num_steps=2), inputs(2, 16, 4, 5)
    other = build(num_steps=2)
    other.load_state_dict(layer.state_dict())
    layer.compile(backend="eager")
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), other):
        assert torch.equal(copied(x, c), other(x, c))
    assert list(layer.state_dict()) == list(other.state_dict())


def test_bfloat16_autocast_keeps_norms_and_energies_in_float32():
    torch.manual_seed(0)
    layer, (x, c) = build(num_steps=4), inputs(2, 16, 4, 5)
    with torch.autocast("cpu", torch.bfloat16):
        states, energies = layer.trajectory(x, c)
    assert states.dtype == torch.float32 and energies.dtype == torch.float32
    assert_on_sphere(states[-1], 4, tolerance=1e-5)
    assert_close(states, layer.trajectory(x, c).states, atol=0.1, rtol=0)


def test_step_compiles_whole_and_steps_and_calls_do_not_recompile():
    torch.manual_seed(0)
    layer, (x, c) = build(), inputs(2, 16, 4, 5)
    step = torch.compile(layer.step, fullgraph=True, backend="aot_eager")
    assert_close(step(x, c), layer.step(x, c))
    whole = torch.compile(layer.forward, fullgraph=True, backend="eager")
    for steps in (1, 3, 2):
        assert_close(whole(x, c, num_steps=steps), layer(x, c, num_steps=steps))

    expected = {steps: layer(x, c, num_steps=steps) for steps in (2, 1, 5, 9)}
    counter = torch._dynamo.testing.CompileCounter()
    layer.compile(backend=counter, fullgraph=True)
    graphs = []
    for steps, value in expected.items():
        assert_close(layer(x, c, num_steps=steps), value)
        graphs.append(counter.frame_count)
    assert graphs == [2, 2, 2, 2]  # the first step's x has no gradient: a graph of its own
    with torch.no_grad():
        layer(x, c, num_steps=1)
        counter.clear()
        layer(x, c, num_steps=20)
        assert counter.frame_count == 0
        layer.rollout(x, c, num_steps=2)
        graphs = counter.frame_count
        layer.rollout(x, c, num_steps=7)
    assert counter.frame_count == graphs > 0


def test_numbers_of_numpy_and_torch_are_numbers():
    x, c = inputs(2, 8, 3, 3)
    layer = KuramotoLayer(
        ConvCoupling(np.int64(8), torch.tensor(3)),
        channels=torch.tensor(8),
        oscillator_dim=np.int32(4),
        step_size=np.float32(0.5),
        num_steps=np.int64(2),
    )
    assert_close(layer(x, c), layer(x, c, num_steps=torch.tensor(2)))
    assert [type(layer.num_steps), type(layer.step_size)] == [int, float]


def test_repr_reads_like_the_call():
    layer = KuramotoLayer(nn.Identity(), channels=8)
    assert layer.extra_repr() == "channels=8, oscillator_dim=4, step_size=1.0, num_steps=8"
    layer = KuramotoLayer(
        nn.Identity(),
        channels=8,
        oscillator_dim=2,
        frequency=NaturalFrequency(8, 2, shared=True, init=0.5),
        step_size=0.1,
        trainable_step_size=True,
        num_steps=3,
        integrator=heun,
        project=False,
        checkpoint_steps=True,
    )
    with torch.no_grad():
        layer.step_size += 0.2
    assert layer.extra_repr() == (
        "channels=8, oscillator_dim=2, step_size=0.3, trainable_step_size=True, num_steps=3, "
        "integrator=heun, project=False, checkpoint_steps=True"
    )
    assert "(frequency): NaturalFrequency(8, 2, shared=True, init=0.5)" in repr(layer)
    assert "trainable_step_size=True" in repr(layer.to("meta"))


def test_any_module_couples_and_tokens_images_and_volumes_pass():
    x, c = inputs(2, 8, 6, 5)
    layer = KuramotoLayer(nn.Conv2d(8, 8, 3, padding=1), channels=8)
    assert layer(x, c).shape == x.shape
    for space in [(7,), (3, 4), (2, 3, 4)]:
        x, c = inputs(2, 8, *space)
        assert KuramotoLayer(AttentionCoupling(8, 2), channels=8)(x, c).shape == x.shape


def test_couplings_see_site_major_memory_at_every_step():
    seen = []

    class Spy(ConvCoupling):
        def forward(self, x):
            seen.append(x.movedim(1, -1).is_contiguous())
            return super().forward(x)

    layer = KuramotoLayer(Spy(8, 3), channels=8, num_steps=3)
    assert layer(*inputs(2, 8, 6, 5)).is_contiguous(memory_format=torch.channels_last)
    assert seen == [True] * 3


def test_without_projection_the_force_is_added_whole():
    x, c = inputs(2, 4, 3)
    layer = KuramotoLayer(ConvCoupling(4, 1, ndim=1), channels=4, project=False, step_size=0.5)
    start = layer(x, c, num_steps=0)
    moved = start + 0.5 * (layer.coupling(start) + c)
    assert_close(layer(x, c, num_steps=1), moved / moved.norm(dim=1, keepdim=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: KuramotoLayer(nn.Identity(), channels=30),
            "`channels` must be divisible by `oscillator_dim`: got 30 and 4; try 28 or 32",
        ),
        (lambda: KuramotoLayer(nn.Identity(), channels=0), "`channels` must be.*at least 1: got 0"),
        (lambda: KuramotoLayer(nn.Identity(), channels=8, num_steps=-1), "`num_steps`.*-1"),
        (lambda: call((2, 8, 3), (2, 8, 4)), r"same shape: got \(2, 8, 3\) and \(2, 8, 4\)"),
        (lambda: call((2, 6, 3), (2, 8, 3)), r"`x` must be \(B, 8, \*S\).*\(2, 6, 3\)"),
        (lambda: call((2, 8, 3), (3, 8)[:1]), r"`c` must be \(B, 8, \*S\)"),
        (lambda: call((2, 8, 3), (2, 8, 3), torch.int64), "floating point: got torch.int64"),
        (lambda: call((2, 8, 3), (2, 8, 3), num_steps=1.5), "`num_steps` must be an integer"),
        (lambda: part(coupling=nn.Conv1d(8, 4, 1)), r"`coupling` must keep the shape: got \(2, 4"),
        (lambda: part(stimulus_norm=nn.Conv1d(8, 4, 1)), "`stimulus_norm` must keep the shape"),
        (lambda: part(frequency=nn.Flatten(2)), "`frequency` must keep the shape"),
        (lambda: part(step_size=float("nan")), "`step_size` must be a finite number: got nan"),
        (lambda: part(num_steps=True), "`num_steps` must be an integer of at least 0: got True"),
    ],
)
def test_wrong_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def part(**options):
    layer = KuramotoLayer(**{"coupling": nn.Identity(), "channels": 8, **options})
    return layer(torch.zeros(2, 8, 3), torch.zeros(2, 8, 3))


def call(x_shape, c_shape, dtype=torch.float32, **options):
    layer = KuramotoLayer(nn.Identity(), channels=8)
    return layer(torch.zeros(x_shape, dtype=dtype), torch.zeros(c_shape), **options)


@pytest.mark.parametrize("scale", [1e19, 1e24])
@pytest.mark.parametrize("integrator", [euler, exponential, heun])
def test_huge_inputs_stay_on_the_sphere(scale, integrator):
    x, c = (scale * value for value in inputs(2, 8, 3, 3, dtype=torch.float32))
    layer = KuramotoLayer(ConvCoupling(8, 3), channels=8, integrator=integrator)
    assert_on_sphere(layer(x, c), 4, tolerance=1e-5)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, KuramotoLayer._replicate_for_data_parallel])
def test_copies_and_replicas_of_a_compiled_layer_take_steps_of_their_own(duplicate):
    x, c = inputs(2, 8, 3, 3, dtype=torch.float32)
    layer = KuramotoLayer(ConvCoupling(8, 3), channels=8)
    layer.compile(backend="eager")
    twin = duplicate(layer)
    twin.coupling = ConvCoupling(8, 3)
    plain = KuramotoLayer(twin.coupling, channels=8)
    assert_close(twin(x, c), plain(x, c))
    assert not torch.allclose(layer(x, c), plain(x, c))
