"""Projection from files to files: pictures, images of the data set, walks, JSON, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps
from support import Invoke, Tiny
from torch import nn

from mnistgan.latent import projection_files
from mnistgan.models import networks
from mnistgan.sampling import blocks
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage import checkpoint


@pytest.fixture
def generator(trained: Path) -> Generator:
    return load_generator(trained)


@pytest.fixture
def digit(generator: Generator, tmp_path: Path) -> Path:
    path = tmp_path / "digit.png"
    Image.fromarray(blocks.sample(generator, 1, 4)[0, 0]).save(path)
    return path


def save_conditional(tiny: Tiny, path: Path, *classes: str) -> Path:
    config = tiny(("model.conditional", True), ("model.classes", list(classes)))
    weights = networks.build_generator(config).state_dict()
    checkpoint.save_generator(path, config, {"generator": weights, "step": 0, "epoch": 0})
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16"])
def test_pictures_of_any_mode_are_fitted(generator: Generator, tmp_path: Path, mode: str) -> None:
    Image.new(mode, (30, 20)).save(tmp_path / "a.png")
    (given,) = projection_files.read([tmp_path / "a.png"], generator.config.data)
    assert given.pixels.shape == (1, 28, 28)


def test_a_negative_has_the_generators_background(generator: Generator, tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "white").save(tmp_path / "paper.png")
    (given,) = projection_files.read([tmp_path / "paper.png"], generator.config.data, invert=True)
    assert not given.pixels.any()


def test_a_picture_and_its_json(invoke: Invoke, trained: Path, digit: Path, tmp_path: Path) -> None:
    result = invoke("project", digit, "--ckpt", trained)
    assert result.exit_code == 0, result.output
    line, name = result.stdout.splitlines()
    assert line.startswith("digit.png: RMS error 0.0")
    assert name == "projection.png"
    result = invoke("project", digit, "--ckpt", trained, "--json")
    assert result.stderr == "projection.png\n"
    (entry,) = json.loads(result.stdout)["images"]
    assert entry["name"] == "digit.png"
    assert len(entry["z"]) == 8
    assert entry["rms"] < 0.03
    with Image.open(tmp_path / "projection.png") as image:
        assert image.width > 2.5 * image.height  # three tiles


def test_images_of_the_data_set(invoke: Invoke, trained: Path) -> None:
    result = invoke("project", "--index", "3,5", "--ckpt", trained, "--steps", 5)
    assert result.exit_code == 0, result.output
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "train image 3",
        "train image 5",
        "projection.png",
    ]


def test_a_walk_from_one_to_another(
    invoke: Invoke, tiny: Tiny, digit: Path, tmp_path: Path
) -> None:
    path = save_conditional(tiny, tmp_path / "conditional.pt", "a", "b", "c")
    options = ("--restarts", 2, "--steps", 20, "--out", "walk.gif")
    result = invoke("project", digit, digit, "--ckpt", path, "--digit", "b", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("class b") == 2
    with Image.open(tmp_path / "walk.gif") as image:
        assert image.info["loop"] == 0


def test_a_negative_gets_a_hint(invoke: Invoke, trained: Path, digit: Path) -> None:
    with Image.open(digit) as image:
        Image.fromarray(255 - np.asarray(image)).save("negative.png")
    quick = ("--ckpt", trained, "--restarts", 1, "--steps", 5)
    says = "negative.png: this generator's images are more like its negative; omit --no-invert"
    assert says in invoke("project", "negative.png", "--no-invert", *quick).stderr
    assert invoke("project", "negative.png", "--invert", *quick).stderr == ""
    says = "digit.png: this generator's images are more like the picture itself; omit --invert"
    assert says in invoke("project", digit, "--invert", *quick).stderr
    for flag in ((), ("--no-invert",)):
        assert invoke("project", digit, *flag, *quick).stderr == ""


def entries(invoke: Invoke, *arguments: object) -> tuple[list[dict[str, Any]], str]:
    """The images in the JSON of a short projection, and what it says on stderr."""
    result = invoke("project", *arguments, "--restarts", 2, "--steps", 40, "--json")
    assert result.exit_code == 0, result.output
    hints, name, _ = result.stderr.partition("projection.png\n")
    assert (name, hints) == ("projection.png\n", "")
    return json.loads(result.stdout)["images"], result.stderr.removeprefix(name)


def save_with_ground(path: Path, tiny: Tiny, level: float) -> Path:
    """Save an untrained generator whose images are noise around one level, -1 to 1 before tanh."""
    network = networks.build_generator(config := tiny())
    last = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.fill_(level)
    state = {"generator": network.state_dict(), "step": 0, "epoch": 0}
    checkpoint.save_generator(path, config, state)
    return path


@pytest.mark.parametrize("size", [(28, 28), (60, 90), (90, 60)])
def test_ink_on_paper_is_inverted_by_itself(
    invoke: Invoke, tiny: Tiny, tmp_path: Path, size: tuple[int, int]
) -> None:
    """Also in pictures that are padded: the padding is that of the inverted picture."""
    dark = save_with_ground(tmp_path / "dark.pt", tiny, -2.0)
    board = Image.new("L", size)
    ImageDraw.Draw(board).line((8, 20, 20, 6), fill=255, width=3)
    board.save("board.png")
    ImageOps.invert(board.convert("RGB")).save("paper.png")
    (plain,), silent = entries(invoke, "board.png", "--ckpt", dark)
    assert (plain["inverted"], silent) == (False, "")
    (paper,), hint = entries(invoke, "paper.png", "--ckpt", dark)
    assert (paper["inverted"], hint.count("\n")) == (True, 1)
    assert hint.startswith("mnistgan: paper.png: was inverted, because its negative is more like")
    assert (paper["z"], paper["rms"]) == (plain["z"], plain["rms"])
    for name, flag in (("paper.png", "--no-invert"), ("board.png", "--invert")):
        (forced,), _ = entries(invoke, name, "--ckpt", dark, flag)
        assert forced["inverted"] is (flag == "--invert")
        assert forced["rms"] > 2 * plain["rms"]


def test_each_picture_is_inverted_for_itself(invoke: Invoke, trained: Path, digit: Path) -> None:
    ImageOps.invert(Image.open(digit)).save("negative.png")
    found, hint = entries(invoke, digit, "negative.png", digit, "--index", "0,1", "--ckpt", trained)
    assert [one["inverted"] for one in found] == [False, True, False, False, False]
    assert hint.count("was inverted") == 1


def test_a_generator_that_draws_gray_inverts_nothing(invoke: Invoke, tiny: Tiny) -> None:
    """Its images are about as near to a picture as to its negative."""
    save_with_ground(Path("gray.pt"), tiny, 0.0)
    stroke = np.zeros((28, 28), np.uint8)
    stroke[4:24, 12:16] = 255
    Image.fromarray(stroke).save("a.png")
    Image.fromarray(255 - stroke).save("b.png")
    found, hint = entries(invoke, "a.png", "b.png", "--ckpt", "gray.pt")
    assert ([one["inverted"] for one in found], hint) == ([False, False], "")


def test_a_name_cannot_move_the_cursor(invoke: Invoke, trained: Path, digit: Path) -> None:
    digit.rename(digit.with_name("a\x1b[2J.png"))
    quick = ("--ckpt", trained, "--restarts", 1, "--steps", 5)
    assert invoke("project", "a\x1b[2J.png", *quick).stdout.startswith("a\\x1b[2J.png: RMS error")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["text.png"], "text.png: cannot be read"),
        (["none.png"], "No such file"),
        (["."], "is not a file"),
        (["huge.png"], "too many"),
        (["--index", "1797"], "the last one is 1796"),
        (["--index", "x"], "integers separated by commas"),
        ([], "1 to 100 images"),
        (["digit.png", "--out", "a.gif"], "two images"),
        (["digit.png", "--out", "a.bmp"], "unknown extension"),
        (["digit.png", "--out", "no/a.png"], "does not exist"),
        (["digit.png", "--json", "a.json"], "takes no file name; write: mnistgan project --ckpt"),
        (["digit.png", "--digit", "3"], "without labels"),
    ],
)
@pytest.mark.usefixtures("digit")
def test_what_is_refused(
    invoke: Invoke, trained: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("1", (10_000, 9_000)).save(tmp_path / "huge.png")
    before = sorted(tmp_path.iterdir())
    result = invoke("project", "--ckpt", trained, *arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_names_do_not_move_the_cursor(
    invoke: Invoke, tiny: Tiny, digit: Path, tmp_path: Path
) -> None:
    path = save_conditional(tiny, tmp_path / "conditional.pt", "\x9b2J", "\u202eb")
    strange = digit.rename(tmp_path / "\x1b[2J\n.png")
    result = invoke("project", strange, "--ckpt", path, "--steps", 2)
    assert result.exit_code == 0, result.output
    assert result.stdout.replace("\n", "").isprintable()
    assert result.stderr.replace("\n", "").isprintable()
