"""Checkpoints, averages, logs, randomness, batches and command lines of the training scripts."""

import json
import pickle
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from examples.common import command
from examples.common.device import fast_precision, pick_device
from examples.common.optimization import Training, WeightAverage, backward
from examples.common.processes import Processes
from examples.common.progress import Meter, Pace, RunLog, read_jsonl
from examples.common.randomness import STREAMS, ShuffledBatches, build_model, generator_for, preset
from examples.common.run import read_checkpoint, write_checkpoint
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import RECIPES
from examples.object_discovery.train import TrainOptions
from tests import golden
from tests.examples.runs import finish, largest_file, python


def test_nt_xent_equals_the_authors(shared):
    arrays = golden.read(shared, "simclr").arrays
    views = torch.stack((arrays["z1"], arrays["z2"]))
    exact = {"atol": 1e-9, "rtol": 1e-9}
    assert_close(nt_xent(views, temperature=0.1), arrays["loss_t0.1"], **exact)
    assert_close(nt_xent(views, temperature=1.0), arrays["loss_t1"], **exact)


def test_nt_xent_equals_loops_over_the_formula():
    views = torch.randn(2, 3, 5, dtype=torch.float64)
    unit = [v / v.norm() for v in views.flatten(0, 1)]
    total = 0.0
    for i in range(6):
        similar = [torch.exp(unit[i] @ unit[j] / 0.2) for j in range(6)]
        others = sum(similar[j] for j in range(6) if j != i)
        total = total - torch.log(similar[(i + 3) % 6] / others)
    assert_close(nt_xent(views, temperature=0.2), total / 6)


def gradients(model, views, noise, dtype, micro_batch):
    model = model.to(dtype)

    def embed(views, noise):
        embeddings = model(views.flatten(0, 1), noise=noise.flatten(0, 1))
        return embeddings.unflatten(0, (2, -1))

    model.zero_grad()
    inputs = [views.to(dtype), noise.to(dtype)]
    loss = backward(embed, inputs, nt_xent, micro_batch=micro_batch)
    return loss, [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("preset", ["tetrominoes-attn-tiny", "tetrominoes-conv-tiny"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str
)
def test_micro_batches_give_the_full_batch_gradient(preset, dtype, tolerance):
    model = build_model(preset, seed=0)
    views, noise = torch.rand(2, 6, 3, 32, 32), torch.randn(2, 6, 64, 8, 8)
    loss, expected = gradients(model, views, noise, dtype, None)
    largest = max(gradient.abs().max().item() for gradient in expected)
    for micro_batch in (1, 4, 5, 6, 9):
        again, found = gradients(model, views, noise, dtype, micro_batch)
        assert_close(again, loss, rtol=tolerance, atol=tolerance)
        assert_close(found, expected, rtol=0, atol=tolerance * max(largest, 1))


def test_graphs_are_kept_for_a_micro_batch_only_and_the_last_one_is_synchronized():
    net, largest, held_back = torch.nn.Linear(3, 4), 0, []

    def embed(views):
        nonlocal largest
        largest = max(largest, views.shape[1] if torch.is_grad_enabled() else 0)
        if torch.is_grad_enabled():
            held_back.append(inside)
        return net(views)

    @contextmanager
    def unsynchronized():
        nonlocal inside
        inside = True
        yield
        inside = False

    inside = False
    views = torch.randn(2, 6, 3)
    backward(embed, [views], nt_xent, micro_batch=2, unsynchronized=unsynchronized)
    assert largest == 2 and held_back == [True, True, False]


def state(size: int = 3, step: int = 3) -> dict:
    weights = {"a": torch.arange(size).float()}
    parts = {"identity": {"name": "x", "sizes": (1, 2.5, None)}, "options": {}, "optimizer": {}}
    return {**parts, "step": step, "seconds": 1.5, "model": weights, "average": {}}


def test_checkpoints_round_trip(tmp_path):
    path = tmp_path / "deep" / "checkpoint.pt"
    write_checkpoint(path, state())
    loaded, expected = read_checkpoint(path), state()
    assert torch.equal(loaded["model"].pop("a"), expected["model"].pop("a"))
    assert loaded.items() >= expected.items()
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, state(step=1))
    with largest_file(100_000), pytest.raises(OSError, match=r"cannot write .*checkpoint\.pt"):
        write_checkpoint(path, state(1_000_000, step=2))
    assert read_checkpoint(path)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


class Malicious:
    def __reduce__(self):
        return exec, ("raise SystemExit('code ran')",)


def damage(path, change) -> None:
    """Change the bytes of a good checkpoint; byte 20,000 is inside the weights."""
    write_checkpoint(path, state(10_000))
    path.write_bytes(change(path.read_bytes()))


UNREADABLE = {
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("hello"),
    "truncated": lambda path: damage(path, lambda good: good[:20_000]),
    "flipped": lambda path: damage(
        path, lambda good: good[:20_000] + bytes([good[20_000] ^ 1]) + good[20_001:]
    ),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"model": Malicious()})),
    "code": lambda path: torch.save({"model": Malicious()}, path),
    "zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "tensor": lambda path: torch.save(torch.zeros(3), path),
    "other": lambda path: torch.save({"model": {}}, path),
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_checkpoints_are_named_and_run_no_code(tmp_path, kind):
    UNREADABLE[kind](path := tmp_path / f"{kind}.pt")
    with pytest.raises(ValueError, match=rf"{kind}\.pt") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


