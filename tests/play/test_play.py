"""The page of ``mnistgan play``: its server, its pictures, and the page in a browser."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
import pytest
import torch
from browser import Chromium, Tab
from PIL import Image
from support import Invoke, heard_signals

from mnistgan.config import toml
from mnistgan.models import networks
from mnistgan.play import server
from mnistgan.sampling import blocks
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import Generator
from mnistgan.storage import checkpoint

HOSTILE = ("<img src=x onerror=alert(1)>", "'\"&", "c")
DIGITS = tuple("0123456789")


def generator(classes: tuple[str, ...] = (), **model: Any) -> Generator:
    """An untrained generator whose images differ."""
    labels = {"conditional": True, "classes": list(classes)} if classes else {}
    table = {
        "name": "play",
        "data": {"name": "digits"},
        "model": {"latent_dim": 12, "generator": {"widths": [16]}, **labels, **model},
    }
    config = toml.validate(table, "play")
    network = networks.build_generator(config).eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(4)
    return Generator(network, config, 7, 1)


@pytest.fixture(scope="module")
def plain() -> Generator:
    return generator()


@dataclass(frozen=True)
class Answer:
    """The response of a server."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass(frozen=True)
class Client:
    """Sends requests exactly as given: paths are not normalized."""

    url: str

    def get(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        host = self.url.removeprefix("http://").removesuffix("/")
        with contextlib.closing(http.client.HTTPConnection(host)) as connection:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, fields, answer.read())


@contextlib.contextmanager
def served(one: Generator) -> Iterator[str]:
    """The address of a page, served within the context."""
    running = server.Server(one, 0)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running.url
    finally:
        running.stop()
        thread.join()


@pytest.fixture(scope="module")
def client(plain: Generator) -> Iterator[Client]:
    with served(plain) as url:
        yield Client(url)


@pytest.fixture(scope="module")
def labeled() -> Iterator[Client]:
    with served(generator(DIGITS)) as url:
        yield Client(url)


def pixels(answer: Answer) -> npt.NDArray[np.uint8]:
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


