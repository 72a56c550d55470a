"""Losses that compare all samples of a batch, in the memory of a few of them.

A contrastive loss cannot be added up over parts of a batch: every sample meets all others. But it
sees the network through the embeddings alone. So all parts are embedded without a graph; the loss
gives its gradient with respect to the embeddings; then part after part is embedded once more, with
a graph, and that gradient goes back through it. One more forward pass buys the full batch's
gradient.

Reference: Gao, Zhang, Han, Callan, *Scaling Deep Contrastive Learning Batch Size under Memory
Limited Setup* (2021).
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def backward(
    embed: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    loss_of: Callable[[Tensor], Tensor],
    *,
    micro_batch: int | None = None,
    unsynchronized: Callable[[], AbstractContextManager] = nullcontext,
) -> Tensor:
    """Add the gradient of ``loss_of(embed(*inputs))`` to the parameters.

    Args:
        embed: Maps parts of ``inputs``, ``(V, m, ...)``, to embeddings ``(V, m, C)``. It must give
            the same each time: noise is an input.
        inputs: V views of b samples, each ``(V, b, ...)``.
        loss_of: Embeddings ``(V, b, C)`` to the loss, a scalar.
        micro_batch: Samples m that a graph is kept for at a time; None keeps the one of all b, and
            spares the second forward pass.
        unsynchronized: Context of every backward pass but the last: ``no_sync`` of DDP.

    Returns:
        The loss, without a graph.
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
