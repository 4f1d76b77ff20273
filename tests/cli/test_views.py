"""What a person sees while a run trains."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from support import Tiny

from mnistgan import datasets
from mnistgan.cli import preview, views
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


def test_a_preview_shows_light_and_dark() -> None:
    images = np.zeros((10, 1, 28, 28), np.uint8)
    images[0] = 255
    console, _ = screen(80, color_system=None)
    lines = preview.preview(images, console).plain.splitlines()
    assert len(lines) == 7
    assert all(line.startswith("@" * 14 + " ") for line in lines)
    assert {len(line) for line in lines} == {75}


@pytest.mark.parametrize(("size", "channels"), [(8, 3), (28, 1), (64, 3)])
def test_any_image_can_be_previewed_in_any_width(size: int, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, channels, size, size), np.uint8)
    for width in (10, 40, 200):
        for system in (None, "truecolor"):
            console, text = screen(width, color_system=system)
            console.print(preview.preview(images, console))
            assert text.getvalue().count("\n") == 7
