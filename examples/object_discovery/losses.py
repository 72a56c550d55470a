"""The contrastive loss of object discovery."""

import torch
from torch import Tensor
from torch.nn import functional as F


def nt_xent(views: Tensor, *, temperature: float = 0.1) -> Tensor:
    """NT-Xent: the mean over all 2B views of the cross-entropy of finding the other view.

    ``-mean_i log exp(<z_i, z_p(i)> / tau) / sum_{j != i} exp(<z_i, z_j> / tau)``, z of unit length.
    ``views`` are embeddings ``(2, B, C)``; the loss is a scalar, float32 at least.

    Reference:
        Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations* (2020).
    """
    wide = views.to(torch.promote_types(views.dtype, torch.float32)).flatten(0, 1)
    unit = F.normalize(wide, dim=1)
    similarity = unit @ unit.T / temperature
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    partner = torch.arange(len(unit), device=unit.device).roll(views.shape[1])
    return F.cross_entropy(similarity.masked_fill(itself, -torch.inf), partner)
