"""Foreground adjusted Rand index."""

from typing import Literal

import torch
from torch import Tensor

from kuramoto_nn.metrics._contingency import contingency_table

Empty = Literal["nan", "one"]
EMPTY_VALUES = {"nan": torch.nan, "one": 1.0}
"""Score of an image without foreground."""


def foreground_ari(
    pred: Tensor, target: Tensor, *, empty: Empty = "nan", ignore_index: int | None = None
) -> Tensor:
    r"""Adjusted Rand index over the pixels of true objects, per image (FG-ARI).

    Of all pairs of pixels with ``target > 0``, let :math:`n_{11}` be together in both partitions,
    :math:`n_{00}` apart in both, :math:`n_{10}` together in the prediction only and :math:`n_{01}`
    in the truth only. Then

    .. math:: \mathrm{ARI} = \frac{2 (n_{11} n_{00} - n_{10} n_{01})}
        {(n_{11} + n_{10})(n_{10} + n_{00}) + (n_{11} + n_{01})(n_{01} + n_{00})}

    which is 1 if the partitions agree and 0 in expectation for random ones. Two partitions that
    agree score 1 also where the formula is 0/0 (one object in one segment, one pixel).

    Args:
        pred: Labels of the predicted segments, any integers, shape ``(B, H, W)``.
        target: True labels, same shape; 0 is background, pixels below 0 are ignored.
        empty: Score of an image without foreground: ``"nan"``, or ``"one"`` as the AKOrN paper's
            evaluation has it.
        ignore_index: A further label of ignored pixels, such as 255; None for none.

    Returns:
        Scores, at most 1, shape ``(B,)``, float64.

    Raises:
        ValueError: If the shapes differ or are not a non-empty ``(B, H, W)``, labels are not
            integers, or ``empty`` is neither.

    Reference:
        Hubert and Arabie, *Comparing partitions* (1985), equation 5.

    Examples:
        >>> target = torch.tensor([[[0, 1, 1, 2, 2]]])
        >>> foreground_ari(torch.tensor([[[3, 3, 3, 5, 5]]]), target)
        tensor([1.], dtype=torch.float64)
    """
    check_empty(empty)
    table = contingency_table(pred, target, ignore_index=ignore_index)[:, :, 1:]
    num_pixels = table.sum((1, 2))
    # Ordered pairs, a pixel with itself left out.
    together = table.square().sum((1, 2)) - num_pixels
    pred_only = table.sum(2).square().sum(1) - num_pixels - together
    target_only = table.sum(1).square().sum(1) - num_pixels - together
    apart = num_pixels.square() - num_pixels - together - pred_only - target_only

    numerator = 2 * (together * apart - pred_only * target_only)
    denominator = (together + pred_only) * (pred_only + apart)
    denominator = denominator + (together + target_only) * (target_only + apart)
    score = torch.where(pred_only + target_only == 0, 1.0, numerator / denominator)
    return torch.where(num_pixels == 0, EMPTY_VALUES[empty], score)


def check_empty(empty: str) -> None:
    """Check the score of images without foreground, a key of `EMPTY_VALUES`."""
    if empty not in EMPTY_VALUES:
        raise ValueError(
            f"`empty` must be one of {', '.join(EMPTY_VALUES)}: got {empty!r}, expected the score "
            'of an image without foreground; try "nan"'
        )
