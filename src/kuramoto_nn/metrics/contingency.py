"""How many pixels each predicted segment shares with each true object."""

import torch
from torch import Tensor

DENSE_RANGE = 256
"""Labels that span fewer values index the table directly; others are sorted to be renumbered."""


def contingency_table(pred: Tensor, target: Tensor) -> Tensor:
    r"""Count shared pixels: ``table[b, i, j]`` of segment i and object j of image b.

    .. math:: n_{ij} = |\{p : \text{pred}_p = i,\ \text{target}_p = j\}|

    Column 0 is the background (``target == 0``), the others are objects. Ignored pixels
    (``target < 0``) count nowhere. Labels are renumbered image by image, in their order; rows and
    columns that an image does not use are zero.

    Args:
        pred: Labels of the predicted segments, any integers, shape ``(B, H, W)``.
        target: True labels, same shape.

    Returns:
        Counts, shape ``(B, R, 1 + C)``, float64, in which sums and pair counts are exact.

    Raises:
        ValueError: If the shapes differ or are not a non-empty ``(B, H, W)``, or labels are not
            integers.

    Examples:
        >>> pred, target = torch.tensor([[[7, 7, 8]]]), torch.tensor([[[0, 1, 1]]])
        >>> contingency_table(pred, target)
        tensor([[[1., 1.],
                 [0., 1.]]], dtype=torch.float64)
    """
    _check_labels(pred, target)
    truth = target.flatten(1).long()
    segments, num_segments = _renumber(pred.flatten(1).long())
    # A background pixel put in front keeps column 0 for it where an image has none.
    objects, num_objects = _renumber(torch.nn.functional.pad(truth.clamp_min(0), (1, 0)))

    image = torch.arange(len(truth), device=truth.device)[:, None]
    cell = (image * num_segments + segments) * num_objects + objects[:, 1:]
    num_cells = len(truth) * num_segments * num_objects
    cell = torch.where(truth < 0, num_cells, cell)
    counts = torch.bincount(cell.flatten(), minlength=num_cells + 1)[:num_cells]
    return counts.view(len(truth), num_segments, num_objects).double()


def _renumber(labels: Tensor) -> tuple[Tensor, int]:
    """Map the labels of every row to 0, 1, … in their order; also return how many it takes."""
    lowest, highest = labels.aminmax(dim=1, keepdim=True)
    # float64, since the difference of extreme int64 labels overflows.
    span = int((highest.double() - lowest.double()).max())
    if span < DENSE_RANGE:
        return labels - lowest, span + 1
    ordered, order = labels.sort(dim=1)
    rank = (ordered.diff(dim=1) != 0).cumsum(1)
    rank = torch.nn.functional.pad(rank, (1, 0))
    return torch.empty_like(labels).scatter_(1, order, rank), int(rank.amax()) + 1


def _check_labels(pred: Tensor, target: Tensor) -> None:
    if pred.shape != target.shape:
        raise ValueError(
            f"`pred` must have the shape of `target`: got {tuple(pred.shape)}, expected "
            f"{tuple(target.shape)}; try nearest-neighbour upsampling of the labels"
        )
    if pred.ndim != 3:
        raise ValueError(
            f"`pred` and `target` must have shape (B, H, W): got {tuple(pred.shape)}, expected 3 "
            "axes; try `labels[None]` on one image, `labels.unflatten(1, (H, W))` on tokens"
        )
    if pred.numel() == 0:
        raise ValueError(
            f"`pred` and `target` must not be empty: got {tuple(pred.shape)}, expected at least "
            "one image and one pixel; try leaving empty batches out"
        )
    for name, labels in (("pred", pred), ("target", target)):
        if labels.is_floating_point() or labels.is_complex():
            raise ValueError(
                f"`{name}` must hold integer labels: got {labels.dtype}, expected int64; "
                f"try `{name}.long()`, or `argmax` on scores"
            )
