"""The classifier: stages, shared transitions, ensembling, and that it can learn."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from kuramoto_nn.models import AKOrNClassifier, AKOrNClassifierConfig
from tests.models import small


def test_stages_halve_the_grid_and_double_the_channels():
    model = small.build("classifier")
    shapes = []
    for block in model.blocks:
        block.layer.register_forward_pre_hook(lambda layer, args: shapes.append(args[0].shape[1:]))
    images, noise = small.inputs(model)
    assert model(images, **noise).shape == (3, 10)
    assert shapes == [(8, 32, 32), (16, 16, 16), (32, 8, 8)]
    odd = model(torch.rand(2, 3, 37, 20))  # sides need not be even
    assert odd.shape == (2, 10)


def test_ensemble_is_the_mean_over_noises():
    model = small.build("classifier")
    images, _ = small.inputs(model)

    def generator():
        return torch.Generator().manual_seed(1)

    one = generator()
    expected = torch.stack([model(images, generator=one) for _ in range(3)]).mean(0)
    assert_close(model.ensemble(images, 3, generator=generator()), expected)
    assert_close(
        model.ensemble(images, 1, generator=generator()), model(images, generator=generator())
    )
    for wrong in (0, 2.5):
        with pytest.raises(ValueError, match="`num_samples` must be an integer of at least 1: got"):
            model.ensemble(images, wrong)


def test_ensembles_do_not_lose_small_terms_in_half_precision():
    model = small.build("classifier").bfloat16()
    images = torch.rand(1, 3, 8, 8, dtype=torch.bfloat16)
    one = torch.Generator().manual_seed(0)
    mean = torch.stack([model(images, generator=one).float() for _ in range(300)]).mean(0)
    many = model.ensemble(images, 300, generator=torch.Generator().manual_seed(0))
    assert many.dtype == torch.bfloat16
    assert_close(many.float(), mean, atol=2e-3, rtol=1e-2)


def test_learns_which_half_is_bright():
    torch.manual_seed(0)
    config = AKOrNClassifierConfig(
        channels=8, num_blocks=2, kernel_size=3, num_classes=2, num_steps=2
    )
    model = AKOrNClassifier(config)
    labels = torch.arange(16) % 2
    images = 0.2 * torch.rand(16, 3, 16, 16)
    images[labels == 1, :, :8] += 0.8
    images[labels == 0, :, 8:] += 0.8
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(40):
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (model.eval()(images).argmax(1) == labels).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small.build("classifier")(torch.zeros(1, 1, 8, 8)), r"\(B, 3, H, W\): got shape"),
        (
            lambda: small.build("classifier")(torch.zeros(1, 3, 8, 8, dtype=torch.uint8)),
            "must be floating point in .*got torch.uint8; try images / 255",
        ),
        (
            lambda: AKOrNClassifierConfig(kernel_size=()),
            r"`kernel_size` .* an entry per block, num_blocks = 3: got 0 entries, \(\)",
        ),
        (
            lambda: AKOrNClassifierConfig(kernel_size=(3, 0, 3)),
            "must be a positive integer or a list of positive integers",
        ),
        (lambda: AKOrNClassifier(AKOrNClassifierConfig(kernel_size=4)), "must be odd"),
        (lambda: AKOrNClassifierConfig(position="gta"), '"gta" lies inside the attention'),
        (
            lambda: AKOrNClassifierConfig(
                channels=6, num_blocks=2, coupling=("convolution", "attention"), kernel_size=3
            ),
            "`num_heads` must divide `channels`: got 8 and 12",
        ),
    ],
)
def test_wrong_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
