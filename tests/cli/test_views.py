"""What a person sees while a run trains."""

from __future__ import annotations

import io
import itertools
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console
from support import Invoke, Tiny, noise_images

from mnistgan import datasets
from mnistgan.arrays import Images
from mnistgan.cli import preview, views
from mnistgan.config import toml
from mnistgan.events import Warned
from mnistgan.training.trainer import Trainer


def screen(width: int, **options: object) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    options = {"force_terminal": True, "highlight": False, "height": 30} | options
    console = Console(file=text, width=width, **options)  # type: ignore[arg-type]
    return console, text


@pytest.mark.parametrize("width", [40, 60, 120])
def test_every_number_is_seen_at_any_width(tiny: Tiny, tmp_path: Path, width: int) -> None:
    console, text = screen(width)
    trainer = Trainer(tiny(), datasets.load(tiny().data))
    with views.LiveView(console, trainer, tmp_path) as view:
        for event in trainer:
            view.handle(event)
        view.handle(Warned("something"))
        console.clear()
        before = len(text.getvalue())
        console.print(view._render())
        shown = " ".join(text.getvalue()[before:].split())
    for word in ("epoch 2/2", "14/14", "steps/s", "left", "loss_D", "loss_G", "D(x)", "D(G(z))"):
        assert word in shown, word
    everything = text.getvalue()
    assert "mnistgan: warning: something" in everything
    assert "finished at step 14" in everything


def lines_of(console: Console, text: io.StringIO, images: Images, height: int) -> list[str]:
    before = len(text.getvalue())
    console.print(preview.preview(images, console, height))
    shown = text.getvalue()[before:]
    assert shown.endswith("\n")
    return shown[:-1].split("\n")


def decoded(lines: list[str]) -> npt.NDArray[np.uint8]:
    """The gray levels that half blocks show: two rows of pixels per line."""
    rows: list[list[int]] = []
    for line in lines:
        pair: tuple[list[int], list[int]] = ([], [])
        for upper, lower, blocks in re.findall(
            r"\x1b\[38;2;(\d+);\d+;\d+;48;2;(\d+);\d+;\d+m(\u2580+)\x1b\[0m", line
        ):
            pair[0].extend([int(upper)] * len(blocks))
            pair[1].extend([int(lower)] * len(blocks))
        rows += pair
    return np.array(rows, np.uint8)


def test_a_preview_shows_light_and_dark() -> None:
    images = np.zeros((10, 1, 28, 28), np.uint8)
    images[0] = 255
    console, text = screen(80, color_system=None)
    lines = lines_of(console, text, images, 18)
    # Five images in a row, 14 columns and 7 lines each, two columns or a line apart.
    assert len(lines) == 15
    assert all(line.startswith("@" * 14 + "::") for line in lines[:7])
    assert lines[7] == ":" * 78
    assert lines[8].startswith(" " * 14 + "::")
    assert {len(line) for line in lines} == {78}


def test_images_are_shown_pixel_by_pixel_where_six_fit() -> None:
    images = noise_images(64, 1, 28, 28)
    console, text = screen(200, color_system="truecolor")
    pixels = decoded(lines_of(console, text, images, 46))
    # 6 x 30 - 2 columns, and 3 x 30 - 2 rows in 44 lines.
    assert pixels.shape == (88, 178)
    for number in range(18):
        row, column = divmod(number, 6)
        shown = pixels[row * 30 : row * 30 + 28, column * 30 : column * 30 + 28]
        np.testing.assert_array_equal(shown, images[number, 0])
    assert (pixels[28:30] == pixels[28, 28]).all()


def test_smaller_images_are_means_of_four_pixels() -> None:
    images = noise_images(64, 1, 28, 28)
    console, text = screen(80, color_system="truecolor")
    pixels = decoded(lines_of(console, text, images, 20))
    assert pixels.shape == (30, 78)
    for number in range(10):
        row, column = divmod(number, 5)
        shown = pixels[row * 16 : row * 16 + 14, column * 16 : column * 16 + 14]
        means = images[number, 0].reshape(14, 2, 14, 2).mean(axis=(1, 3))
        assert np.abs(shown - means).max() <= 1  # Pillow rounds rows and columns separately


@pytest.mark.parametrize(("size", "channels"), [(8, 3), (15, 1), (28, 1), (64, 3)])
def test_any_image_can_be_previewed_in_any_terminal(size: int, channels: int) -> None:
    images = noise_images(64, channels, size, size)
    for width, height in itertools.product((1, 10, 50, 200), (1, 5, 17, 100)):
        for system in (None, "truecolor"):
            console, text = screen(width, color_system=system)
            lines = lines_of(console, text, images, height)
            assert 1 <= len(lines) <= height
            plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
            assert {len(line) for line in plain} == {len(plain[0])}
            assert 1 <= len(plain[0]) <= width


@pytest.mark.parametrize(("width", "height"), [(50, 20), (80, 24), (200, 50)])
def test_the_live_view_fits_the_terminal(
    tiny: Tiny, tmp_path: Path, width: int, height: int
) -> None:
    console, _ = screen(width, height=height, color_system="truecolor")
    trainer = Trainer(tiny(), datasets.load(tiny().data))
    with views.LiveView(console, trainer, tmp_path) as view:
        for event in trainer:
            view.handle(event)
        used = len(console.render_lines(view._render(), pad=False))
    assert 0.6 * height < used < height


def test_nothing_is_drawn_without_a_terminal(invoke: Invoke, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(toml.to_toml(tiny()))
    result = invoke("train", "--config", tmp_path / "a.toml", "--output-dir", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "epoch 2/2" in result.stderr
    assert "\u2580" not in result.output
    assert "\x1b" not in result.output
