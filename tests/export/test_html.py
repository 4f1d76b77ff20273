"""HTML exports, opened from disk in a browser."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from browser import Chromium, Tab
from PIL import Image
from support import Invoke
from torch import nn

from mnistgan.arrays import Images
from mnistgan.config import toml
from mnistgan.errors import ExportError, UsageError
from mnistgan.export import layers
from mnistgan.export.html import export_html
from mnistgan.models import networks
from mnistgan.play.pictures import Pictures, parse
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import Generator, load_generator

DIGITS = tuple("0123456789")
HOSTILE = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'\"&<!--<script>")
NOISES = 64


def generator(
    family: str = "mlp",
    classes: tuple[str, ...] = (),
    size: int = 28,
    channels: int = 1,
    gain: float = 1,
    latent_dim: int = 12,
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
            "latent_dim": latent_dim,
            "init": "default",
            "generator": {**width, **keys},
            **labels,
        },
    }
    config = toml.validate(table, "page")
    network = networks.build_generator(config)
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        z = torch.randn(64, latent_dim, generator=random)
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
    compare(chromium, generator(family, **keys), tmp_path)


@pytest.mark.parametrize(
    ("name", "megabytes"), [("mnist-mlp", 2.5), ("mnist", 3), ("quickstart", 1)]
)
def test_pixels_of_the_generators_that_ship(
    chromium: Chromium, tmp_path: Path, name: str, megabytes: float
) -> None:
    compare(chromium, load_generator(name), tmp_path)
    assert (tmp_path / "page.html").stat().st_size < megabytes * 1e6


def compare(chromium: Chromium, one: Generator, folder: Path) -> None:
    """Compare the page's images with PyTorch's: the same noises in every class."""
    latent_dim = one.config.model.latent_dim
    z = torch.randn(NOISES, latent_dim, generator=torch.Generator().manual_seed(1))
    with opened(chromium, one, folder) as tab:
        for label in range(max(1, len(one.classes))):
            expected = one(z, torch.full([NOISES], label) if one.classes else None)
            assert expected.std() > 10  # the images are not flat
            drawn = pixels(tab, z, label, networks.image_shape(one.config))
            assert np.abs(drawn - expected.astype(int)).max() <= 2


def test_z_is_that_of_sample(chromium: Chromium, tmp_path: Path) -> None:
    one = generator(latent_dim=1000)
    script = "([seeds, truncation]) => seeds.map((one) => [...backend.z(one, truncation)])"
    with opened(chromium, one, tmp_path) as tab:
        # 60,000 numbers: about 800 need the ziggurat's slow branch, and 15 its tail.
        seeds = [*range(58), 2**53 + 1, 2**63 - 1]
        for truncation, some in ((None, seeds), (0.2, seeds[-2:]), (1.5, seeds[-2:])):
            drawn = tab.page.evaluate(script, [[str(seed) for seed in some], truncation])
            for seed, z in zip(some, drawn, strict=True):
                expected = SamplingOptions(seed, truncation=truncation).z(0, 1000)[0]
                np.testing.assert_allclose(z, expected, rtol=0, atol=3e-6)


QUERIES = (
    "seed=5",
    f"seed={2**63 - 1}&truncation=0.7",
    "seed=5&label=1&s1=-2.5&s8=1.25",
    "seed=7&label=2&s3=1&truncation=1.5&sheet=axes",
    f"seed={2**63 - 4}&label=1&truncation=2&sheet=seeds",
    "seed=3&s2=1&label=0&sheet=classes",
)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_query_has_the_picture_of_play(chromium: Chromium, tmp_path: Path, channels: int) -> None:
    one = generator(classes=DIGITS[:3], channels=channels)
    play = Pictures(one)
    script = """async (query) => {
        const { width, height } = await backend.image(query);
        const pen = (await backend.image(query)).getContext("2d");
        return [width, height, [...pen.getImageData(0, 0, width, height).data]];
    }"""
    with opened(chromium, one, tmp_path) as tab:
        for text in QUERIES:
            query = parse(parse_qsl(text))
            width, height, data = tab.page.evaluate(script, text)
            drawn = np.array(data).reshape(height, width, 4)[..., :3]
            picture = np.asarray(Image.open(io.BytesIO(play.png(query))).convert("RGB")).astype(int)
            if query.sheet != "one":  # a sheet of play has black gaps of 2 pixels
                keep = [np.arange(size) for size in picture.shape[:2]]
                rows, columns = (at[(at % 30 >= 2)] for at in keep)
                picture = picture[rows][:, columns]
            assert np.abs(drawn - picture).max() <= 2, text
            point = tab.page.evaluate("(query) => backend.point(query)", text)
            np.testing.assert_allclose(point, play.coordinates(query), atol=2e-4)


def test_every_control_changes_the_picture(chromium: Chromium, tmp_path: Path) -> None:
    with opened(chromium, generator(classes=DIGITS), tmp_path) as tab:
        page = tab.page

        def shown(*parameters: str) -> bytes:
            page.locator(
                "body" + "".join(f'[data-drawn*="{one}"]' for one in parameters)
            ).wait_for()
            return page.locator("#picture").screenshot()

        shots = [shown("seed=0", "label=0")]
        page.get_by_label("7", exact=True).check()
        shots.append(shown("label=7"))
        page.get_by_label("Direction 1", exact=True).fill("2.5")
        shots.append(shown("s1=2.5"))
        page.get_by_label("Variety").fill("0.5")
        shots.append(shown("truncation=0.5"))
        page.get_by_label("Seed", exact=True).fill("42")
        shots.append(shown("seed=42"))
        page.get_by_label("Show single pixels").check()
        page.wait_for_url("**pixels=1")
        shots.append(page.locator("#picture").screenshot())
        assert len(set(shots)) == len(shots)
        address = page.url
        page.goto("about:blank")
        page.goto(address)
        assert shown("seed=42") == shots[-1]
        with page.expect_download() as download:
            page.get_by_role("link", name="Save as PNG").click()
        assert download.value.suggested_filename == "mnistgan-seed-42-label-7-truncation-0.5.png"
        with Image.open(download.value.path()) as saved:
            assert (saved.format, saved.size) == ("PNG", (448, 448))
        tab.requests[:] = tab.requests[:1]  # visited by this test


def test_names_are_text(chromium: Chromium, tmp_path: Path) -> None:
    one = generator(classes=HOSTILE)
    data = one.config.data.model_copy(update={"name": HOSTILE[0]})
    config = one.config.model_copy(update={"name": HOSTILE[1], "data": data})
    hostile = Generator(one.network, config, 0, 0)
    with opened(chromium, hostile, tmp_path) as tab:
        assert [one.inner_text() for one in tab.page.locator(".tile").all()] == list(HOSTILE)
        assert tab.page.locator("#data").inner_text() == HOSTILE[0]
        assert tab.page.title() == f"Explore a generator of {HOSTILE[0]} images"
        assert HOSTILE[1] in (tab.page.locator("#about").text_content() or "")
        assert tab.page.locator("img").count() == 0
        assert tab.page.locator("script").count() == 4


def test_no_other_script_runs_and_nothing_is_fetched(chromium: Chromium, tmp_path: Path) -> None:
    path = export_html(generator(), tmp_path / "page.html").path
    content = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|\bsrc=|@import|url\(", content)
    path.write_text(
        content.replace("</body>", "<script>document.title = 'inline'</script></body>").replace(
            "<main>", "<main onclick=\"document.title = 'handler'\">"
        ),
        encoding="utf-8",
    )
    with chromium.open(path.as_uri()) as tab:
        tab.page.locator("body[data-drawn]").wait_for()
        tab.page.get_by_role("heading", name="Explore").click()
        tab.page.locator("main").click(position={"x": 3, "y": 3})
        for attempt in (
            "fetch('http://127.0.0.1:9/')",
            "import('data:text/javascript,0')",
            "new Function('')()",
        ):
            script = f"async () => {{ try {{ await {attempt}; return 1; }} catch {{ return 0; }} }}"
            if "Function" not in attempt:  # Playwright's own code may call eval
                assert tab.page.evaluate(script) == 0
        assert tab.page.title() == "Explore a generator of digits images"
        assert [address.partition("#")[0] for address in tab.requests] == [path.as_uri()]
        assert all("Content Security Policy" in problem for problem in tab.problems)
        assert len(tab.problems) >= 3


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (360, "light")])
def test_a_phone(chromium: Chromium, tmp_path: Path, width: int, scheme: Any) -> None:
    one = generator(classes=DIGITS)
    with opened(chromium, one, tmp_path, width=width, height=640, scheme=scheme, touch=True) as tab:
        assert tab.overflow() == 0
        tab.page.get_by_label("Direction 8").scroll_into_view_if_needed()
        box = tab.page.locator("#picture").bounding_box()
        assert box
        assert box["y"] >= 0


# The file --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gain", "precision"), [(1, "int16"), (8, "float32")])
def test_the_precision_holds_the_pixels(tmp_path: Path, gain: float, precision: str) -> None:
    result = export_html(generator(norm="batch", gain=gain), tmp_path / "page.html")
    assert result.precision == precision
    assert result.difference <= 2


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_network_that_is_not_finite_is_refused(tmp_path: Path, weight: float) -> None:
    one = generator()
    with torch.no_grad():
        next(one.network.parameters())[0, 0] = weight
    with pytest.raises(ExportError, match="not finite"):
        export_html(one, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_differs_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = layers.forward
    monkeypatch.setattr(layers, "forward", lambda *given: original(*given) + 3.1 / 127.5)
    target = tmp_path / "page.html"
    target.write_bytes(b"the one before")
    with pytest.raises(ExportError, match=r"would differ from PyTorch's by [34] of 255"):
        export_html(generator(), target)
    assert target.read_bytes() == b"the one before"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "module", [nn.Softmax(dim=1), nn.ConvTranspose2d(1, 1, 3), nn.Sequential(nn.Tanh())], ids=str
)
def test_another_layer_is_refused(tmp_path: Path, module: nn.Module) -> None:
    one = generator()
    assert isinstance(one.network, nn.Sequential)
    network = nn.Sequential(*list(one.network)[:-2], module)
    with pytest.raises(ExportError, match="a layer that a page cannot compute"):
        export_html(Generator(network, one.config, 0, 0), tmp_path / "page.html")


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"use \.html"):
        export_html(generator(), tmp_path / "page.htm")


def test_the_command(invoke: Invoke, trained: Path) -> None:
    result = invoke("export", "--ckpt", trained, "--out", "digits.html")
    assert result.exit_code == 0, result.output
    assert result.stdout == "digits.html\n"
    assert re.search(r"MB, weights as int16; greatest difference to torch [012] of", result.stderr)
    assert Path("digits.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    refused = invoke("export", "--ckpt", trained, "--out", "digits.htm")
    assert refused.exit_code == 2
    assert "use .onnx, .safetensors, .html" in refused.stderr