def averaging(decay: float, every: int, start: int) -> Training:
    fields = {"ema_decay": decay, "ema_every": every, "ema_start": start}
    return Training(batch_size=1, epochs=1, **fields)


def test_weight_average_copies_then_averages_with_the_authors_warm_up():
    model = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, averaging(0.9, 10, 20))
    value = expected = 0.0
    for step in range(200):
        value = float(step)
        torch.nn.init.constant_(model.weight, value)
        average.update(step)
        if step <= 20:
            expected = value
        elif step % 10 == 0:
            keep = min(0.9, 1 - (1 + step - 20) ** (-2 / 3))
            expected = keep * expected + (1 - keep) * value
        assert average.model.weight.item() == pytest.approx(expected, rel=1e-5)
    assert average.keep(10_000) == 0.9


def test_a_restored_average_continues_to_average():
    model = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, averaging(0.5, 1, 0))
    torch.nn.init.constant_(average.model.weight, 4.0)
    torch.nn.init.constant_(model.weight, 2.0)
    average.update(1_000)
    assert average.model.weight.item() == pytest.approx(3.0)


def test_streams_of_randomness_are_apart_and_repeatable():
    drawn = {
        (seed, stream, index): torch.randn(3, generator=generator_for(seed, stream, index)).tolist()
        for seed in (0, 1)
        for stream in STREAMS
        for index in (0, 1)
    }
    assert len({tuple(v) for v in drawn.values()}) == len(drawn)
    again = torch.randn(3, generator=generator_for(1, "noise", 1)).tolist()
    assert again == drawn[1, "noise", 1]


def test_log_drops_what_a_crash_left_after_the_checkpoint(tmp_path, capsys):
    values = {"loss": 1.0, "images_per_second": 2.0}
    with RunLog(tmp_path, first_step=0, title="a") as log:
        for step in (10, 20, 30):
            log.record({"step": step, **values}, done=0.5, seconds_left=3)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 40, "lo')  # cut short
    with RunLog(tmp_path, first_step=20, title="a") as log:
        log.record({"step": 30, "loss": 5.0, "images_per_second": 2.0}, done=1, seconds_left=0)
    records = read_jsonl(tmp_path / "log.jsonl")
    assert [(r["step"], r["loss"]) for r in records] == [(10, 1.0), (20, 1.0), (30, 5.0)]
    assert all(json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines())
    assert list((tmp_path / "tensorboard").iterdir())
    assert all(capsys.readouterr().out.splitlines())  # no empty line without a terminal


def test_pace_counts_all_sessions():
    pace = Pace(step=50, seconds=9.0, last_step=100, time_limit=10.0)
    assert pace.share_done(100) == 1
    assert 0.9 <= pace.share_done(50) < 1
    assert 0 < pace.seconds_left(60) <= 1
    assert Pace(step=0, seconds=10.0, last_step=100, time_limit=10.0).share_done(0) >= 1
    assert Pace(step=0, seconds=1e9, last_step=100, time_limit=None).share_done(99) == 0.99


def test_a_batch_that_cannot_be_shared_out_is_an_error():
    here = Processes(1, 4, torch.device("cpu"))
    assert here.rows(8) == slice(2, 4)
    with pytest.raises(ValueError, match="multiple of the number of processes: got 6 and 4; try 8"):
        here.rows(6)


@pytest.mark.parametrize("name", ["gpu", "cuda"])
def test_devices_that_are_not_there_are_named(name):
    if name == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ValueError, match=name):
        pick_device(name)


def test_bfloat16_is_chosen_on_cpus_with_units_for_it():
    has_units = "amx_bf16" in Path("/proc/cpuinfo").read_text()
    assert fast_precision(torch.device("cpu")) == ("bf16" if has_units else "float32")
    assert fast_precision(torch.device("cuda")) == "float32"


