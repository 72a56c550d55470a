"""Training runs as users start them: resumed, limited, in parts, mistyped."""

from dataclasses import fields

import pytest
import torch

from examples.object_discovery.recipes import build_model
from examples.object_discovery.train_options import TrainOptions
from examples.object_discovery.weights import load_model
from examples.training.lock import exclusive
from examples.training.log import read_jsonl
from examples.training.run_state import CHECKPOINT
from tests.examples.runs import (
    assert_same_run,
    finish,
    largest_difference,
    run,
    saved,
    start_training,
)

PRESET = "tetrominoes-attn-tiny"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted")
    run(out, data, max_steps=12)
    return out


def test_loss_falls(data, tmp_path):
    run(tmp_path, data, batch_size=16, max_steps=60, log_every=10)
    losses = [record["loss"] for record in read_jsonl(tmp_path / "log.jsonl")]
    assert losses[-1] < losses[0] - 0.1, losses


def test_resumed_equals_uninterrupted_bit_for_bit(data, tmp_path, uninterrupted):
    """Step 5 lies inside the first epoch of 8 steps, 12 inside the second."""
    assert run(tmp_path, data, max_steps=5).step == 5
    assert run(tmp_path, data, max_steps=12).step == 12
    assert_same_run(tmp_path, uninterrupted)


def test_time_limit_counts_earlier_sessions(data, tmp_path):
    first = run(tmp_path, data, time_limit=0.5, epochs=1000)
    assert first.step > 0 and first.seconds >= 0.5
    again = run(tmp_path, data, time_limit=0.5, epochs=1000)
    assert again.step == first.step
    longer = run(tmp_path, data, time_limit=first.seconds + 0.3, epochs=1000)
    assert longer.step > first.step and longer.seconds >= first.seconds + 0.3


def test_other_options_do_not_continue_a_run(data, tmp_path, uninterrupted):
    before = (uninterrupted / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match=r"batch_size = 8, this one has 16; choose another --out"):
        run(uninterrupted, data, batch_size=16, max_steps=13)
    assert (uninterrupted / CHECKPOINT).read_bytes() == before


def test_two_runs_do_not_share_a_folder(data, tmp_path):
    with exclusive(tmp_path), pytest.raises(ValueError, match="another run is training in"):
        run(tmp_path, data, max_steps=1)
    assert run(tmp_path, data, max_steps=1).step == 1


def test_a_diverged_run_keeps_its_last_good_checkpoint(data, tmp_path):
    run(tmp_path, data, max_steps=1, learning_rate=1e30)
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match="not finite|loss is"):
        run(tmp_path, data, max_steps=3, learning_rate=1e30)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_trained_models_load_averaged_or_last(uninterrupted):
    averaged, preset = load_model(uninterrupted / CHECKPOINT)
    last, _ = load_model(uninterrupted / CHECKPOINT, averaged=False)
    assert preset == PRESET and not averaged.training
    state = saved(uninterrupted)
    for model, part in ((averaged, "average"), (last, "model")):
        assert all(torch.equal(v, state[part][k]) for k, v in model.state_dict().items())
    with pytest.raises(ValueError, match="trained with --preset tetrominoes-attn-tiny"):
        load_model(uninterrupted / CHECKPOINT, preset="tetrominoes-attn")


def test_the_time_limit_is_looked_at_every_step(data, tmp_path):
    state = run(tmp_path, data, time_limit=0.5, epochs=1000, log_every=10_000)
    assert 0.5 <= state.seconds < 1.5
    assert [r["step"] for r in read_jsonl(tmp_path / "log.jsonl")] == [state.step]


def test_micro_batches_train_the_same_network(data, tmp_path):
    for micro_batch in (None, 3):
        out = tmp_path / f"{micro_batch}"
        run(out, data, max_steps=6, precision="float64", micro_batch=micro_batch)
    assert largest_difference(tmp_path / "None", tmp_path / "3") < 1e-9


def test_bfloat16_is_in_the_products_only(data, tmp_path, uninterrupted):
    run(tmp_path, data, max_steps=2, precision="bf16", micro_batch=4)
    ours, theirs = (read_jsonl(out / "log.jsonl")[0]["loss"] for out in (tmp_path, uninterrupted))
    assert ours != theirs and ours == pytest.approx(theirs, abs=0.05)
    state = saved(tmp_path)
    for part in ("model", "average"):
        assert all(value.dtype == torch.float32 for value in state[part].values())
    with pytest.raises(ValueError, match="precision = 'bf16', this one has 'float32'"):
        run(tmp_path, data, max_steps=3)


def test_checkpoints_hold_every_option_and_plain_names(data, tmp_path):
    model = build_model(PRESET)
    names = list(model.state_dict())
    model.compile()
    assert list(model.state_dict()) == names
    run(tmp_path, data, max_steps=1, micro_batch=4, checkpoint_seconds=7.0)
    state = saved(tmp_path)
    assert list(state["model"]) == list(state["average"]) == names
    assert state["options"].keys() == {f.name for f in fields(TrainOptions)} | {"world_size"}
    assert (state["options"]["micro_batch"], state["options"]["checkpoint_seconds"]) == (4, 7.0)


def test_the_log_tells_pace_rate_and_memory(uninterrupted):
    records = read_jsonl(uninterrupted / "log.jsonl")
    assert [record["step"] for record in records] == list(range(1, 13))
    rates = [record["learning_rate"] for record in records]
    assert rates[:2] == pytest.approx([2e-3 / 51, 4e-3 / 51])
    for record in records:
        assert record["images_per_second"] == pytest.approx(8 / record["step_seconds"])
        assert 0.05 < record["peak_memory_gib"] < 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "tetris"}, "unknown preset 'tetris'; known are clevrtex-attn-l1"),
        ({"batch_size": 128}, "a batch needs 128 images: got 64"),
        ({"source": "nowhere.tfrecords"}, "nowhere.tfrecords"),
        ({"device": "tpu9"}, "unknown device 'tpu9'"),
        ({"batch_size": 1}, "at least 2 images"),
        ({"device": "mps"}, "device 'mps' is not supported"),
        ({"micro_batch": 0}, "--micro-batch must be positive"),
    ],
)
def test_mistakes_are_named(data, tmp_path, options, message):
    with pytest.raises((ValueError, OSError), match=message):
        run(tmp_path, data, **options)


def test_mistakes_on_the_command_line_are_one_line(data, tmp_path):
    _, errors = finish(start_training(tmp_path, data, batch_size=128), code=1)
    assert "a batch needs 128 images" in errors and len(errors.strip().splitlines()) == 1, errors
    for option, value in (("lerning_rate", "1"), ("time_limit", "nan")):
        _, errors = finish(start_training(tmp_path, data, **{option: value}), code=2)
        assert f"--{option.replace('_', '-')}" in errors and "Traceback" not in errors
