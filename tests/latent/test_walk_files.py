"""Walks as files, by the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support import Invoke, Tiny

from mnistgan.models import networks
from mnistgan.storage import checkpoint


@pytest.fixture
def conditional_file(tiny: Tiny, tmp_path: Path) -> Path:
    """A conditional generator that has learned nothing."""
    config = tiny(("model.conditional", True), ("model.classes", list("abcde")))
    weights = networks.build_generator(config).state_dict()
    path = tmp_path / "conditional.pt"
    checkpoint.save_generator(path, config, {"generator": weights, "step": 0, "epoch": 0})
    return path


def test_animate(invoke: Invoke, trained: Path, conditional_file: Path, tmp_path: Path) -> None:
    plain, labeled = ("--ckpt", trained), ("--ckpt", conditional_file)
    for name, arguments, count in (
        ("walk.gif", (*plain, "--seeds", "1,5,9"), 45),
        ("walk-2.gif", (*labeled, "--walk", "classes", "--digits", "b-d"), 45),
        ("walk-3.gif", (*plain, "--walk", "corners", "--frames", 3), 3),
    ):
        result = invoke("animate", *arguments)
        assert (result.exit_code, result.stdout) == (0, f"{name}\n"), result.output
        with Image.open(tmp_path / name) as image:
            assert getattr(image, "n_frames", 1) == count


def test_stills(invoke: Invoke, trained: Path, conditional_file: Path, tmp_path: Path) -> None:
    """Images of 28 pixels with 2 around them; a column a frame, or a square."""
    for arguments, tiles in (
        ((trained, "--seeds", "1,5"), (6, 1)),
        ((trained, "--walk", "corners"), (10, 10)),
        ((conditional_file, "--walk", "classes", "--seeds", "1,2,3"), (15, 3)),
    ):
        result = invoke("animate", "--ckpt", *arguments, "--out", "still.png")
        assert (result.exit_code, result.stdout) == (0, "still.png\n"), result.output
        with Image.open(tmp_path / "still.png") as image:
            width, height = (30 * count + 2 for count in tiles)
            assert image.width * height == image.height * width


@pytest.mark.parametrize("seeds", ["", "1,", "1,x", "-1,2", "1,99999999999999999999"])
def test_invalid_seeds_are_refused(invoke: Invoke, trained: Path, seeds: str) -> None:
    result = invoke("animate", "--ckpt", trained, f"--seeds={seeds}")
    assert result.exit_code == 2
    assert "integers separated by commas" in result.stderr


def test_a_walk_through_a_run_names_the_option_that_works(invoke: Invoke, trained: Path) -> None:
    result = invoke("animate", trained, "--frames", 4)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert f"instead of RUN, give --ckpt {trained};" in result.stderr
    assert invoke("animate", "--ckpt", trained, "--frames", 4).exit_code == 0


def test_walks_need_a_generator(invoke: Invoke) -> None:
    for option in (("--seeds", "1,2"), ("--digits", "3"), ("--walk", "corners")):
        result = invoke("animate", *option)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "contains no run; train one first, or give a generator file with --ckpt" in (
            result.stderr
        )
