"""What every model can do: types, copies, gradients, export, compilation."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounter, CompileCounterWithBackend
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from kuramoto_nn.models import AKOrN, ItrSA
from tests.models import small
from tests.slow import mostly_slow

every_model = pytest.mark.parametrize("name", small.ALL)


@every_model
def test_float64_agrees_with_float32(name):
    model = small.build(name)
    given, noise = small.inputs(model)
    expected = model(given, **noise)
    wide = copy.deepcopy(model).double()
    given = given.double() if given.is_floating_point() else given
    out = wide(given, **noise)
    assert out.dtype == torch.float64
    assert_close(out.float(), expected, atol=2e-4, rtol=2e-4)


@every_model
def test_bfloat16_and_autocast_are_near_float32(name):
    model = small.build(name)
    given, noise = small.inputs(model)
    expected = model(given, **noise)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(given, **noise).float()
    narrow = copy.deepcopy(model).bfloat16()
    half = narrow(given.bfloat16() if given.is_floating_point() else given, **noise)
    assert half.dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        both = narrow(given.bfloat16() if given.is_floating_point() else given, **noise).float()
    for out in (mixed, half.float(), both):
        assert out.isfinite().all()
        assert (out - expected).norm() / expected.norm() < 0.1


def test_oscillators_and_stimulus_stay_wide_under_autocast():
    """Behind a linear map between blocks, and behind a strided convolution, too."""
    types = []
    models = [small.build(name) for name in ("deep", "classifier")]
    for model in models:
        for block in model.blocks:
            block.layer.register_forward_hook(lambda layer, args, out: types.append(out.dtype))
            norm = block.layer.stimulus_norm
            norm.register_forward_pre_hook(lambda norm, args: types.append(args[0].dtype))
        given, noise = small.inputs(model)
        with torch.autocast("cpu", torch.bfloat16):
            model(given, **noise)
    assert types == [torch.float32] * 2 * sum(len(model.blocks) for model in models)


@every_model
def test_training_under_autocast_reaches_every_parameter(name):
    model = small.build(name).train()
    given, noise = small.inputs(model)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(given, **noise)
    out.float().square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all() and parameter.grad.any(), parameter_name


@every_model
def test_copies_and_pickles_are_the_same_model(name):
    model = small.build(name)
    given, noise = small.inputs(model)
    expected = model(given, **noise)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin(given, **noise), expected)
        assert twin.config == model.config


@every_model
def test_rows_do_not_depend_on_the_batch(name):
    model = small.build(name)
    given, noise = small.inputs(model, batch=4)
    expected = model(given, **noise)
    rows = torch.tensor([2, 0])
    out = model(given[rows], **{key: value[rows] for key, value in noise.items()})
    assert_close(out, expected[rows], atol=1e-5, rtol=1e-4)


@every_model
def test_noise_generator_and_global_randomness(name):
    model = small.build(name)
    given, noise = small.inputs(model)
    by_generator = model(given, generator=torch.Generator().manual_seed(3))
    if not noise:
        return
    drawn = torch.randn(noise["noise"].shape, generator=torch.Generator().manual_seed(3))
    assert torch.equal(by_generator, model(given, noise=drawn))
    torch.manual_seed(3)
    assert torch.equal(by_generator, model(given))
    assert not torch.equal(by_generator, model(given))
    with pytest.raises(ValueError, match="`noise` must have the shape of the stimulus, "):
        model(given, noise=drawn[1:])


@every_model
def test_more_steps_at_test_time(name):
    model = small.build(name)
    given, noise = small.inputs(model)
    for two in (2, np.int64(2), np.array(2), torch.tensor(2)):
        assert torch.equal(model(given, **noise, num_steps=two), model(given, **noise))
    assert not torch.allclose(model(given, **noise, num_steps=5), model(given, **noise))
    for steps in (-3, 2.0):
        with pytest.raises(ValueError, match="`num_steps` must be an integer of at least 0: got"):
            model(given, **noise, num_steps=steps)


@mostly_slow(small.ALL, "attention", "itrsa", "sudoku")
def test_compiling_changes_neither_numbers_nor_names(name):
    model = small.build(name)
    given, noise = small.inputs(model)
    expected, names = model(given, **noise), list(model.state_dict())
    counter = CompileCounterWithBackend("aot_eager")
    torch.compiler.reset()
    model.compile(fullgraph=True, backend=counter)
    with torch.no_grad():
        assert_close(model(given, **noise), expected, atol=1e-5, rtol=1e-5)
        graphs = counter.frame_count
        assert 1 <= graphs <= len(model.blocks)  # equal blocks share one
        for steps in range(3, 15):
            model(given, **noise, num_steps=steps)
        assert counter.frame_count == graphs  # no number of steps compiles anything again
    assert list(model.state_dict()) == names
    twin = copy.deepcopy(model)  # starts uncompiled
    assert list(twin.state_dict()) == names
    assert_close(twin(given, **noise), expected)
    assert torch.compile(model, backend="eager")(given, **noise).shape == expected.shape


@pytest.mark.parametrize("name", ["attention", "itrsa"])
def test_replicas_of_compiled_models_have_no_compiled_step(name):
    """As `torch.nn.DataParallel` makes them; a compiled step belongs to the original's weights."""
    model = small.build(name)
    model.compile(backend="eager")
    steps = [module for module in model.modules() if {"_update", "_repeat"} & vars(module).keys()]
    assert len(steps) == len(model.blocks)
    for module in steps:
        replica = module._replicate_for_data_parallel()
        assert not {"_update", "_repeat"} & vars(replica).keys()