class TestPictures:
    def test_a_seeds_picture_is_the_first_that_sample_draws(
        self, plain: Generator, client: Client
    ) -> None:
        drawn = next(blocks.sample_blocks(plain, 1, SamplingOptions(5, truncation=1.5)))
        shown = pixels(client.get("/image?seed=5&truncation=1.5"))
        assert np.abs(shown.astype(int) - drawn[0, 0]).max() <= 1

    def test_the_same_address_gives_the_same_bytes(self, plain: Generator, client: Client) -> None:
        with served(plain) as url:
            for query in ("", "seed=1&s2=-1.25", "sheet=axes&seed=3", "sheet=seeds&truncation=0.5"):
                again = Client(url).get(f"/image?{query}").content
                assert client.get(f"/image?{query}").content == again

    @pytest.mark.parametrize("query", ["seed=1", "truncation=0.5", "s1=3", "s8=-3", "seed=1&s3=1"])
    def test_each_parameter_changes_the_picture(self, client: Client, query: str) -> None:
        assert (pixels(client.get(f"/image?{query}")) != pixels(client.get("/image"))).any()

    def test_a_seeds_own_coordinates_change_nothing(self, client: Client) -> None:
        own = json.loads(client.get("/point?seed=9").content)
        assert len(own) == 8
        inside = {f"s{n}": value for n, value in enumerate(own, 1) if abs(value) <= 3}
        still = pixels(client.get(f"/image?{urlencode({'seed': 9, **inside})}"))
        moved = np.abs(still.astype(int) - pixels(client.get("/image?seed=9")))
        assert moved.max() <= 1
        there = json.loads(client.get("/point?seed=9&s2=-1.5").content)
        np.testing.assert_allclose(there, [own[0], -1.5, *own[2:]], atol=1e-3)

    def test_digits(self, labeled: Client) -> None:
        row = pixels(labeled.get("/image?seed=4&sheet=classes"))
        assert row.shape == (28 + 4, 10 * 30 + 2)
        seven = pixels(labeled.get("/image?seed=4&label=7"))
        cut = row[2:30, 2 + 7 * 30 : 2 + 7 * 30 + 28]
        assert np.abs(cut.astype(int) - seven).max() <= 1
        assert (seven != pixels(labeled.get("/image?seed=4&label=6"))).any()

    def test_the_next_seeds(self, client: Client) -> None:
        row = pixels(client.get(f"/image?seed={2**63 - 2}&sheet=seeds"))
        for index, seed in enumerate([2**63 - 1, 0, 1]):
            cut = row[2:30, 2 + index * 30 : 30 + index * 30].astype(int)
            assert np.abs(cut - pixels(client.get(f"/image?seed={seed}"))).max() <= 1

    def test_along_the_axes(self, client: Client) -> None:
        sheet = pixels(client.get("/image?seed=2&s1=0.5&sheet=axes"))
        assert sheet.shape == (8 * 30 + 2, 7 * 30 + 2)
        cut = sheet[2 + 3 * 30 : 30 + 3 * 30, 2 + 6 * 30 : 30 + 6 * 30].astype(int)
        assert np.abs(cut - pixels(client.get("/image?seed=2&s1=0.5&s4=3"))).max() <= 1

    def test_a_large_one_repeats_pixels(self, client: Client) -> None:
        small, large = (pixels(client.get(f"/image?side={side}")) for side in (1, 448))
        np.testing.assert_array_equal(large[8::16, 8::16], small)
        assert large.shape == (448, 448)

    def test_a_smooth_one_is_bicubic(self, client: Client) -> None:
        small, large = (
            pixels(client.get("/image")),
            pixels(client.get("/image?side=224&smooth=true")),
        )
        expected = Image.fromarray(small).resize((224, 224), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(large, np.asarray(expected))

    def test_in_color_with_few_numbers_in_z(self) -> None:
        one = generator(latent_dim=2)
        config = toml.override(toml.to_table(one.config), [("data.channels", 3)])
        network = networks.build_generator(toml.validate(config, "")).eval()
        colored = Generator(network, toml.validate(config, ""), 0, 0)
        with served(colored) as url:
            client = Client(url)
            assert pixels(client.get("/image?s2=1")).shape == (28, 28, 3)
            assert pixels(client.get("/image?side=50&smooth=true")).shape == (56, 56, 3)
            assert pixels(client.get("/image?sheet=axes")).shape == (2 * 30 + 2, 7 * 30 + 2, 3)
            assert client.get("/image?s3=1").status == 400


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("seed=-1", "seed: "),
            ("seed=1.5", "seed: "),
            (f"seed={2**63}", "seed: "),
            ("seed=" + "9" * 5000, "seed: "),
            ("seed=1&seed=2", "seed: is given twice"),
            ("s1=1&s1=2", "s1: is given twice"),
            ("s1=nan", "s1: "),
            ("s1=inf", "s1: "),
            ("s1=3.1", "s1: "),
            ("s1=", "s1: "),
            ("s9=1", "s9: there are 8 directions"),
            ("s0=1", "s0: no such parameter"),
            ("s=1", "s: add the number of the direction"),
            ("truncation=0", "truncation: "),
            ("truncation=nan", "truncation: "),
            ("truncation=1e999", "truncation: "),
            ("label=3", "label: there are 0 classes"),
            ("sheet=classes", "sheet: this generator was trained without labels"),
            ("sheet=/etc/passwd", "sheet: "),
            ("smooth=very", "smooth: "),
            ("side=1025", "side: "),
            ("side=0", "side: "),
            ("file=/etc/passwd", "file: no such parameter"),
            ("x" * 5000 + "=1", "xxxx"),
        ],
    )
    def test_a_parameter(self, client: Client, query: str, message: str) -> None:
        answer = client.get(f"/image?{query}")
        assert answer.status == 400
        assert answer.text.startswith(message)
        assert answer.text.count("\n") == 1
        assert len(answer.text) < 200
        assert answer.headers["content-type"].startswith("text/plain")

    def test_a_points_parameter(self, client: Client) -> None:
        for query in ("s1=nan", "s9=1", "seed=x", "file=/etc/passwd"):
            assert client.get(f"/point?{query}").status == 400

    def test_a_missing_class(self, labeled: Client) -> None:
        assert "there are 10 classes" in labeled.get("/image?label=10").text

    @pytest.mark.parametrize(
        "path",
        [
            "/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/page.css/../server.py",
            "/page/page.css",
            "/index.html",
            "/etc/passwd",
            "//etc/passwd",
            "/image/",
            "/image/g.pt",
        ],
    )
    def test_any_other_path(self, client: Client, path: str) -> None:
        assert client.get(path).status == 404

    @pytest.mark.parametrize("host", ["example.org", "example.org:8000", "127.0.0.1.example.org"])
    def test_another_hosts_name(self, client: Client, host: str) -> None:
        for path in ("/", "/image", "/about"):
            assert client.get(path, headers={"Host": host}).status == 400

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
    def test_other_methods(self, client: Client, method: str) -> None:
        for path in ("/", "/image", "/about", "/page.js"):
            assert client.get(path, method).status == 405


