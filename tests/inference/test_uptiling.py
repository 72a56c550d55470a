"""Up-tiling: the authors' views, and maps that interleave."""

import pytest
import torch
from torch.testing import assert_close

from kuramoto_nn.inference import uptile_views, uptiled_features
from tests import golden


def test_uptile_views_equal_the_authors(shared):
    meta, _, arrays = golden.read(shared, "uptile_views")
    views = uptile_views(arrays["image"], patch_size=meta["patch_size"], factor=meta["factor"])
    assert_close(views, arrays["views"], atol=1e-9, rtol=1e-9)


def test_uptiled_features_interleave_the_views():
    """With the mean of each patch as feature, the finer map is the mean at each shift."""
    images = torch.rand(2, 3, 16, 12)

    def mean(view):
        return torch.nn.functional.avg_pool2d(view, 4)

    fine = uptiled_features(mean, images, patch_size=4, factor=4)
    assert fine.shape == (2, 3, 16, 12)
    larger = torch.nn.functional.interpolate(images, (19, 15), mode="bicubic", align_corners=False)
    assert_close(fine, torch.nn.functional.avg_pool2d(larger, 4, stride=1))
    assert_close(uptiled_features(mean, images, patch_size=4, factor=1), mean(images))


@pytest.mark.parametrize(
    ("shape", "factor", "message"),
    [
        ((1, 3, 8, 8), 3, "`factor` must divide `patch_size`: got 3 and 4; try 1, 2, 4"),
        ((1, 3, 8, 8), 0, "`factor` must be an integer of at least 1: got 0"),
        ((3, 8, 8), 2, r"`images` must be \(B, 3, H, W\): got shape \(3, 8, 8\)"),
    ],
)
def test_wrong_input_is_named(shape, factor, message):
    with pytest.raises(ValueError, match=message):
        uptile_views(torch.zeros(shape), patch_size=4, factor=factor)
