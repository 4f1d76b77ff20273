"""HTML exports, opened from disk in a browser."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from browser import Chromium, Tab
from PIL import Image
from support import Invoke, noise_images
from torch import nn

from mnistgan.arrays import Images
from mnistgan.config import toml
from mnistgan.errors import ExportError, UsageError
from mnistgan.export import layers
from mnistgan.export.html import export_html
from mnistgan.latent import directions
from mnistgan.models import networks, noise
from mnistgan.models.noise import Stream
from mnistgan.sampling import blocks
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import Generator

DIGITS = tuple("0123456789")
HOSTILE = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'\"&<!--<script>")
NOISES = 64


def generator(
    family: str = "mlp",
    classes: tuple[str, ...] = (),
    size: int = 28,
    channels: int = 1,
    gain: float = 1,
    **keys: Any,
) -> Generator:
    """An untrained generator whose BatchNorm has statistics, and whose images differ."""
    labels = {"conditional": True, "classes": list(classes)} if classes else {}
    width = {"widths": [48, 33]} if family == "mlp" else {"width": 16}
    table = {
        "name": "page",
        "data": {"name": "digits", "image_size": size, "channels": channels},
        "model": {
            "family": family,
            "latent_dim": 12,
            "init": "default",
            "generator": {**width, **keys},
            **labels,
        },
    }
    config = toml.validate(table, "page")
    network = networks.build_generator(config)
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        z = torch.randn(64, 12, generator=random)
        network(z, *([torch.arange(64) % len(classes)] if classes else []))
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(gain).add_(0.05 * torch.randn(weights.shape, generator=random))
    return Generator(network.eval(), config, 7, 1)


@contextlib.contextmanager
def opened(
    chromium: Chromium, one: Generator, folder: Path, fragment: str = "", **window: Any
) -> Iterator[Tab]:
    """A page that has drawn all its pictures; it must log no errors and request nothing."""
    path = export_html(one, folder / "page.html").path
    with chromium.open(path.as_uri() + fragment, **window) as tab:
        tab.page.locator("body[data-drawn]").wait_for()
        yield tab
        assert tab.problems == []
        assert [address.partition("#")[0] for address in tab.requests] == [path.as_uri()]


def pixels(tab: Tab, z: torch.Tensor, label: int, shape: networks.Shape) -> Images:
    """The images that the page's script computes."""
    script = "([z, label]) => z.map((one) => [...backend.pixels(one, label)])"
    drawn = np.array(tab.page.evaluate(script, [z.tolist(), label]))
    channels, height, width = shape
    return drawn.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("family", "keys"),
    [
        ("mlp", {}),
        ("mlp", {"norm": "batch", "activation": "leaky_relu", "slope": 0.3}),
        ("mlp", {"norm": "batch", "output": "sigmoid", "classes": DIGITS}),
        ("mlp", {"norm": "none", "activation": "leaky_relu", "classes": DIGITS}),
        ("mlp", {"channels": 3, "size": 32, "classes": DIGITS[:3]}),
        ("dcgan", {}),
        ("dcgan", {"classes": DIGITS}),
        ("dcgan", {"size": 32, "channels": 3, "output": "sigmoid"}),
        ("dcgan", {"size": 32, "classes": DIGITS[:2]}),
        ("mlp", {"norm": "batch", "gain": 8}),  # float32: see the next test
    ],
    ids=str,
)
def test_pixels_are_those_of_torch(
    chromium: Chromium, tmp_path: Path, family: str, keys: dict[str, Any]
) -> None:
    one = generator(family, **keys)
    z = torch.randn(NOISES, 12, generator=torch.Generator().manual_seed(1))
    with opened(chromium, one, tmp_path) as tab:
        for label in range(max(1, len(one.classes))):
            expected = one(z, torch.full([NOISES], label) if one.classes else None)
            assert expected.std() > 10  # the images are not flat
            drawn = pixels(tab, z, label, networks.image_shape(one.config))
            assert np.abs(drawn - expected.astype(int)).max() <= 2


def test_z_is_that_of_sample(chromium: Chromium, tmp_path: Path) -> None:
    one = generator()
    with opened(chromium, one, tmp_path) as tab:
        for seed in [*range(300), 2**53 + 1, 2**63 - 1]:
            for truncation in (None, 0.2, 1.5, 3.0):
                z = SamplingOptions(seed, truncation=truncation).z(0, 12)[0]
                script = "([seed, truncation]) => [...backend.z(seed, truncation)]"
                drawn = tab.page.evaluate(script, [str(seed), truncation])
                np.testing.assert_allclose(drawn, z, atol=1e-5)


@pytest.mark.parametrize(("gain", "precision"), [(1, "int16"), (8, "float32")])
def test_the_precision_holds_the_pixels(tmp_path: Path, gain: float, precision: str) -> None:
    result = export_html(generator(norm="batch", gain=gain), tmp_path / "page.html")
    assert result.precision == precision
    assert result.difference <= 2
