"""``mnistgan write``: every option, with the generator that comes with mnistgan."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from support import Invoke, Tiny

from mnistgan.models import networks
from mnistgan.storage import checkpoint


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def table(folder: Path) -> list[list[str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_picture(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("write", "2026-11-25")
    assert (result.exit_code, result.stdout) == (0, "writing.png\n"), result.output
    picture = pixels(tmp_path / "writing.png")
    height, width = picture.shape
    assert height == 64
    assert 200 < width < 600
    assert (picture.min(), picture.max()) == (0, 255)
    assert picture[0].min() == picture[-1].min() == 255, "black ink on white paper"
    ink = picture.min(axis=0) < 128
    assert np.count_nonzero(np.diff(ink.astype(int)) == 1) >= 10, "ten characters or more strokes"
    assert [path.name for path in tmp_path.iterdir()] == ["writing.png"]


def test_seeds_and_hands(invoke: Invoke, tmp_path: Path) -> None:
    calls = {"a": [], "b": [], "c": ["--seed", 1], "d": ["--hand", 3], "e": ["--truncation", 0.5]}
    for name, more in calls.items():
        assert invoke("write", "77", *more, "--out", f"{name}.png").exit_code == 0
    files = {name: (tmp_path / f"{name}.png").read_bytes() for name in calls}
    assert files["a"] == files["b"]
    assert len(set(files.values())) == 4


def test_colors(invoke: Invoke, tmp_path: Path) -> None:
    looks = {
        "gray": ["--ink", "white", "--paper", "#000"],
        "color": ["--ink", "#102030", "--paper", "ivory"],
        "clear": ["--ink", "#102030", "--paper", "transparent"],
    }
    for name, look in looks.items():
        result = invoke("write", "10/7", *look, "--out", f"{name}.png")
        assert result.exit_code == 0, result.output
    gray, color, clear = (pixels(tmp_path / f"{name}.png").astype(float) for name in looks)
    assert (gray.shape, color.shape, clear.shape) == (
        gray.shape, (*gray.shape, 3), (*gray.shape, 4),
    )  # fmt: skip
    # The same ink everywhere: white on black, it is the amount of ink itself.
    np.testing.assert_array_equal(clear[..., 3], gray)
    assert (clear[..., :3] == (0x10, 0x20, 0x30)).all()
    ivory = np.array([255, 255, 240.0])
    mixed = ivory + (np.array([0x10, 0x20, 0x30]) - ivory) * gray[..., None] / 255
    np.testing.assert_allclose(color, mixed, atol=1.01)


def test_the_height(invoke: Invoke, tmp_path: Path) -> None:
    sizes = []
    for height in (8, 28, 512):
        assert invoke("write", "123", "--height", height).exit_code == 0
        sizes.append(pixels(tmp_path / "writing.png").shape)
    assert [size[0] for size in sizes] == [8, 28, 512]
    assert sizes[2][1] / sizes[1][1] == pytest.approx(512 / 28, rel=0.03)


@pytest.mark.parametrize("form", ["png", "npz"])
def test_a_picture_and_its_text_depend_on_seed_and_index_alone(
    invoke: Invoke, tmp_path: Path, form: str
) -> None:
    common = ("--pattern", "[0-9]{2,5}", "--seed", 5, "--height", 28, "--format", form, "--labels")
    for count in (3, 7):
        result = invoke("write", *common, "--count", count, "--out", f"{count}.{form}")
        assert (result.exit_code, result.stdout) == (0, f"{count}.{form}\n"), result.output
    if form == "png":
        few, many = (table(tmp_path / f"{count}.png") for count in (3, 7))
        assert (len(few), len(many), many[0]) == (4, 8, ["file", "text"])
        assert many[:4] == few
        assert [name for name, _ in many[1:]] == [f"{index:06d}.png" for index in range(7)]
        assert all(re.fullmatch("[0-9]{2,5}", text) for _, text in many[1:])
        for name, _ in few[1:]:
            paths = [tmp_path / f"{count}.png" / name for count in (3, 7)]
            assert paths[0].read_bytes() == paths[1].read_bytes()
        assert len({text for _, text in many}) > 4
        return
    small, large = (arrays(tmp_path / f"{count}.npz") for count in (3, 7))
    assert set(large) == {"images", "widths", "texts"}
    assert large["images"].shape == (7, 28, large["widths"].max())
    assert (large["images"].dtype, large["widths"].dtype) == (np.uint8, np.int64)
    assert large["texts"].dtype.kind == "U"
    for name in ("widths", "texts"):
        np.testing.assert_array_equal(large[name][:3], small[name])
    for index, width in enumerate(small["widths"]):
        whole, part = large["images"][index], small["images"][index]
        np.testing.assert_array_equal(whole[:, :width], part[:, :width])
        assert (whole[:, width:] == 255).all(), "padded with paper"


def test_the_formats_hold_the_same_pictures(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "dates.txt").write_bytes(b"\xef\xbb\xbf2026-11-25\r\n1/2\r\n")
    look = ("--file", "dates.txt", "--hand", 4, "--ink", "navy", "--count", 3)
    assert invoke("write", *look, "--out", "folder").stdout == "folder\n"
    assert invoke("write", *look, "--format", "npz").stdout == "writing.npz\n"
    held = arrays(tmp_path / "writing.npz")
    assert set(held) == {"images", "widths"}
    assert held["images"].shape[3] == 3
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"], "no labels were asked for"
    for image, width, name in zip(held["images"], held["widths"], names, strict=True):
        np.testing.assert_array_equal(image[:, :width], pixels(tmp_path / "folder" / name))
    # One text is picture 0 of the same seed.
    assert invoke("write", "2026-11-25", *look[2:-2]).exit_code == 0
    np.testing.assert_array_equal(
        pixels(tmp_path / "writing.png"), pixels(tmp_path / "folder" / "000000.png")
    )


def test_lines_of_a_file_are_written_in_turn(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1,5\n 2\n33", encoding="utf-8")
    assert invoke("write", "--file", "a.txt", "--labels").stdout == "writing\n"
    assert [text for _, text in table(tmp_path / "writing")[1:]] == ["1,5", " 2", "33"]
    more = ("--count", 5, "--labels", "--format", "npz")
    assert invoke("write", "--file", "a.txt", *more).exit_code == 0
    held = arrays(tmp_path / "writing.npz")
    assert held["texts"].tolist() == ["1,5", " 2", "33", "1,5", " 2"]
    assert (held["images"][0] != held["images"][3]).any(), "each with a picture of its own"


def test_one_text_many_times(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("write", "42", "-n", 2, "--labels").stdout == "writing\n"
    assert [text for _, text in table(tmp_path / "writing")[1:]] == ["42", "42"]
    first, second = ((tmp_path / "writing" / f"00000{index}.png").read_bytes() for index in (0, 1))
    assert first != second


def test_a_generator_of_ones_own(invoke: Invoke, tiny: Tiny, tmp_path: Path) -> None:
    config = tiny(("model.conditional", True), ("model.classes", ["a", "é", "."]))
    state = {"generator": networks.build_generator(config).state_dict(), "step": 0, "epoch": 0}
    checkpoint.save_generator(tmp_path / "letters.pt", config, state)
    result = invoke("write", "aé .", "--ckpt", "letters.pt", "--threads", 1)
    assert result.exit_code == 0, result.output
    result = invoke("write", "--pattern", "[0-2]a[x-z]", "--ckpt", "letters.pt")
    assert result.exit_code == 2
    assert result.stderr == (
        "mnistgan: error: this generator cannot write '0', '1', '2', 'x', 'y', 'z'; it has the "
        "characters a é ., and space - / : , are drawn\n"
    )


def test_a_generator_without_classes(invoke: Invoke, trained: Path) -> None:
    result = invoke("write", "12", "--ckpt", trained)
    assert result.exit_code == 2
    assert "this generator was trained without labels" in result.stderr


def test_no_run_is_needed_and_a_newer_run_is_not_used(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert invoke("write", "1").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give one of a text, --file and --pattern"),
        (["1", "--pattern", "[0-9]"], "give one of a text, --file and --pattern"),
        (["--file", "a.txt", "--pattern", "[0-9]"], "give one of a text, --file and --pattern"),
        (["aBc1"], "cannot write 'a', 'B', 'c'; it has the characters 0 1 2 3 4 5 6 7 8 9, and"),
        ([""], "the text must have 1 to 200 characters"),
        (["1" * 201], "the text must have 1 to 200 characters"),
        (["1", "--labels"], "--labels is for several pictures; give --count, too"),
        (["1", "--ink", "xyz"], "--ink xyz: is not a color; give a name, such as navy, or #rr"),
        (["1", "--ink", "transparent"], "--ink transparent: is not a color"),
        (["1", "--paper", "#ff000080"], "or #rrggbb, or transparent"),
        (["1", "--format", "npz", "--paper", "transparent"], "is only for --format png"),
        (["1", "--height", "7"], "'--height'"),
        (["1", "--height", "513"], "'--height'"),
        (["1", "--count", "0"], "'--count'"),
        (["1", "--hand", "-1"], "'--hand'"),
        (["1", "--truncation", "0"], "a truncation of 0.0: give a positive number"),
        (["1", "--format", "gif"], "'--format'"),
        (["1", "--out", "a.jpg"], "unknown extension '.jpg'; use .png"),
        (["1", "--format", "npz", "--out", "a.png"], "unknown extension '.png'; use .npz"),
        (["--pattern", "[0-9]+"], "--pattern [0-9]+: cannot be read from '+' on"),
        (["--file", "none.txt"], "none.txt: cannot be read"),
        (["1", "--ckpt", "mnits"], "did you mean 'mnist'"),
    ],
)
def test_bad_input(invoke: Invoke, tmp_path: Path, arguments: list[str], words: str) -> None:
    result = invoke("write", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a.txt: is empty; give one text per line"),
        (b"1\n\n2\n", "a.txt: line 2 must have 1 to 200 characters"),
        (b"\xff\xfe1", "a.txt: is not UTF-8 text"),
        (b"12\nx\n7\ty\n", "cannot write 'x', '\\\\t', 'y'; it has"),
    ],
)
def test_bad_files(invoke: Invoke, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    result = invoke("write", "--file", "a.txt", "--format", "npz")
    assert result.exit_code == 2
    assert words.replace("\\\\", "\\") in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_with_files_stays_as_it_is(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("write", "1", "--count", 1).exit_code == 0
    before = (tmp_path / "writing" / "000000.png").read_bytes()
    assert invoke("write", "2", "--count", 1).exit_code == 2
    assert (tmp_path / "writing" / "000000.png").read_bytes() == before
