"""The families of G and D."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support import Tiny
from torch import nn

from mnistgan.config.sections import OutputRange
from mnistgan.models import networks

FAMILIES: list[dict[str, Any]] = [
    {},
    {"model.generator.norm": "none", "model.generator.output": "sigmoid"},
    {"model": {"family": "dcgan", "generator": {"width": 4}, "discriminator": {"width": 4}}},
]


@pytest.mark.parametrize("keys", FAMILIES)
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 1), (20, 3)])
def test_shapes_and_ranges(tiny: Tiny, keys: dict[str, Any], size: int, channels: int) -> None:
    config = tiny(*keys.items(), ("data.image_size", size), ("data.channels", channels))
    generator, discriminator = (
        networks.build_generator(config),
        networks.build_discriminator(config),
    )
    images = generator(torch.randn(3, config.model.latent_dim))
    assert images.shape == (3, channels, size, size)
    assert discriminator(images).shape == (3,)
    pixels = networks.pixel_range(config)
    assert pixels.low <= images.min()
    assert images.max() <= pixels.high


def test_widths_norm_and_activation_are_as_configured(tiny: Tiny) -> None:
    config = tiny(
        ("model.generator", {"widths": [5, 7], "activation": "leaky_relu", "slope": 0.3}),
        ("model.discriminator", {"widths": [9], "activation": "relu", "spectral_norm": True}),
    )
    generator, discriminator = (
        networks.build_generator(config),
        networks.build_discriminator(config),
    )
    linear = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in linear] == [5, 7, 784]
    norms = [layer for layer in generator.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert [(norm.num_features, norm.eps) for norm in norms] == [(5, 1e-5), (7, 1e-5)]
    slopes = [m.negative_slope for m in generator.modules() if isinstance(m, nn.LeakyReLU)]
    assert slopes == [0.3, 0.3]
    assert any(isinstance(layer, nn.ReLU) for layer in discriminator.modules())
    assert any("parametrizations" in name for name, _ in discriminator.named_parameters())
    for layer in discriminator.modules():
        if isinstance(layer, nn.Linear):
            for _ in range(50):  # the power iteration converges while training
                layer.weight  # noqa: B018 - each access in training mode takes a step of it
            norm = torch.linalg.matrix_norm(layer.weight, 2)
            torch.testing.assert_close(norm, torch.tensor(1.0), rtol=0.02, atol=0)


def test_no_discriminator_holds_batch_statistics(tiny: Tiny) -> None:
    """So that real and fake images can pass in one batch, as training does it."""
    for keys in FAMILIES:
        discriminator = networks.build_discriminator(tiny(*keys.items()))
        images = torch.rand(6, 1, 28, 28)
        together = discriminator(images)
        apart = torch.cat([discriminator(images[:2]), discriminator(images[2:])])
        torch.testing.assert_close(together, apart)


def test_first_weights_depend_on_the_seed_alone(tiny: Tiny) -> None:
    def weights(seed: int) -> torch.Tensor:
        network = networks.build_generator(tiny(("seed", seed)))
        return torch.cat([parameter.flatten() for parameter in network.parameters()])

    before = torch.random.get_rng_state()
    first = weights(0)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(weights(0), first)
    assert not torch.equal(weights(1), first)


def test_normal_init(tiny: Tiny) -> None:
    config = tiny(("model", {"family": "dcgan", "init": "normal"}))
    for network in (networks.build_generator(config), networks.build_discriminator(config)):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                assert 0.018 < layer.weight.std() < 0.022 or layer.weight.numel() < 2000


@pytest.mark.parametrize(
    ("size", "count", "start"), [(28, 2, 7), (32, 3, 4), (64, 4, 4), (48, 3, 6), (8, 2, 2)]
)
def test_stages(size: int, count: int, start: int) -> None:
    assert networks.stages(size) == count
    assert size >> count == start


@pytest.mark.parametrize("output", ["tanh", "sigmoid"])
def test_every_grey_level_survives_the_range(output: OutputRange) -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    pixels = networks.RANGES[output]
    scaled = pixels.from_uint8(levels)
    assert scaled.min() == pixels.low
    assert scaled.max().item() == pytest.approx(pixels.high)
    assert torch.equal(pixels.to_uint8(scaled), levels)
    beyond = torch.tensor([pixels.low - 1, pixels.high + 1])
    assert pixels.to_uint8(beyond).tolist() == [0, 255]


@pytest.mark.parametrize("keys", FAMILIES)
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 1), (20, 3)])
def test_the_largest_layer_is_that_of_a_forward_pass(
    tiny: Tiny, keys: dict[str, Any], size: int, channels: int
) -> None:
    config = tiny(*keys.items(), ("data.image_size", size), ("data.channels", channels))
    network = networks.build_generator(config).eval()
    sizes: list[int] = []
    for module in network.modules():
        module.register_forward_hook(lambda *call: sizes.append(call[-1].numel()))
    network(torch.zeros(1, config.model.latent_dim))
    assert networks.largest_layer(config) == max(sizes)


@pytest.mark.parametrize("output", ["tanh", "sigmoid"])
@pytest.mark.parametrize(("offset", "up"), [(0.0, 0), (0.49, 0), (0.51, 1), (0.99, 1)])
def test_pixels_are_rounded_to_the_nearest_level(
    output: OutputRange, offset: float, up: int
) -> None:
    """Rounding down would darken every image by half a level."""
    levels = torch.arange(255, dtype=torch.float64) + offset
    unit = levels / 255
    images = (unit * 2 - 1 if output == "tanh" else unit).float()
    assert networks.RANGES[output].to_uint8(images).tolist() == [n + up for n in range(255)]


def test_the_ends_of_the_ranges_are_black_and_white() -> None:
    assert networks.RANGES["tanh"].to_uint8(torch.tensor([-1.0, 1.0])).tolist() == [0, 255]
    assert networks.RANGES["sigmoid"].to_uint8(torch.tensor([0.0, 1.0])).tolist() == [0, 255]
    middle = torch.tensor([-1.0, 0.0, 0.5, 1.0])
    assert networks.RANGES["tanh"].to_unit(middle).tolist() == [0, 0.5, 0.75, 1]
    assert networks.RANGES["sigmoid"].to_unit(middle).tolist() == [-1, 0, 0.5, 1]


@pytest.mark.parametrize("init", ["default", "normal"])
@pytest.mark.parametrize("family", ["mlp", "dcgan"])
def test_initial_values_of_each_kind_of_layer(tiny: Tiny, family: str, init: str) -> None:
    """Normal: means 0 and 1 (of BatchNorm), deviation 0.02, biases 0; means to five errors."""
    sizes: dict[str, dict[str, Any]] = {
        "mlp": {"generator": {"widths": [256, 256]}, "discriminator": {"widths": [256]}},
        "dcgan": {"generator": {"width": 64}, "discriminator": {"width": 32}},
    }
    config = tiny(("model", {"family": family, "init": init, **sizes[family]}))
    norms = 0
    for network in (networks.build_generator(config), networks.build_discriminator(config)):
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                norms += 1
                assert not layer.bias.any()
                assert layer.running_mean is not None
                assert layer.running_var is not None
                assert not layer.running_mean.any()
                assert (layer.running_var == 1).all()
                if init == "default":
                    assert (layer.weight == 1).all()
            if init == "normal" and isinstance(
                layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.Linear | nn.Conv2d | nn.ConvTranspose2d
            ):
                mean = float(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d))
                count = layer.weight.numel()
                assert abs(layer.weight.mean() - mean) < 5 * 0.02 / count**0.5
                if count > 50:
                    assert abs(layer.weight.std() - 0.02) < 5 * 0.02 / (2 * count) ** 0.5
                if layer.bias is not None:
                    assert not layer.bias.any()
    assert norms == 2


@pytest.mark.parametrize("keys", FAMILIES)
@pytest.mark.parametrize("conditional", [False, True])
def test_an_outline_has_the_shapes_and_types_of_the_network(
    tiny: Tiny, keys: dict[str, Any], conditional: bool
) -> None:
    more = {"model.conditional": True, "model.classes": ["a", "b"]} if conditional else {}
    config = tiny(*keys.items(), *more.items())
    whole, outline = networks.build_generator(config), networks.outline_generator(config)
    described = [
        {name: (one.shape, one.dtype) for name, one in network.state_dict().items()}
        for network in (whole, outline)
    ]
    assert described[0] == described[1]
    assert all(one.is_meta for one in outline.state_dict().values())