@pytest.mark.parametrize("path", ["/", "/page.js", "/image", "/about", "/none", "/image?seed=x"])
def test_every_answer_keeps_to_itself(client: Client, path: str) -> None:
    headers = client.get(path, headers={"Origin": "http://example.org"}).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert not any(name.startswith("access-control") for name in headers)


def test_the_page_names_nothing_elsewhere(client: Client) -> None:
    for path in ("/", "/page.css", "/page.js", "/backend.js"):
        assert not re.search(r"https?:|//\w|<style|style=|onclick", client.get(path).text)


# In a browser ----------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(
    chromium: Chromium, one: Generator, fragment: str = "", **window: Any
) -> Iterator[tuple[Tab, str]]:
    """A page that has drawn all its pictures, and its address; it must log no errors."""
    with served(one) as url, chromium.open(url + fragment, **window) as tab:
        tab.page.locator("body[data-drawn]").wait_for()
        yield tab, url
        assert tab.problems == []
        assert tab.requests
        assert all(address.startswith(url) for address in tab.requests)


def picture(tab: Tab, *parameters: str) -> bytes:
    """A screenshot of the picture, once the page has drawn a state with these parameters."""
    tab.page.locator("body" + "".join(f'[data-drawn*="{one}"]' for one in parameters)).wait_for()
    return tab.page.locator("#picture").screenshot()


def test_every_control_changes_the_picture(chromium: Chromium) -> None:
    with opened(chromium, generator(DIGITS)) as (tab, _):
        page = tab.page
        screenshots = [picture(tab, "seed=0", "label=0")]
        page.get_by_label("7", exact=True).check()
        screenshots.append(picture(tab, "label=7"))
        page.get_by_label("Direction 1", exact=True).fill("2.5")
        screenshots.append(picture(tab, "s1=2.5"))
        page.get_by_label("Direction 1", exact=True).press("ArrowLeft")
        screenshots.append(picture(tab, "s1=2.45"))
        page.locator("#sliders canvas").nth(2).click(position={"x": 3, "y": 5})
        screenshots.append(picture(tab, "s3=-3"))
        page.get_by_label("Variety").fill("0.5")
        screenshots.append(picture(tab, "truncation=0.5"))
        shared = page.url
        page.get_by_role("button", name="Reset sliders").click()
        page.locator("body:not([data-drawn*=s1])").wait_for()
        screenshots.append(page.locator("#picture").screenshot())
        page.get_by_label("Seed", exact=True).fill("42")
        screenshots.append(picture(tab, "seed=42"))
        assert len(set(screenshots)) == len(screenshots)
        assert "seed=0&label=7&truncation=0.5&s1=2.45&s3=-3" in shared
        page.goto("about:blank")
        page.goto(shared)
        assert picture(tab, "s3=-3") == screenshots[5]
        assert page.get_by_label("7", exact=True).is_checked()
        assert page.get_by_label("Direction 3").input_value() == "-3"


def test_a_random_picture_and_a_saved_one(chromium: Chromium, tmp_path: Path) -> None:
    with opened(chromium, generator()) as (tab, url):
        page = tab.page
        before = picture(tab, "seed=0")
        page.get_by_role("button", name="Random picture").click()
        page.locator("body:not([data-drawn*='seed=0'])").wait_for()
        assert page.locator("#picture").screenshot() != before
        seed = page.get_by_label("Seed", exact=True).input_value()
        assert f"seed={seed}" in page.url
        with page.expect_download() as download:
            page.get_by_role("link", name="Save as PNG").click()
        assert download.value.suggested_filename == f"mnistgan-seed-{seed}.png"
        download.value.save_as(tmp_path / "picture.png")
        with urllib.request.urlopen(f"{url}image?seed={seed}&side=448&smooth=true") as answer:
            assert (tmp_path / "picture.png").read_bytes() == answer.read()
        page.get_by_label("Direction 2").fill("-2")
        picture(tab, "s2=-2")
        page.get_by_role("button", name=f"Seed {int(seed) + 3}", exact=True).click()
        picture(tab, f"seed={int(seed) + 3}")
        assert "s2" not in page.url


