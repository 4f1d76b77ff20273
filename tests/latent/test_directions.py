"""Directions along which images change most."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import Tiny

from mnistgan.latent import directions
from mnistgan.models import networks
from mnistgan.sampling.generator import Generator


def generator(tiny: Tiny, **keys: object) -> Generator:
    """One that has learned nothing, with the given keys of its model."""
    config = tiny(*((f"model.{key}", value) for key, value in keys.items()))
    return Generator(networks.build_generator(config).eval(), config, 0, 0)


FAMILIES: list[dict[str, object]] = [
    {},
    {"conditional": True, "classes": ["a", "b"]},
    {"family": "dcgan", "generator": {"width": 4}, "discriminator": {"width": 4}},
]


@pytest.mark.parametrize("keys", FAMILIES)
def test_directions_are_orthonormal_and_always_the_same(
    tiny: Tiny, keys: dict[str, object]
) -> None:
    found = directions.directions(generator(tiny, **keys), 5)
    assert (found.shape, found.dtype) == ((5, 8), torch.float32)
    torch.testing.assert_close(found @ found.T, torch.eye(5))
    assert torch.equal(found, directions.directions(generator(tiny, **keys), 5))
    furthest = found.abs().argmax(dim=1, keepdim=True)
    assert (found.gather(1, furthest) > 0).all()


def test_there_are_no_more_directions_than_numbers_in_z(tiny: Tiny) -> None:
    assert directions.directions(generator(tiny), 9).shape == (8, 8)


def test_the_strongest_comes_first(tiny: Tiny) -> None:
    """A first layer that was made to answer to three numbers, each more than the next."""
    one = generator(tiny)
    first = next(layer for layer in one.network.modules() if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        first.weight.zero_()
        for row, (column, strength) in enumerate([(2, 0.5), (5, -3.0), (7, 1.0)]):
            first.weight[row, column] = strength
    expected = torch.eye(8)[[5, 7, 2]]
    torch.testing.assert_close(directions.directions(one, 3), expected)


def test_labels_play_no_part(tiny: Tiny) -> None:
    one = generator(tiny, conditional=True, classes=["a", "b"])
    before = directions.directions(one, 3)
    first = next(layer for layer in one.network.modules() if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        first.weight[:, 8:] *= 100
    assert torch.equal(before, directions.directions(one, 3))


def test_z_moves_to_a_coordinate_and_stays_elsewhere() -> None:
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(8, 3, generator=generator))[0].T
    z = torch.randn(8, generator=generator)
    before = z.clone()
    moved = directions.place(z, axes, {0: -2.5, 2: 1.0})
    np.testing.assert_allclose(axes @ moved, [-2.5, axes[1] @ z, 1.0], atol=1e-5)
    rest = torch.eye(8) - axes.T @ axes
    torch.testing.assert_close(rest @ moved, rest @ z)
    assert torch.equal(z, before)
    assert torch.equal(directions.place(z, axes, {}), z)


def test_a_long_z_and_a_narrow_layer_take_no_memory(tiny: Tiny) -> None:
    """The square of z's length would be 34 GB."""
    narrow = generator(tiny, latent_dim=65_536, generator={"widths": [2]})
    found = directions.directions(narrow, 8)
    assert found.shape == (2, 65_536)
    torch.testing.assert_close(found @ found.T, torch.eye(2))
