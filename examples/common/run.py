"""Training runs: options, checkpoints, and the loop with its limits, signals and log."""

import dataclasses
import hashlib
import io
import json
import math
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

import kuramoto_nn
from examples.common import optimization
from examples.common.command import check_positive, check_seed, deferred_interrupts
from examples.common.device import GIB, Compile, Precision, peak_memory, should_compile
from examples.common.files import exclusive, first_line, write_whole
from examples.common.processes import Processes, processes
from examples.common.progress import PER_SECOND, Pace, RunLog

CHECKPOINT = "checkpoint.pt"  # the resumable state in a run's folder
MODEL = "model"  # the folder of the averaged weights in a run's folder
FORMAT = 4  # version of the checkpoint's content


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of every training run."""

    recipe: Annotated[str, tyro.conf.Suppress]
    """Name of the recipe."""
    training: optimization.Training
    """How the network is trained."""
    out: Path
    """Folder of the checkpoint, the model and the logs; a run that is there resumes."""
    init_from: str | None = None
    """Trained model to start from: a folder or a name on the Hub. Weights only; its image size may
    differ."""
    max_steps: int | None = None
    """Stop after this many steps in all."""
    time_limit: float | None = None
    """Stop after this many seconds of training in all, earlier sessions included."""
    seed: int = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, cuda:1, …"""
    precision: Precision = "float32"
    """bf16: autocast to bfloat16, weights and norms stay float32; float64: to compare machines."""
    compile: Compile = "auto"
    """Compile the model; auto tries whether this machine can."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints."""
    log_every: int = 10
    """Steps between records of the log."""

    def __post_init__(self):
        check_positive(self, "max_steps", "time_limit", "checkpoint_seconds", "log_every")
        check_seed(self.seed)