def test_an_animation_moves_all_sliders_until_it_is_stopped(chromium: Chromium) -> None:
    with opened(chromium, generator(DIGITS), "#seed=3&label=4&s1=2.5") as (tab, _):
        page, picture = tab.page, tab.page.locator("#picture")
        sliders = [page.get_by_label(f"Direction {axis}", exact=True) for axis in range(1, 9)]
        before = [float(one.input_value()) for one in sliders]
        button = page.get_by_role("button", name="Reset sliders").bounding_box
        place = button()
        page.get_by_role("button", name="Animate").click()
        addresses: set[str | None] = set()
        while len(addresses) < 20:
            addresses.add(picture.get_attribute("data-address"))
        with page.expect_download() as download:  # the picture of this moment
            page.get_by_role("link", name="Save as PNG").click()
        assert "-s8-" in download.value.suggested_filename
        assert button() == place
        page.get_by_role("button", name="Stop").click()
        page.wait_for_url("**&s8=*")
        after = [float(one.input_value()) for one in sliders]
        assert all(old != new for old, new in zip(before, after, strict=True))
        assert all(
            abs(new) <= max(1.42, abs(old)) + 0.05 for old, new in zip(before, after, strict=True)
        )
        assert page.get_by_label("4", exact=True).is_checked()
        address = picture.get_attribute("data-address")
        page.wait_for_timeout(200)  # milliseconds
        assert picture.get_attribute("data-address") == address
        page.get_by_role("button", name="Animate").click()
        page.get_by_role("button", name="Reset sliders").click()
        page.locator("body:not([data-drawn*=s1])").wait_for()
        assert "s1" not in page.url


def sampled(invoke: Invoke, path: Path, seed: object) -> npt.NDArray[np.uint8] | None:
    """The image that ``mnistgan sample`` draws from a seed, or None if it refuses the seed."""
    result = invoke("sample", "--ckpt", path, "-n", 1, "--seed", seed, "--format", "npz")
    if result.exit_code == 2:
        return None
    with np.load("samples.npz", allow_pickle=False) as arrays:
        return np.asarray(arrays["images"][0])


def test_the_page_takes_the_seeds_that_sample_takes(
    chromium: Chromium, invoke: Invoke, tmp_path: Path
) -> None:
    one = generator()
    state = {"generator": one.network.state_dict(), "step": 0, "epoch": 0}
    checkpoint.save_generator(tmp_path / "g.pt", one.config, state)
    with opened(chromium, one) as (tab, url):
        field, text = tab.page.get_by_label("Seed", exact=True), tab.page.locator("#seed-help")
        for seed in ("5", "007", str(2**53 + 1), str(2**63 - 1)):
            field.fill(seed)
            picture(tab, f"seed={int(seed)}")
            assert f"seed={int(seed)}&" in f"{tab.page.url}&"
            with urllib.request.urlopen(f"{url}image?seed={int(seed)}") as answer:
                shown = np.asarray(Image.open(io.BytesIO(answer.read()))).astype(int)
            drawn = sampled(invoke, tmp_path / "g.pt", seed)
            assert drawn is not None
            assert np.abs(shown - drawn).max() <= 1  # see mnistgan/play/pictures.py
            assert text.inner_text() == "The same seed always gives the same picture."
        assert tab.page.get_by_role("button", name="Seed 0", exact=True).is_visible()
        before = picture(tab, f"seed={2**63 - 1}")
        for seed in ("-5", "1.5", str(2**63), "1e400"):
            assert sampled(invoke, tmp_path / "g.pt", seed) is None
            field.press_sequentially(seed) if seed == "1e400" else field.fill(seed)
            assert text.inner_text() == (
                f"Give a whole number from 0 to {2**63 - 1}, as for mnistgan sample. "
                f"The picture is that of seed {2**63 - 1}."
            )
            assert field.get_attribute("aria-invalid") == "true"
            assert tab.page.locator("#picture").screenshot() == before
        field.fill("3")
        picture(tab, "seed=3")
        assert text.inner_text() == "The same seed always gives the same picture."
    with opened(chromium, one, "#seed=-5") as (tab, _):
        assert "The picture is that of seed 0." in tab.page.locator("#seed-help").inner_text()


