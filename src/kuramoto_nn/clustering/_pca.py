"""Principal components of the sites of every image."""

import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer
from kuramoto_nn.clustering._checks import as_double


@torch.no_grad()
def pca(features: Tensor, num_components: int) -> Tensor:
    r"""Project the sites of every image on its own leading principal components.

    With the centred features :math:`X = U \Sigma V^\top` (P x D), returns the leading columns of
    :math:`XV = U\Sigma`. Every component has the sign that makes the largest entry of its axis (its
    column of V) positive. With ``num_components >= D`` nothing is lost: the result is the centred
    features, rotated. The work is done in float64 on the smaller of the two Gram matrices.

    Args:
        features: One row per site, shape ``(B, P, D)``; float16 to float64.
        num_components: Components to keep, at least 1; more than ``min(P, D)`` do not exist.

    Returns:
        Scores by decreasing variance, shape ``(B, P, min(num_components, P, D))``, dtype of
        ``features``.

    Raises:
        ValueError: If ``features`` is not a finite, non-empty floating-point ``(B, P, D)`` tensor,
            or ``num_components`` is below 1.

    Reference:
        Jolliffe, *Principal Component Analysis* (2002).

    Examples:
        >>> line = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]])
        >>> pca(line, 1).squeeze().round(decimals=4)
        tensor([-5.,  0.,  5.])
    """
    points = as_double(features)
    num_components = as_integer("num_components", num_components, least=1)
    centred = points - points.mean(1, keepdim=True)
    num_points, num_channels = points.shape[1:]
    if num_channels <= num_points:
        axes = _leading_eigenvectors(centred.mT @ centred, num_components)
        scores = centred @ axes
    else:
        sites = _leading_eigenvectors(centred @ centred.mT, num_components)
        axes = centred.mT @ sites
        # The length of an axis is its singular value, more exact than an eigenvalue's root.
        scores = sites * axes.norm(dim=1, keepdim=True)
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -scores, scores).to(features)


def _leading_eigenvectors(gram: Tensor, count: int) -> Tensor:
    return torch.linalg.eigh(gram).eigenvectors.flip(-1)[..., :count]
