"""Mean best overlap (MBO)."""

from torch import Tensor

from kuramoto_nn.metrics._contingency import contingency_table


def mean_best_overlap(pred: Tensor, target: Tensor, *, ignore_index: int | None = None) -> Tensor:
    r"""Mean over the true objects of the best IoU with any predicted segment, per image (MBO).

    .. math:: \mathrm{MBO} = \frac{1}{J} \sum_{j=1}^{J} \max_i \frac{|S_i \cap O_j|}{|S_i \cup O_j|}

    The objects :math:`O_j` are the labels above 0. Segments :math:`S_i` include their pixels on
    the background, which enlarges the union, but not those on ignored pixels. One segment may be
    the best of several objects. With a map of classes as the target this is the class-level MBO
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
        >>> import torch
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