def test_pictures_are_smooth_unless_single_pixels_are_asked_for(chromium: Chromium) -> None:
    def shades(tab: Tab) -> npt.NDArray[np.uint8]:
        """The colors in the middle of the picture, in its own pixels on the screen."""
        shot = Image.open(io.BytesIO(tab.page.locator("#picture").screenshot())).convert("L")
        return np.asarray(shot)[100:-100, 100:-100]

    def repeats(shown: npt.NDArray[np.uint8]) -> float:
        """The share of neighbors in a row that are equal."""
        return float((shown[:, 1:] == shown[:, :-1]).mean())

    with opened(chromium, generator()) as (tab, _):
        assert tab.page.get_by_role("heading", level=1).inner_text() == "Explore a generator"
        assert repeats(shades(tab)) < 0.5
        field = tab.page.get_by_label("Seed", exact=True)
        place = field.bounding_box()
        tab.page.get_by_label("Show single pixels").check()
        tab.page.locator("#picture:not([data-address*=smooth])").wait_for()
        tab.page.wait_for_url("**pixels=1")
        assert field.bounding_box() == place
        assert repeats(shades(tab)) > 0.85  # 14 x 14 pixels on the screen for each of its own
        shared = tab.page.url
        tab.page.goto("about:blank")
        tab.page.goto(shared)
        tab.page.locator("#picture[data-address]:not([data-address*=smooth])").wait_for()
        assert tab.page.get_by_label("Show single pixels").is_checked()


def test_untrusted_names_are_text(chromium: Chromium) -> None:
    with opened(chromium, generator(HOSTILE), "#label=1&seed=1e400&s1=x&s2=99") as (tab, _):
        assert [one.inner_text() for one in tab.page.locator(".tile").all()] == list(HOSTILE)
        assert "seed=0&label=1&s2=3" in tab.page.url
        assert tab.page.locator("#chooser-name").inner_text() == "Choose the class to draw"


def test_a_small_phone_in_the_dark(chromium: Chromium) -> None:
    with opened(chromium, generator(DIGITS), width=360, height=640, scheme="dark", touch=True) as (
        tab,
        _,
    ):
        assert tab.overflow() == 0
        tab.page.get_by_label("Direction 8").scroll_into_view_if_needed()
        box = tab.page.locator("#picture").bounding_box()
        assert box
        assert box["y"] >= 0
        assert "rgb(22, 24, 27)" in tab.page.locator("body").evaluate(
            "(body) => getComputedStyle(body).backgroundColor"
        )


# The command -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGHUP", 129)])
def test_a_signal_ends_it_quietly(trained: Path, name: str, code: int) -> None:
    if not hasattr(signal, name):
        pytest.skip(f"this system has no {name}")
    command = [sys.executable, "-m", "mnistgan", "play", "--ckpt", str(trained), "--port", "0"]
    with heard_signals():
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    with process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        with urllib.request.urlopen(f"{url}image?seed=3") as answer:
            assert answer.read().startswith(b"\x89PNG")
        process.send_signal(getattr(signal, name))
        assert process.wait() == code
        assert process.stderr.read() == ""


def test_a_port_in_use(invoke: Invoke, trained: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("play", "--ckpt", trained, "--port", port)
    assert result.exit_code == 2
    assert f"--port {port}: cannot be used" in result.stderr
    assert "0 for any free one" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra(
    invoke: Invoke, trained: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delitem(sys.modules, "mnistgan.play.server")
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    result = invoke("play", "--ckpt", trained)
    assert result.exit_code == 1
    assert 'pip install "mnistgan[play]"' in result.stderr


def test_a_file_that_is_no_generator(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "g.pt").write_bytes(b"no generator")
    assert invoke("play", "--ckpt", "g.pt").exit_code == 2