class Run:
    """A training run; iterating over it yields the number of each step, from 0.

    Between two steps the processes agree whether the run is over (steps, time or a signal); a
    record is logged and a checkpoint saved if they are due. At the end both happen once more.
    ``seconds`` counts all sessions, ``network`` is the module that the steps call (the model or its
    DDP wrapper), and ``identity`` determines all numbers of the run.
    """

    def __init__(self, options: RunOptions, processes: Processes, stack: ExitStack):
        self.options, self.processes, self.device = options, processes, processes.device
        self.step, self.seconds = 0, 0.0
        self._recorded_at, self._saved_at = 0.0, time.monotonic()
        self.interrupts: list[str] = []
        self._stack = stack
        self._log: RunLog | None = None
        self._losses: list[Tensor] = []
        self._samples: Counter[str] = Counter()
        self._values: dict[str, float] = {}
        self._done = 0.0
        self._over: bool | None = None  # unknown before the end of a step
        self._record_is_due = False

    def prepare(
        self,
        model: Any,
        *,
        task: str,
        data: dict[str, Any],
        num_steps: int,
        network: nn.Module | None = None,
    ) -> None:
        """Build the optimiser, restore the saved state if any, compile the model, wrap it in DDP.

        ``data`` identifies the training data. The run has ``num_steps`` steps, unless the options
        stop it earlier. ``network`` is a module around the model that the steps call instead of it.
        """
        options, training = self.options, self.options.training
        self.model, self.optimizer = model, optimization.build_optimizer(model, training)
        self.average = optimization.WeightAverage(model, training)
        source = None if options.init_from is None else kuramoto_nn.load_model(options.init_from)
        last_step = min(num_steps, options.max_steps or num_steps)
        limits = {"last_step": last_step, "time_limit": options.time_limit}
        self.identity = _plain(
            {
                "task": task,
                "model": model.describe(),
                "training": training.identity(),
                "data": data,
                "seed": options.seed,
                "precision": options.precision,
                "init_from": None if source is None else weights_hash(source),
            }
        )
        if training.cooldown:
            self.identity["end"] = {"last_step": last_step}
        if (options.out / CHECKPOINT).exists():
            self._restore(options.out / CHECKPOINT)
        elif source is not None:
            model.load_weights(source)
            self.average.model.load_state_dict(model.state_dict())
        if should_compile(options.compile, self.device):
            model.compile()
        self.network: nn.Module = network or model
        if self.processes.world_size > 1:
            self.network = DistributedDataParallel(self.network)
        self._pace = Pace(step=self.step, seconds=self.seconds, **limits)
        if self.processes.is_main:
            log = RunLog(options.out, first_step=self.step, title=options.recipe)
            self._log = self._stack.enter_context(log)
        self.interrupts = self._stack.enter_context(deferred_interrupts())

    def __iter__(self) -> Iterator[int]:
        training = self.options.training
        over = self._is_over()
        while not over:
            self._over, self._record_is_due = None, False
            share = training.share_at(self.step, done=self._done)
            optimization.scale_learning_rates(self.optimizer, share)
            yield self.step
            over = self._end_step()
            if over or self._record_is_due or self.step % self.options.log_every == 0:
                self._record()
            if self.processes.is_main:
                self._save_if_due()
        if self.processes.is_main:
            self._save(self.options.out)
        end = self.interrupts[0] if self.interrupts else "done"
        self.say(f"{end}: {self.step} steps are in {self.options.out}")

    def report(self, loss: Tensor, **samples: int) -> None:
        """Add a step's loss and the samples of its global batch (``images=256``) to the record."""
        self._losses.append(loss.detach())
        self._samples.update(samples)

    def is_due(self, every: int) -> bool:
        """Whether the step that ends here is a multiple of ``every``, or the last one.

        All processes must call it, at the end of a step; the step is then recorded.
        """
        over = self._end_step()
        due = over or self.step % every == 0
        self._record_is_due |= due
        return due

    def log(self, **values: float) -> None:
        """Add values to the next record of the log."""
        self._values |= values

    def say(self, text: str) -> None:
        """Print one line in the main process."""
        if self._log is not None:
            self._log.say(text)

    def unsynchronized(self) -> AbstractContextManager:
        """Context of backward passes after which DDP exchanges no gradients yet."""
        network = self.network
        return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()

    def _is_over(self) -> bool:
        """Agree among the processes on the share of the run that is done."""
        done = math.inf if self.interrupts else self._pace.share_done(self.step)
        self._done = self.processes.largest(done)
        return self._done >= 1

    def _end_step(self) -> bool:
        """Count the step and agree whether the run is over, once per step."""
        if self._over is None:
            self.step += 1
            self._over = self._is_over()
            self.seconds = self._pace.seconds
        return self._over

    def _record(self) -> None:
        """Log the steps since the last record; the one place that waits for the device."""
        mean = torch.stack(self._losses).mean()
        loss = self.processes.gather(mean[None], 0).mean().item()
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} at step {self.step}; lower --training.learning-rate and "
                f"start in another --out"
            )
        steps = len(self._losses)
        seconds = max(self.seconds - self._recorded_at, 1e-9) / steps
        values = {
            "step": self.step,
            "seconds": round(self.seconds, 3),
            "loss": loss,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "step_seconds": seconds,
            **{n + PER_SECOND: count / (steps * seconds) for n, count in self._samples.items()},
            "peak_memory_gib": peak_memory(self.device) / GIB,
            **self._values,
        }
        if self._log is not None:
            done, left = self._pace.share_done(self.step), self._pace.seconds_left(self.step)
            self._log.record(values, done=done, seconds_left=left)
        self._losses, self._samples, self._values = [], Counter(), {}
        self._recorded_at = self.seconds

    def _save_if_due(self) -> None:
        keep_every = self.options.training.keep_every
        if keep_every is not None and self.step % keep_every == 0:
            self._save(self.options.out / f"step-{self.step:06d}")
        waited = time.monotonic() - self._saved_at
        if not self._over and waited >= self.options.checkpoint_seconds:
            self._save(self.options.out)
            self._saved_at = time.monotonic()

    def _save(self, folder: Path) -> None:
        path = folder / CHECKPOINT
        if not all(value.isfinite().all() for value in self.model.state_dict().values()):
            raise ValueError(
                f"weights are not finite after step {self.step}, {path} is left as it was; "
                f"lower --training.learning-rate and start in another --out"
            )
        options = dataclasses.asdict(self.options) | {"world_size": self.processes.world_size}
        state = {
            "identity": self.identity,
            "options": _plain(options),
            "step": self.step,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_checkpoint(path, state)
        averaged: Any = self.average.model
        averaged.save_pretrained(folder / MODEL)

    def _restore(self, path: Path) -> None:
        saved = read_checkpoint(path)
        _check_same(path, saved["identity"], self.identity)
        try:
            self.model.load_state_dict(saved["model"])
            self.average.model.load_state_dict(saved["average"])
            self.optimizer.load_state_dict(saved["optimizer"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise ValueError(f"{path} does not fit the network: {first_line(error)}") from error
        self.step, self.seconds = saved["step"], saved["seconds"]
        self._recorded_at = self.seconds


@contextmanager
def open_run(options: RunOptions) -> Iterator[Run]:
    """Open a run, to be prepared and iterated over: one of torchrun's processes, or alone.

    The run's folder is locked for the block. After a SIGINT or SIGTERM the run is saved and the
    process exits with code 0.
    """
    with (
        processes(options.device) as here,
        exclusive(options.out) if here.is_main else nullcontext(),
        ExitStack() as stack,
    ):
        run = Run(options, here, stack)
        try:
            yield run
        finally:
            vars(run).pop("network", None)  # a DDP wrapper must not outlive the process group
    if run.interrupts:
        sys.exit(0)  # the caller must not continue as if the run were over


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write nested tensors and plain values; a failed write leaves the old file as it was."""
    content = io.BytesIO()  # torch does not report why a write to the disk failed
    torch.save({"format": FORMAT, **state}, content)
    write_whole(path, lambda file: file.write(content.getbuffer()))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a run's checkpoint on the CPU; only tensors and plain values are accepted.

    It has ``identity``, ``options``, ``step`` and ``seconds``, and the states ``model``,
    ``average`` and ``optimizer``. A ValueError names a file that is missing or damaged.
    """
    if not path.exists():
        raise ValueError(f"no checkpoint at {path}; train first or name another file")
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"wrong checksum of {damaged}")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise any error
        raise ValueError(f"{path} is damaged or not a checkpoint: {first_line(error)}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of this version")
    return state


def _check_same(path: Path, saved: dict[str, Any], ours: dict[str, Any], prefix: str = "") -> None:
    """Raise ValueError, with the name of the first difference, unless two identities agree."""
    for name in ours | saved:
        theirs, wanted = saved.get(name), ours.get(name)
        if isinstance(theirs, dict) and isinstance(wanted, dict):
            _check_same(path, theirs, wanted, f"{prefix}{name}.")
        elif theirs != wanted:
            raise ValueError(
                f"{path} is a run with {prefix}{name} = {theirs!r}, this one has {wanted!r}; "
                f"choose another --out or the same options"
            )


def _plain(value: Any) -> Any:
    """A value as JSON holds it: tuples become lists, and paths strings."""
    return json.loads(json.dumps(value, default=str))


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of a model's state, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
