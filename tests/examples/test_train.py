"""Training runs as users start them: resumed, limited, in parts, mistyped."""

from dataclasses import asdict, fields
from unittest.mock import ANY

import pytest
import torch

from examples.common.files import exclusive
from examples.common.progress import read_jsonl
from examples.common.run import CHECKPOINT, MODEL
from examples.object_discovery.augment import Augmentation
from examples.object_discovery.recipes import RECIPES, recipe_for, resized
from examples.object_discovery.train import TrainOptions, options_for
from kuramoto_nn import create_model, load_model
from kuramoto_nn.models import AKOrN, ItrSA
from tests.examples.runs import (
    RECIPE,
    assert_same_run,
    finish,
    only_line,
    run,
    saved,
    start_training,
)


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted")
    run(out, data, max_steps=12)
    return out


def assert_holds(model, state):
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_loss_falls(data, tmp_path):
    easy = Augmentation(crop_area=(0.5, 1.0), jitter_probability=0.0, grayscale_probability=0.0)
    training = {"batch_size": 16, "augmentation": easy}
    run(tmp_path, data, model={"channels": 64}, training=training, max_steps=60, log_every=10)
    losses = [record["loss"] for record in read_jsonl(tmp_path / "log.jsonl")]
    assert losses[-1] < losses[0] - 0.1, losses


def test_resumed_equals_uninterrupted_bit_for_bit(data, tmp_path, uninterrupted):
    """Step 5 lies inside the first epoch of 8 steps, 12 inside the second."""
    assert run(tmp_path, data, max_steps=5).step == 5
    assert run(tmp_path, data, max_steps=12).step == 12
    assert_same_run(tmp_path, uninterrupted)


def test_time_limit_counts_earlier_sessions(data, tmp_path):
    options = {"training": {"epochs": 1000}, "log_every": 10_000}
    first = run(tmp_path, data, time_limit=0.5, **options)
    (record,) = read_jsonl(tmp_path / "log.jsonl")
    assert first.step == record["step"] > 0
    assert 0.5 <= first.seconds < 0.5 + 10 * record["step_seconds"]  # looked at after every step
    again = run(tmp_path, data, time_limit=0.5, **options)
    assert again.step == first.step
    longer = run(tmp_path, data, time_limit=first.seconds + 0.3, **options)
    assert longer.step > first.step and longer.seconds >= first.seconds + 0.3


def test_other_options_do_not_continue_a_run(data, tmp_path, uninterrupted):
    before = (uninterrupted / CHECKPOINT).read_bytes()
    for changes, message in (
        ({"training": {"batch_size": 16}}, r"training.batch_size = 8, this one has 16; choose an"),
        ({"model": {"step_size": 1.0}}, r"model.step_size = 0.5, this one has 1.0"),
        ({"data": {"num_images": 65}}, r"data.count = 64, this one has 65"),
        ({"data": {"seed": 1}}, r"data.fingerprint = '\w+', this one has '\w+'"),
        ({"recipe": "tetrominoes-itrsa-tiny"}, "model.model = 'AKOrN', this one has 'ItrSA'"),
        ({"precision": "bf16"}, "precision = 'float32', this one has 'bf16'"),
        ({"seed": 1}, "seed = 0, this one has 1"),
    ):
        with pytest.raises(ValueError, match=message):
            run(uninterrupted, data, max_steps=13, **changes)
    assert (uninterrupted / CHECKPOINT).read_bytes() == before


def test_what_changes_no_number_may_change(data, tmp_path, uninterrupted):
    """The path of the data as well: their content is their identity."""
    run(tmp_path / "run", data, max_steps=5)
    training = {"epochs": 900, "keep_every": 6, "micro_batch": 8}
    moved = tmp_path / "moved"
    run(tmp_path / "run", moved, max_steps=12, training=training, checkpoint_seconds=7.0)
    assert_same_run(tmp_path / "run", uninterrupted)


