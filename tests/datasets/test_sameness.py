"""Data sets that train without an error and teach nothing: flat images, and equal ones."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from support import Invoke, noise_images, to_idx

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.datasets.image_set import sameness
from mnistgan.rendering import grids

GLYPHS = noise_images(40, 8, 8)


def load(path: Path, **keys: Any) -> datasets.ImageSet:
    return datasets.load(DataConfig.model_validate({"name": str(path), "image_size": 8, **keys}))


def with_alpha(folder: Path, color: tuple[int, int, int] = (0, 0, 0)) -> Path:
    """Pictures of one color, with the glyph in the alpha channel."""
    folder.mkdir()
    for number, glyph in enumerate(GLYPHS):
        flat = np.broadcast_to(np.array(color, np.uint8), (8, 8, 3))
        Image.fromarray(np.dstack([flat, glyph])).save(folder / f"{number:02}.png")
    return folder


def advised(note: str) -> list[dict[str, str]]:
    """The settings that a note advises."""
    return [{key: value} for key, value in re.findall(r'data\.(\w+) = "(\w+)"', note)]


class TestInkInAlpha:
    @pytest.mark.parametrize(
        ("color", "background"), [((0, 0, 0), "black"), ((255, 255, 255), "white")]
    )
    def test_every_cure_works(
        self, tmp_path: Path, color: tuple[int, int, int], background: str
    ) -> None:
        path = with_alpha(tmp_path / "set", color)
        data = load(path, background=background)
        (note,) = data.notes
        assert note.startswith("all 40 images are one flat color; their drawing is in the alpha")
        cures = advised(note)
        assert [list(cure) for cure in cures] == [["alpha"], ["background"]]
        ink = load(path, **cures[0], background="black")
        assert ink.notes == ()
        np.testing.assert_array_equal(ink.images[:, 0], GLYPHS)
        other = load(path, **cures[1])
        assert other.notes == ()
        wanted = GLYPHS if color == (255, 255, 255) else 255 - GLYPHS
        np.testing.assert_allclose(other.images[:, 0].astype(int), wanted, atol=1)

    def test_white_ink_on_white(self, tmp_path: Path) -> None:
        path = with_alpha(tmp_path / "set")
        (note,) = load(path, alpha="ink", background="white").notes
        assert 'set it to "black"' in note

    def test_it_is_told_before_training_starts(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        with_alpha(tmp_path / "set")
        sets = ("data.name=./set", "data.image_size=8", "train.batch_size=20")
        options = [word for one in sets for word in ("--set", one)]
        command = ("train", "--config", tiny_toml, *options, "--epochs", 1)
        result = invoke(*command, "--output-dir", "run")
        assert result.exit_code == 0, result.output
        warned = result.stderr.index("warning: all 40 images are one flat color")
        assert warned < result.stderr.index("epoch 1/1")
        verified = invoke("data", "verify", "./set")
        assert verified.stdout.startswith("all 40 images are one flat color")
        shown = invoke("data", "show", "./set", "--alpha", "ink", "--image-size", 8)
        assert shown.exit_code == 0, shown.output
        assert "flat" not in shown.stderr

    def test_a_projection_finds_the_ink(
        self, invoke: Invoke, trained: Path, tmp_path: Path
    ) -> None:
        picture = np.zeros((28, 28, 4), np.uint8)
        picture[4:24, 12:16, 3] = 255
        Image.fromarray(picture).save(tmp_path / "ink.png")
        Image.fromarray(picture[..., 3]).save(tmp_path / "plain.png")
        Image.fromarray(picture[..., 0]).save(tmp_path / "flat.png")
        lines = {}
        for name in ("ink", "plain", "flat"):
            result = invoke(
                "project", f"{name}.png", "--ckpt", trained, "--steps", 2, "--out", f"{name}-z.png"
            )
            assert result.exit_code == 0, result.output
            lines[name] = result.stdout.replace(name, "NAME")
            told = "flat.png: is one flat color; there is nothing to find" in result.stderr
            assert told == (name == "flat")
        assert lines["ink"].splitlines()[0] == lines["plain"].splitlines()[0]
        sheets = [grids.read_png(tmp_path / f"{name}-z.png", 2000) for name in ("ink", "flat")]
        assert (sheets[0] != sheets[1]).any()


class TestSameness:
    @pytest.mark.parametrize("source", ["folder", "npz", "idx"])
    @pytest.mark.parametrize(
        ("images", "words"),
        [
            (np.zeros((40, 8, 8), np.uint8), "all 40 images are one flat color"),
            (np.arange(40, dtype=np.uint8).repeat(64).reshape(40, 8, 8), "all 40 .* flat color"),
            (np.repeat(GLYPHS[:1], 40, axis=0), "all 40 images are equal"),
            (np.concatenate([GLYPHS[:4], GLYPHS[[4] * 36]]), "36 of 40 images are equal"),
            (np.concatenate([GLYPHS[:4], 0 * GLYPHS[4:]]), "36 of 40 images are one flat color"),
            (np.concatenate([GLYPHS[:5], 0 * GLYPHS[5:]]), None),
            (GLYPHS // 128, "all 40 images are one flat color"),
            (GLYPHS, None),
            (np.zeros((3, 8, 8), np.uint8), None),
        ],
    )
    def test_every_source_tells(
        self, tmp_path: Path, source: str, images: npt.NDArray[np.uint8], words: str | None
    ) -> None:
        path = tmp_path / {"folder": "set", "npz": "set.npz", "idx": "set"}[source]
        if source == "npz":
            np.savez(path, images=images)
        elif source == "idx":
            path.write_bytes(to_idx(images))
        else:
            path.mkdir()
            for number, image in enumerate(images):
                Image.fromarray(image).save(path / f"{number}.png")
        notes = load(path).notes
        assert [bool(re.match(words or "", note)) for note in notes] == [True] * bool(words)

    def test_values_of_zero_and_one_are_named(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=GLYPHS // 128)
        assert (
            "their values are 0 and 1; save them with values" in load(tmp_path / "a.npz").notes[0]
        )

    def test_the_command_in_the_note_works(
        self, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("a set", "mnist"):
            (tmp_path / name).mkdir()
            for number in range(4):
                Image.new("L", (8, 8), 9).save(tmp_path / name / f"{number}.png")
            (note,) = load(Path(f"./{name}/").absolute()).notes
            (relative,) = datasets.load(DataConfig(name=f"./{name}", image_size=8)).notes
            for text in (note, relative):
                command = shlex.split(text.partition("with: ")[2])
                assert command[:3] == ["mnistgan", "data", "show"]
                assert invoke(*command[1:]).exit_code == 0

    def test_colors_are_flat_one_by_one(self) -> None:
        flat = np.broadcast_to(np.array([0, 128, 255], np.uint8)[:, None, None], (9, 3, 8, 8))
        assert sameness(flat) == "all 9 images are one flat color"

    @pytest.mark.parametrize("count", [255, 256, 257, 1000])
    def test_any_number(self, count: int) -> None:
        few = count // 10
        images = np.zeros((count, 1, 8, 8), np.uint8)
        images[::10] = noise_images(len(images[::10]), 8, 8)[:, None]
        same = count - len(images[::10])
        wanted = f"{same:,} of {count:,} images are one flat color"
        assert sameness(images) == (wanted if same >= 0.9 * count else "")
        images[: few + 20] = noise_images(few + 20, 8, 8)[:, None]
        assert sameness(images) == ""