def test_interrupts_wait_for_a_good_moment():
    code = """
import os, signal
from examples.common.command import deferred_interrupts
with deferred_interrupts() as names:
    assert not names
    os.kill(os.getpid(), signal.SIGTERM)
    assert names == ["SIGTERM"]
    print("still here", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    print("never")
"""
    assert finish(python("-c", code), code=-15)[0] == "still here\n"


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr("examples.common.progress.PLAIN_SECONDS", 0.0)
    with Meter("a job") as meter:
        meter.show(1_000, 2_000)
        meter.show(1_500, None)
    assert capsys.readouterr().err == "a job: 1,000 of 2,000\na job: 1,500\n"
    monkeypatch.undo()
    with Meter("a job") as meter:
        meter.show(1, 2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_epochs_hold_every_sample_once_but_for_a_rest_that_cannot_be_shared_out(world_size):
    here = Processes(0, world_size, torch.device("cpu"))
    for count in range(12, 25):
        for drop_last in (True, False):
            training = Training(batch_size=12, drop_last=drop_last, epochs=1)
            batches = ShuffledBatches(count, training, seed=0, here=here, name="images")
            sizes = [len(batches.indices(step)) for step in range(batches.steps_per_epoch)]
            rest = 0 if drop_last else count % 12 - count % 12 % world_size
            assert sizes == [12] * (count // 12) + [rest] * (rest >= 2), (count, drop_last)
            assert sizes[-1] == batches.last_batch
            epochs = torch.cat([batches.indices(step) for step in range(2 * len(sizes))])
            for epoch in epochs.unflatten(0, (2, -1)):
                assert len(epoch.unique()) == sum(sizes) and epoch.max() < count


def test_the_last_batches_of_the_papers_sets():
    here = Processes(0, 1, torch.device("cpu"))
    for count, batch_size, steps in ((40_000, 256, 157), (60_000, 256, 235), (9_000, 100, 90)):
        training = Training(batch_size=batch_size, epochs=1)
        batches = ShuffledBatches(count, training, seed=0, here=here, name="images")
        assert batches.steps_per_epoch == steps


def test_the_seed_alone_decides_the_weights():
    before = torch.get_rng_state()
    config = preset("sudoku-akorn-tiny", channels=32)
    first, same, other = (build_model(config, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.embed.weight, same.embed.weight) and first.config.channels == 32
    assert not torch.equal(first.embed.weight, other.embed.weight)
    with pytest.raises(ValueError, match="unknown preset 'x'"):
        preset("x")


def parse(line: str, monkeypatch) -> TrainOptions:
    """Options of a command line."""
    found = []
    monkeypatch.setattr(sys, "argv", ["train", *line.split()])
    command.run_command(found.append, TrainOptions, recipes=RECIPES)
    return found[0]


def test_every_part_of_a_recipe_can_be_changed(monkeypatch):
    options = parse(
        "clevrtex-attn-l2 --model.num-steps 8 4 --model.coupling convolution attention "
        "--model.kernel-size 7 --model.stimulus-norm none --data.name clevrtex-pbg "
        "--training.augmentation.crop-area 0.25 1 --training.drop-last --training.ema-start 5 "
        "--training.micro-batch none --seed 3 --out x",
        monkeypatch,
    )
    model, training = options.model, options.training
    assert (model.num_steps, model.coupling) == ((8, 4), ("convolution", "attention"))
    assert (model.kernel_size, model.stimulus_norm, model.num_blocks) == (7, None, 2)
    assert (options.recipe, options.data.name) == ("clevrtex-attn-l2", "clevrtex-pbg")
    assert training.augmentation.crop_area == (0.25, 1.0) and training.drop_last
    assert (training.ema_start, training.epochs, training.micro_batch) == (5, 500, None)
    assert options.seed == 3
    control = parse("clevrtex-vit --model.num-steps 2", monkeypatch)
    assert (type(control.model).__name__, control.model.num_steps) == ("ItrSAConfig", 2)
    assert str(control.out) == "runs/clevrtex-vit"


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("", 2, "usage: "),
        ("--help", 0, "tetrominoes-itrsa-tiny"),
        ("--seed 1", 2, "The options of a recipe"),
        ("tetris", 2, "unknown recipe 'tetris'; known are clevrtex-attn-l1"),
        ("clevrtex-vit --model.oscillator-dim 4", 2, "--model.oscillator-dim"),
        ("clevrtex-vit --scoring.pca 3", 2, "--scoring.pca"),  # no option without effect
        ("clevrtex-vit --training.batch-size 0", 2, "--training.batch-size must be positive"),
        ("clevrtex-vit --training.augmentation.crop-area 0 1", 2, "augmentation.crop-area needs"),
        ("clevrtex-vit --training.batch-size=none", 2, "--training.batch-size"),
        ("clevrtex-vit --help", 0, "--training.augmentation.crop-area"),
    ],
)
def test_command_lines_that_do_not_run(line, code, message, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(line, monkeypatch)
    output = "".join(capsys.readouterr())
    assert stopped.value.code == code and message in " ".join(output.replace("│", " ").split())