def test_two_runs_do_not_share_a_folder(data, tmp_path):
    with exclusive(tmp_path), pytest.raises(ValueError, match="another run is training in"):
        run(tmp_path, data, max_steps=1)
    assert run(tmp_path, data, max_steps=1).step == 1


def test_a_diverged_run_keeps_its_last_good_checkpoint(data, tmp_path):
    training = {"learning_rate": 1e30}
    run(tmp_path, data, max_steps=1, training=training)
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match="not finite|loss is"):
        run(tmp_path, data, max_steps=3, training=training)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_copies_are_kept_and_runs_load_as_models(data, tmp_path, uninterrupted):
    run(tmp_path, data, max_steps=12, training={"keep_every": 5})
    kept = [tmp_path / "step-000005", tmp_path / "step-000010"]
    assert sorted(tmp_path.glob("step-*")) == kept
    for folder, step in ((kept[0], 5), (kept[1], 10), (tmp_path, 12), (uninterrupted, 12)):
        state, model = saved(folder), load_model(folder)
        assert state["step"] == step and isinstance(model, AKOrN) and not model.training
        assert_holds(model, state["average"])
        assert model.describe() == state["identity"]["model"]
        assert_holds(load_model(folder / MODEL), state["average"])
    run(kept[0], data, max_steps=12)  # a copy is a run of its own
    for name, value in saved(uninterrupted)["model"].items():
        assert torch.equal(value, saved(kept[0])["model"][name]), name


def test_a_trained_model_is_where_a_run_starts(data, tmp_path, uninterrupted):
    """From another image size, too; a run that resumes needs the same weights."""
    start = {"recipe": "dsprites-attn", "init_from": str(uninterrupted)}
    start["training"] = {"learning_rate": 1e-30}
    begun = run(tmp_path, data, max_steps=1, **start)
    assert begun.model.config.image_size == 64
    learned = saved(uninterrupted)["average"]
    same = [n for n, v in begun.model.state_dict().items() if v.shape == learned[n].shape]
    assert len(same) > 5
    for name in same:
        torch.testing.assert_close(begun.model.state_dict()[name], learned[name])
    assert run(tmp_path, data, max_steps=2, **start).step == 2
    with pytest.raises(ValueError, match=r"init_from = '\w+', this one has None"):
        run(tmp_path, data, max_steps=3, **{**start, "init_from": None})
    with pytest.raises(ValueError, match="channels"):
        run(tmp_path / "x", data, max_steps=1, **{**start, "model": {"channels": 32}})


def test_the_last_batch_of_an_epoch_is_used(data, tmp_path):
    """20 images: two batches of 8 and one of 4."""
    size = {"data": {"num_images": 20}, "training": {"drop_last": False, "epochs": 2}}
    assert run(tmp_path, data, **size).step == 6
    for record in read_jsonl(tmp_path / "log.jsonl"):
        images = 4 if record["step"] % 3 == 0 else 8
        assert record["images_per_second"] == pytest.approx(images / record["step_seconds"])
    assert saved(tmp_path)["identity"]["data"]["last_batch"] == 4


def test_bfloat16_is_in_the_products_only(data, tmp_path, uninterrupted):
    run(tmp_path, data, max_steps=2, precision="bf16", training={"micro_batch": 4})
    ours, theirs = (read_jsonl(out / "log.jsonl")[0]["loss"] for out in (tmp_path, uninterrupted))
    assert ours != theirs and ours == pytest.approx(theirs, abs=0.05)
    state = saved(tmp_path)
    for part in ("model", "average"):
        assert all(value.dtype == torch.float32 for value in state[part].values())


