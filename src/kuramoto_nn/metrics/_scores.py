"""Foreground adjusted Rand index (FG-ARI) and mean best overlap (MBO), from pixel counts."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from kuramoto_nn._checks import as_integer, with_float64

DENSE_RANGE = 256
"""Labels that span fewer values index the table directly; others are sorted to be renumbered."""
CACHED_PIXELS = 2**18
"""Pixels that a CPU counts at once, so few that they stay in its cache."""

Empty = Literal["nan", "one"]
EMPTY_VALUES = {"nan": torch.nan, "one": 1.0}
"""Score of an image without foreground."""


def foreground_ari(
    pred: Tensor, target: Tensor, *, empty: Empty = "nan", ignore_index: int | None = None
) -> Tensor:
    r"""Adjusted Rand index over the pixels of true objects, per image (FG-ARI).

    Of all pairs of pixels with ``target > 0``, let $n_{11}$ be together in both partitions,
    $n_{00}$ apart in both, $n_{10}$ together in the prediction only and $n_{01}$ in the truth only.
    Then

    $$\mathrm{ARI} = \frac{2 (n_{11} n_{00} - n_{10} n_{01})}
    {(n_{11} + n_{10})(n_{10} + n_{00}) + (n_{11} + n_{01})(n_{01} + n_{00})}$$

    which is 1 if the partitions agree and 0 in expectation for random ones. Two partitions that
    agree score 1 also where the formula is 0/0 (one object in one segment, one pixel).

    Args:
        pred: Labels of the predicted segments, any integers, shape ``(B, H, W)``.
        target: True labels, same shape; 0 is background, pixels below 0 are ignored.
        empty: Score of an image without foreground: ``"nan"``, or ``"one"`` as in the AKOrN
            paper's evaluation.
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


def mean_best_overlap(pred: Tensor, target: Tensor, *, ignore_index: int | None = None) -> Tensor:
    r"""Mean over the true objects of the best IoU with any predicted segment, per image (MBO).

    $$\mathrm{MBO} = \frac{1}{J} \sum_{j=1}^{J} \max_i \frac{|S_i \cap O_j|}{|S_i \cup O_j|}$$

    The objects $O_j$ are the labels above 0. Segments $S_i$ include their pixels on the background,
    which enlarges the union, but not those on ignored pixels. One segment may be the best of
    several objects. With a map of classes as the target this is the class-level MBO
    (MBO_c), with a map of instances the instance-level one (MBO_i).

    Args:
        pred: Labels of the predicted segments, any integers, shape ``(B, H, W)``.
        target: True labels, same shape; 0 is background. Pixels below 0 are ignored, in the
            prediction as well.
        ignore_index: A further label of ignored pixels, such as 255; None for none.

    Returns:
        Scores in ``[0, 1]``, NaN where the image has no object, shape ``(B,)``, float64.

    Raises:
        ValueError: If the shapes differ or are not a non-empty ``(B, H, W)``, or labels are not
            integers.

    Reference:
        Pont-Tuset et al., *Multiscale combinatorial grouping* (2017), Jaccard index at instance
        level.

    Examples:
        >>> pred = torch.tensor([[[3, 3, 5, 5]]])
        >>> mean_best_overlap(pred, torch.tensor([[[0, 1, 2, 2]]]))
        tensor([0.7500], dtype=torch.float64)
    """
    table = contingency_table(pred, target, ignore_index=ignore_index)
    shared = table[:, :, 1:]
    object_size = shared.sum(1)
    union = table.sum(2, keepdim=True) + object_size[:, None] - shared
    best = (shared / union.clamp_min(1)).amax(1) if shared.shape[2] else object_size
    return best.sum(1) / (object_size > 0).sum(1)


def check_empty(empty: str) -> None:
    """Check the score of images without foreground, a key of `EMPTY_VALUES`."""
    if empty not in EMPTY_VALUES:
        raise ValueError(
            f"`empty` must be one of {', '.join(EMPTY_VALUES)}: got {empty!r}, expected the score "
            'of an image without foreground; try "nan"'
        )


def contingency_table(pred: Tensor, target: Tensor, *, ignore_index: int | None = None) -> Tensor:
    r"""Count shared pixels: ``table[b, i, j]`` of segment i and object j of image b.

    $$n_{ij} = |\{p : \text{pred}_p = i,\ \text{target}_p = j\}|$$

    Column 0 is the background (``target == 0``), the others are objects. Ignored pixels
    (``target < 0`` or ``target == ignore_index``) are not counted. Labels are renumbered image by
    image, in their order; rows and columns that an image does not use are zero.

    Args:
        pred: Labels of the predicted segments, any integers, shape ``(B, H, W)``.
        target: True labels, same shape.
        ignore_index: A further label of ignored pixels, such as 255; None for none.

    Returns:
        Counts, shape ``(B, R, 1 + C)``, float64, in which sums and pair counts are exact; on the
        CPU if the device has no float64.

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
    pred, target = with_float64(pred), with_float64(target)
    segments, start, num_segments = _renumber(pred.flatten(1).long())
    truth = target.flatten(1).long()
    if ignore_index is not None:
        truth = truth.masked_fill(truth == as_integer("ignore_index", ignore_index), -1)
    objects, num_objects = _renumber_objects(truth)
    # Segments are numbered from 1 across the batch: those of image b follow b * R others.
    image = torch.arange(len(pred), device=pred.device)[:, None]
    shift = start - image * num_segments - 1

    on_cpu = pred.device.type == "cpu"
    length = max(1, CACHED_PIXELS // segments.shape[1]) if on_cpu else len(pred)
    counts = pred.new_zeros((len(pred) * num_segments + 1) * (num_objects + 1), dtype=torch.long)
    for i in range(0, len(pred), length):
        part = slice(i, i + length)
        # Ignored pixels, -1, are counted in an additional column of the previous segment, which for
        # the first segment is row 0. This row and this column are dropped.
        cell = objects[part].clamp_min(-1)
        cell.add_(segments[part] - shift[part], alpha=num_objects + 1)
        counts += torch.bincount(cell.flatten(), minlength=len(counts))
    table = counts.view(-1, num_objects + 1)[1:, :-1]
    return table.unflatten(0, (len(pred), num_segments)).double()


def _renumber(labels: Tensor) -> tuple[Tensor, Tensor | int, int]:
    """Number the labels of every row in order; return these, the lowest label, and their number."""
    lowest, highest = labels.aminmax(dim=1, keepdim=True)
    # float64, since the difference of extreme int64 labels overflows.
    span = int((highest.double() - lowest.double()).max())
    if span < DENSE_RANGE:
        return labels, lowest, span + 1
    ordered, order = labels.sort(dim=1)
    rank = (ordered.diff(dim=1) != 0).cumsum(1)
    rank = F.pad(rank, (1, 0))
    return torch.empty_like(labels).scatter_(1, order, rank), 0, int(rank.amax()) + 1


def _renumber_objects(truth: Tensor) -> tuple[Tensor, int]:
    """Number the true labels such that background is 0 and ignored pixels are below."""
    highest = int(truth.amax())
    if highest < DENSE_RANGE:
        return truth, max(highest, 0) + 1
    # Two pixels in front: an ignored one and a background one, so that every image has both.
    numbers, start, count = _renumber(F.pad(F.pad(truth.clamp_min(-1), (1, 0)), (1, 0), value=-1))
    return (numbers - start)[:, 2:] - 1, count - 1


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