class NoFloat64(TorchDispatchMode):
    """A device without float64, as Apple's MPS."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for value in out if isinstance(out, tuple | list) else [out]:
            if isinstance(value, Tensor) and value.dtype == torch.float64:
                raise TypeError(f"no float64 on this device ({func})")
        return out


@every_model
def test_a_device_without_float64_builds_and_runs(name):
    with NoFloat64():
        model = small.build(name)
        given, noise = small.inputs(model)
        model(given, **noise).sum().backward()


@mostly_slow(["attention", "itrsa", "sudoku", "classifier"], "attention")
def test_sizes_may_change_without_a_storm_of_recompilations(name):
    """Batch and grid, with and without gradients: a few dynamic graphs serve them all."""
    model = small.build(name)
    counter = CompileCounter()
    torch.compiler.reset()
    model.compile(fullgraph=True, backend=counter)
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            for batch in (3, 2, 5, 4):
                given, noise = small.inputs(model, batch=batch)
                out = model(given, **noise)
                if grad:
                    out.square().sum().backward()
    assert counter.frame_count <= 5 * len(model.blocks)
    if isinstance(model, AKOrN | ItrSA):
        for height, width in ((40, 24), (24, 40), (48, 48), (16, 32)):
            model(torch.rand(2, 3, height, width))
    assert counter.frame_count <= 7 * len(model.blocks)


def batch_axes(given, noise):
    batch = torch.export.Dim("batch", min=1, max=64)
    name = "images" if given.is_floating_point() else "puzzles"
    return {name: {0: batch}} | {key: {0: batch} for key in noise}


@every_model
def test_exports_with_any_batch_size(name):
    model = small.build(name)
    given, noise = small.inputs(model)
    with torch.no_grad():
        expected = model(given, **noise)
        program = torch.export.export(
            model, (given,), noise, dynamic_shapes=batch_axes(given, noise)
        )
        out = program.module()(given[:2], **{key: value[:2] for key, value in noise.items()})
    assert_close(out, expected[:2], atol=1e-5, rtol=1e-5)


@mostly_slow(small.ALL, "attention", "sudoku")
def test_onnx_runtime_agrees(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = small.build(name)
    given, noise = small.inputs(model)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        expected = model(given, **noise)
        program = torch.onnx.export(
            model,
            (given,),
            kwargs=noise,
            dynamo=True,
            dynamic_shapes=batch_axes(given, noise),
            verbose=False,
        )
    assert program is not None
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    feed = {"images" if given.is_floating_point() else "puzzles": given[:2].numpy()}
    feed |= {key: value[:2].numpy() for key, value in noise.items()}
    assert {node.name for node in session.get_inputs()} == feed.keys()
    out = torch.from_numpy(session.run(None, feed)[0])
    assert_close(out, expected[:2], atol=1e-4, rtol=1e-4)


@mostly_slow(["attention", "itrsa", "sudoku", "classifier"], "attention")
def test_exports_to_onnx_without_noise(name):
    pytest.importorskip("onnxscript")
    model = small.build(name)
    given, noise = small.inputs(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(model, (given,), dynamo=True, verbose=False)
    assert program is not None and ("RandomNormal" in str(program)) == bool(noise)


@pytest.mark.filterwarnings("ignore")  # quantize_dynamic is deprecated
@pytest.mark.parametrize("name", ["attention", "itrsa", "sudoku", "classifier"])
def test_dynamic_quantisation_is_near_float32(name, tmp_path):
    """It replaces `torch.nn.Linear` itself, which is in the heads; such a model is not saved."""
    model = small.build(name)
    given, noise = small.inputs(model)
    narrow = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    out, expected = narrow(given, **noise), model(given, **noise)
    assert str(narrow) != str(model)
    assert (out - expected).norm() / expected.norm() < 0.05
    with pytest.raises(ValueError, match=r"would not load .*out\._packed_params"):
        narrow.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()
