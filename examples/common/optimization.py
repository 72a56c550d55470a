"""Optimisation: training fields, weight average, Muon with Adam, contrastive gradients in parts."""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Muon
from torch.optim.swa_utils import AveragedModel

from examples.common.command import check_positive, option_name


@dataclass(frozen=True, kw_only=True)
class Training:
    """Training settings of a recipe."""

    batch_size: int
    """Samples of a global batch."""
    learning_rate: float = 1e-3
    """Learning rate of Adam, constant between warm-up and cooldown."""
    muon_learning_rate: float | None = None
    """Learning rate of Muon, which then trains the linear maps of the blocks; none: Adam alone."""
    muon_weight_decay: float = 0.0
    """Share of Muon's weights, times its learning rate, that a step takes away; it keeps the
    oscillators' couplings from growing in long runs."""
    warmup_steps: int = 0
    """Steps over which the learning rates rise linearly."""
    cooldown: float = 0.0
    """Share of the run, by steps or by time (whichever ends it), over which the learning rates fall
    linearly to zero at its end; a longer time limit raises them again."""
    epochs: int
    """Passes over the training data."""
    drop_last: bool = False
    """Whether the incomplete last batch of an epoch is dropped."""
    ema_decay: float = 0.998
    """Largest decay of the weight average."""
    ema_every: int = 10
    """Steps between updates of the weight average."""
    ema_start: int = 200
    """Step that the weight average starts at."""
    keep_every: int | None = None
    """Steps between copies that are kept as OUT/step-000500, …; none keeps no copies."""

    not_identity: ClassVar[tuple[str, ...]] = ("epochs", "keep_every")
    """Fields that do not affect the numbers of a run."""

    def __post_init__(self):
        names = ("batch_size", "learning_rate", "muon_learning_rate", "epochs", "ema_every")
        check_positive(self, *names, "keep_every", prefix="training.")
        for name in ("warmup_steps", "ema_start", "muon_weight_decay"):
            if (value := getattr(self, name)) < 0:
                option = option_name(f"training.{name}")
                raise ValueError(f"{option} must be at least 0: got {value}")
        for name in ("ema_decay", "cooldown"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ValueError(f"{option_name(f'training.{name}')} must lie in 0..1: got {value}")

    def share_at(self, step: int, *, done: float = 0.0) -> float:
        """Share of the learning rates at a step, counted from 0; ``done`` of the run is over."""
        warmup = min(1.0, (step + 1) / (self.warmup_steps + 1))
        left = max(0.0, 1 - done)
        return warmup * min(1.0, left / self.cooldown) if self.cooldown else warmup

    def identity(self) -> dict[str, Any]:
        """Fields that determine the numbers of a run."""
        values = dataclasses.asdict(self)
        return {name: v for name, v in values.items() if name not in self.not_identity}


class WeightAverage:
    """Average of a model's weights, updated every few steps, with the ``ema_…`` of its training.

    Up to step ``ema_start`` it is a copy. An update at step t after that keeps
    ``min(ema_decay, 1 - (1 + t - ema_start)^(-2/3))`` of the average, so that early weights soon
    fade out.
    """

    def __init__(self, model: nn.Module, training: Training):
        self._source, self._training, self._keep = model, training, 0.0
        self._averaged = AveragedModel(
            model, avg_fn=lambda average, new, _: torch.lerp(new, average, self._keep)
        )
        # It starts as a copy; torch would copy once more at the first update after a restart.
        self._averaged.n_averaged.fill_(1)

    @property
    def model(self) -> nn.Module:
        """The averaged model, ready for evaluation."""
        return self._averaged.module

    def keep(self, step: int) -> float:
        """Share of the average that an update at ``step`` keeps."""
        since = step - self._training.ema_start
        return 0.0 if since <= 0 else min(self._training.ema_decay, 1 - (1 + since) ** (-2 / 3))

    def update(self, step: int) -> None:
        """Include the weights after the optimiser's step number ``step``, counted from 0."""
        if step % self._training.ema_every == 0 or step < self._training.ema_start:
            self._keep = self.keep(step)
            self._averaged.update_parameters(self._source)


def build_optimizer(model: Any, training: Training) -> Any:
    """Adam; with a learning rate of Muon, Muon for the weights of linear maps in ``model.blocks``.

    Muon makes the update of a matrix orthogonal, so that all of its directions learn equally fast.
    Embeddings and output maps do not belong to it.

    Reference:
        K. Jordan et al., *Muon: an optimizer for hidden layers in neural networks* (2024).
    """
    if training.muon_learning_rate is None:
        return Adam(model.parameters(), lr=training.learning_rate)
    maps = [m.weight for m in model.blocks.modules() if isinstance(m, nn.Linear)]
    taken = {id(weight) for weight in maps}
    rest = [p for p in model.parameters() if id(p) not in taken]
    muon = Muon(maps, lr=training.muon_learning_rate, weight_decay=training.muon_weight_decay)
    return MuonWithAdam({"Muon": muon, "Adam": Adam(rest, lr=training.learning_rate)})


def scale_learning_rates(optimizer: Any, share: float) -> None:
    """Set every learning rate to a share of the initial one, which the optimiser's state keeps."""
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * share


@dataclass
class MuonWithAdam:
    """Two optimisers as one, each for parameters of its own, by name."""

    parts: dict[str, Any]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both; their learning rates can be changed."""
        return [group for part in self.parts.values() for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients of both."""
        for part in self.parts.values():
            part.zero_grad(set_to_none)

    def step(self) -> None:
        """Take a step of both."""
        for part in self.parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of both, by name."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the states of both."""
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])


def backward(
    embed: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    loss_of: Callable[[Tensor], Tensor],
    *,
    micro_batch: int | None = None,
    unsynchronized: Callable[[], AbstractContextManager] = nullcontext,
) -> Tensor:
    """Add the gradient of ``loss_of(embed(*inputs))`` to the parameters.

    A contrastive loss is not a sum over parts of a batch, as every sample is compared with all. But
    it depends on the network through the embeddings only. So all parts are embedded without a
    graph; the loss gives its gradient with respect to the embeddings; then each part is embedded
    once more, with a graph, and receives its share of that gradient.

    Args:
        embed: Maps parts of ``inputs``, ``(V, m, ...)``, to embeddings ``(V, m, C)``, the same each
            time: noise is an input.
        inputs: V views of b samples, each ``(V, b, ...)``.
        loss_of: Maps embeddings ``(V, b, C)`` to the loss, a scalar, which is returned.
        micro_batch: Samples m that a graph is kept for at a time; None keeps one graph of all b,
            and needs no second forward pass.
        unsynchronized: Context of every backward pass but the last: ``no_sync`` of DDP.

    Reference:
        Gao, Zhang, Han, Callan, *Scaling Deep Contrastive Learning Batch Size under Memory Limited
        Setup* (2021).
    """
    length = micro_batch or inputs[0].shape[1]
    parts = list(zip(*(tensor.split(length, dim=1) for tensor in inputs), strict=True))
    if len(parts) == 1:
        loss = loss_of(embed(*parts[0]))
        loss.backward()
        return loss.detach()

    with torch.no_grad():
        embeddings = torch.cat([embed(*part) for part in parts], dim=1)
    loss = loss_of(embeddings.requires_grad_())
    (gradient,) = torch.autograd.grad(loss, embeddings)
    *shares, last_share = gradient.split(length, dim=1)
    with unsynchronized():
        for part, share in zip(parts, shares, strict=False):
            embed(*part).backward(share)
    embed(*parts[-1]).backward(last_share)
    return loss.detach()