def test_checkpoints_hold_every_option_and_plain_names(data, tmp_path):
    model = create_model(RECIPE)
    names = list(model.state_dict())
    model.compile()
    assert list(model.state_dict()) == names
    run(tmp_path, data, max_steps=1, training={"micro_batch": 4}, checkpoint_seconds=7.0)
    state = saved(tmp_path)
    assert list(state["model"]) == list(state["average"]) == names
    options = state["options"]
    assert options.keys() == {f.name for f in fields(TrainOptions)} | {"world_size"}
    assert (options["training"]["micro_batch"], options["checkpoint_seconds"]) == (4, 7.0)


def test_the_log_tells_pace_rate_and_memory(uninterrupted):
    records = read_jsonl(uninterrupted / "log.jsonl")
    assert [record["step"] for record in records] == list(range(1, 13))
    rates = [record["learning_rate"] for record in records]
    assert rates[:2] == pytest.approx([2e-3 / 51, 4e-3 / 51])
    for record in records:
        assert record["images_per_second"] == pytest.approx(8 / record["step_seconds"])
        assert 0.05 < record["peak_memory_gib"] < 64


def test_recipes_are_the_papers():
    paper = {"batch_size": 256, "learning_rate": 1e-3, "warmup_steps": 0, "temperature": 0.1}
    paper |= {"ema_decay": 0.998, "ema_every": 10, "ema_start": 200, "drop_last": False}
    epochs = {"tetrominoes": 50, "dsprites": 50, "clevr": 300, "clevrtex": 500, "textures": 500}
    for name, recipe in RECIPES.items():
        assert isinstance(recipe.model, AKOrN.config_class | ItrSA.config_class)
        own = any(word in name for word in ("tiny", "large"))
        if not own:
            expected = {**paper, "epochs": epochs[name.split("-")[0]], "augmentation": ANY}
            assert asdict(recipe.training).items() >= expected.items(), name
    large = recipe_for("clevrtex-large-l2").training
    assert (large.batch_size, large.learning_rate, large.epochs) == (512, 5e-4, 1024)


def test_a_model_says_how_large_its_images_are():
    for recipe, part, size in (
        ("clevrtex-attn-l1", "model", 256),
        ("clevrtex-attn-l1", "data", 64),
        ("tetrominoes-attn", "model", 64),
    ):
        options = options_for(recipe, **{part: {"image_size": size}})
        assert resized(options.data, options.model).image_size == size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "tetris"}, "unknown recipe 'tetris'; known are clevrtex-attn-l1"),
        ({"training": {"batch_size": 128}}, "a batch needs 128 images: got 64"),
        ({"training": {"batch_size": 1}}, "at least 2 images"),
        ({"training": {"micro_batch": 0}}, "--training.micro-batch must be positive"),
        ({"device": "tpu9"}, "unknown --device 'tpu9'"),
        ({"device": "mps"}, "device 'mps' is not supported"),
        ({"seed": -1}, r"--seed must lie in 0\.\."),
        ({"training": {"warmup_steps": -1}}, "--training.warmup-steps must be at least 0: got -1"),
        ({"training": {"ema_start": -5}}, "--training.ema-start must be at least 0: got -5"),
        ({"training": {"ema_decay": 1.5}}, "--training.ema-decay must lie in 0..1: got 1.5"),
        ({"init_from": "runs/no/where"}, "runs/no/where"),
        ({"recipe": "clevr-attn", "model": {"num_steps": 2}}, "clevr"),
    ],
)
def test_mistakes_are_named(data, tmp_path, options, message):
    with pytest.raises((ValueError, OSError), match=message):
        run(tmp_path, data, **options)


def test_mistakes_on_the_command_line_are_one_line(data, tmp_path):
    mistakes = {"--lerning-rate": {"lerning_rate": 1}, "--time-limit": {"time_limit": "nan"}}
    large = start_training(tmp_path, data, training={"batch_size": 128})
    others = {name: start_training(tmp_path, data, **o) for name, o in mistakes.items()}
    assert "a batch needs 128 images" in only_line(finish(large, code=1)[1])
    for name, process in others.items():
        _, errors = finish(process, code=2)
        assert name in errors and "Traceback" not in errors
