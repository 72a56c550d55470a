"""Muon for the maps inside a network, Adam for all else, as one optimiser.

Muon makes the update of a matrix orthogonal, so that all of its directions learn at one pace.
"""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Adam, Muon, Optimizer


class MuonWithAdam(Optimizer):
    """Muon for the weights of the linear maps in some modules, Adam for all other parameters.

    Args:
        model: The network.
        inner: Its modules whose `torch.nn.Linear` weights Muon takes; embeddings and output maps do
            not belong there.
        muon_rate: Learning rate of Muon.
        adam_rate: Learning rate of Adam.

    Reference:
        K. Jordan et al., *Muon: an optimizer for hidden layers in neural networks* (2024).
    """

    def __init__(self, model: nn.Module, inner: nn.Module, *, muon_rate: float, adam_rate: float):
        maps = [m.weight for m in inner.modules() if isinstance(m, nn.Linear)]
        taken = {id(weight) for weight in maps}
        rest = [p for p in model.parameters() if id(p) not in taken]
        super().__init__([*maps, *rest], {})
        self.parts = (Muon(maps, lr=muon_rate, weight_decay=0.0), Adam(rest, lr=adam_rate))
        self._gather()

    def step(self, closure: Callable | None = None) -> None:  # type: ignore[override]
        """Take a step of both."""
        assert closure is None, "a closure would be evaluated twice"
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of both, by name."""
        return {type(part).__name__: part.state_dict() for part in self.parts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the states of both."""
        for part in self.parts:
            part.load_state_dict(state_dict[type(part).__name__])
        self._gather()

    def _gather(self) -> None:
        self.param_groups = [group for part in self.parts for group in part.param_groups]
