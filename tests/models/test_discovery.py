"""Object discovery: other sizes, and what goes wrong."""

import pytest
import torch

from kuramoto_nn.layers import _images
from kuramoto_nn.models import AKOrN, AKOrNConfig
from tests.models import small


@pytest.mark.parametrize("name", ["attention", "convolution", "deep", "itrsa", "itrconv"])
def test_other_image_sizes(name):
    model = small.build(name)
    assert model(torch.rand(2, 3, 40, 24)).shape == (2, 64)
    assert model.features(torch.rand(2, 3, 40, 24)).shape[2:] in ((10, 6), (5, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: AKOrN.from_preset("tetris"),
            "`name` must be a preset of AKOrN: got 'tetris'; try",
        ),
        (
            lambda: AKOrN.from_preset("clevr-attn", chanels=8),
            "AKOrNConfig has no field 'chanels'; its fields are channels",
        ),
        (
            lambda: AKOrNConfig(coupling="conv"),
            "`coupling` must be one of .* or a list of these: got 'conv'",
        ),
        (
            lambda: AKOrNConfig(stimulus_norm="gn"),
            "`stimulus_norm` must be one of .*None: got 'gn'",
        ),
        (lambda: AKOrNConfig(coupling="convolution"), '"gta" lies inside the attention: .*or None'),
        (lambda: AKOrNConfig(channels=0), "`channels` must be a positive integer: got 0"),
        (lambda: AKOrNConfig(channels=16.0), "`channels` must be a positive integer: got 16.0"),
        (
            lambda: AKOrNConfig(image_size=(32,)),
            "`image_size` must be a positive integer or a list of 2",
        ),
        (lambda: AKOrNConfig(image_size="32"), "`image_size` must be a positive integer or"),
        (lambda: AKOrNConfig(project=1), "`project` must be true or false: got 1"),
        (
            lambda: AKOrNConfig(num_steps=True),
            "`num_steps` must be a positive integer or a list of positive integers: got True",
        ),
        (lambda: AKOrNConfig(step_size=float("nan")), "`step_size` must be a finite number"),
        (lambda: AKOrNConfig(image_size=30), "`image_size` must be a multiple of `patch_size`"),
        (lambda: AKOrNConfig(channels=30), "`num_heads` must divide `channels`: got 8 and 30"),
        (lambda: AKOrN(AKOrNConfig(channels=32, oscillator_dim=5)), "divisible.*32 and 5"),
        (
            lambda: small.build("attention")(torch.zeros(2, 3, 30, 32)),
            "multiples of the patch size",
        ),
    ],
)
def test_wrong_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_configuration_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="`config` must be a AKOrNConfig: got dict"):
        AKOrN({"channels": 8})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["attention", "itrsa", "classifier"])
def test_pixels_far_outside_the_unit_interval_are_warned_of_once(name):
    _images._warn_of_range.cache_clear()
    model = small.build(name)
    model(torch.rand(1, 3, 32, 32) * 1.6 - 0.3)  # as after bicubic interpolation
    for images in (255 * torch.rand(1, 3, 32, 32), 2 * torch.rand(1, 3, 32, 32) - 1):
        _images._warn_of_range.cache_clear()
        with pytest.warns(UserWarning, match=r"`images` should be in \[0, 1\].*try images / 255"):
            model(images)
        model(images)  # a second warning would be an error


def test_export_and_transforms_do_not_look_at_pixels():
    _images._warn_of_range.cache_clear()
    model, images = small.build("attention"), 255 * torch.rand(2, 3, 32, 32)
    noise = torch.zeros(2, 64, 8, 8)
    torch.export.export(model, (images,), {"noise": noise})
    torch.func.vmap(lambda image, start: model(image[None], noise=start[None]))(images, noise)
