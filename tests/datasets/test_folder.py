"""Folders of pictures: kinds of files, classes, what cannot be read, and what is kept."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import noise_images

from mnistgan import datasets
from mnistgan.cli.wording import for_shell
from mnistgan.config import DataConfig
from mnistgan.datasets import cache
from mnistgan.errors import DataError


def load(path: Path, **keys: Any) -> datasets.ImageSet:
    return datasets.load(DataConfig.model_validate({"name": f"{path}/", "image_size": 8, **keys}))


def save(path: Path, size: tuple[int, int] = (8, 8), color: Any = 200, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path)
    return path


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("MNISTGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures"


class TestKinds:
    @pytest.mark.parametrize("suffix", ["png", "PNG", "jpg", "jpeg", "webp", "gif"])
    def test_every_format_is_read(self, tmp_path: Path, suffix: str) -> None:
        save(tmp_path / "set" / f"a.{suffix}")
        images = load(tmp_path / "set").images
        assert images.shape == (1, 1, 8, 8)
        np.testing.assert_allclose(images.astype(int), 200, atol=2)

    def test_of_an_animation_the_first_frame(self, tmp_path: Path) -> None:
        (tmp_path / "set").mkdir()
        frames = [Image.new("L", (8, 8), gray) for gray in (255, 0)]
        frames[0].save(tmp_path / "set" / "a.gif", save_all=True, append_images=frames[1:])
        assert load(tmp_path / "set").images.min() == 255

    @pytest.mark.parametrize("background", ["black", "white", "#804020"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_alpha_over_the_background(
        self, tmp_path: Path, background: str, channels: int
    ) -> None:
        save(tmp_path / "set" / "a.png", color=(255, 0, 0, 0), mode="RGBA")
        save(tmp_path / "set" / "b.png", color=(255, 255, 255, 255), mode="RGBA")
        images = load(tmp_path / "set", background=background, channels=channels).images
        wanted = {"black": (0, 0, 0), "white": (255,) * 3, "#804020": (0x80, 0x40, 0x20)}
        expected = np.array(wanted[background])
        if channels == 1:
            expected = np.rint(expected @ [0.299, 0.587, 0.114])[None]
        np.testing.assert_array_equal(images[0, :, 0, 0], expected)
        assert images[1].min() == 255

    def test_sixteen_bits_and_palettes_and_cmyk(self, tmp_path: Path) -> None:
        folder = tmp_path / "set"
        folder.mkdir()
        Image.fromarray(np.full((8, 8), 200 * 257, np.uint16)).save(folder / "a.png")
        Image.new("RGB", (8, 8), (200,) * 3).quantize(4).save(folder / "b.png")
        Image.new("CMYK", (8, 8), (0, 0, 0, 55)).save(folder / "c.jpg")
        Image.new("1", (8, 8), 1).save(folder / "d.png")
        images = load(folder).images
        np.testing.assert_allclose(images[:3].astype(int), 200, atol=2)
        assert images[3].min() == 255

    def test_a_photo_is_turned_as_the_camera_was_held(self, tmp_path: Path) -> None:
        folder = tmp_path / "set"
        folder.mkdir()
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[:4] = 255  # bright above
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise
        Image.fromarray(picture).save(folder / "a.jpg", exif=exif, quality=95)
        image = load(folder).images[0, 0]
        assert image[:, 5:].min() > 200 > 50 > image[:, :3].max()

    def test_no_size_is_distorted(self, tmp_path: Path) -> None:
        """A disc in a wide and in a tall picture stays a disc, padded or cropped."""
        folder = tmp_path / "set"
        folder.mkdir()
        y, x = np.mgrid[:64, :64] - 31.5
        disc = np.where(x**2 + y**2 < 30**2, 255, 0).astype(np.uint8)
        Image.fromarray(np.pad(disc, ((0, 0), (64, 64)))).save(folder / "wide.png")
        Image.fromarray(np.pad(disc, ((64, 64), (0, 0)))).save(folder / "tall.png")
        for fit, side in (("pad", 96), ("crop", 32)):
            for image in load(folder, image_size=side, fit=fit).images[:, 0]:
                rows, columns = np.nonzero(image > 127)
                height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
                assert height == width == 30

    @pytest.mark.parametrize("size", [(1, 100), (100, 1), (3, 5000)])
    @pytest.mark.parametrize("fit", ["pad", "crop"])
    def test_the_thinnest_picture_is_seen(
        self, tmp_path: Path, size: tuple[int, int], fit: str
    ) -> None:
        save(tmp_path / "set" / "a.png", size=size, color=255)
        image = load(tmp_path / "set", image_size=28, fit=fit).images[0, 0]
        assert image.max() == 255
        assert (image.min() == 0) == (fit == "pad")

    def test_notes_of_a_camera_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "set").mkdir()
        Image.new("L", (8, 8), 9).save(tmp_path / "set" / "a.png", exif=b"garbage")
        data = load(tmp_path / "set")
        assert (len(data), data.notes) == (1, ())


class TestClasses:
    def test_a_subfolder_is_a_class_at_any_depth(self, tmp_path: Path) -> None:
        for name, gray in (("b/1.png", 10), ("a/deep/2.png", 20), ("a/1.png", 30)):
            save(tmp_path / "set" / name, color=gray)
        data = load(tmp_path / "set")
        assert data.classes == ("a", "b")
        assert data.labels is not None
        assert data.labels.tolist() == [0, 0, 1]
        assert data.images[:, 0, 0, 0].tolist() == [30, 20, 10]
        assert data.notes == ()

    def test_a_flat_folder_has_none(self, tmp_path: Path) -> None:
        save(tmp_path / "set" / "a.png")
        data = load(tmp_path / "set")
        assert (data.labels, data.classes, data.notes) == (None, (), ())

    def test_a_single_class_is_noted(self, tmp_path: Path) -> None:
        save(tmp_path / "set" / "cats" / "a.png")
        assert "a single class, 'cats'" in load(tmp_path / "set").notes[0]

    def test_a_folder_too_high_is_noted(self, tmp_path: Path) -> None:
        for name in ("train/a/1.png", "train/b/1.png", "test/a/2.png"):
            save(tmp_path / "set" / name)
        assert "give the folder of this class as the data set" in load(tmp_path / "set").notes[0]

    def test_labels_of_a_file_do_not_go_with_a_folder(self, tmp_path: Path) -> None:
        save(tmp_path / "set" / "a.png")
        with pytest.raises(DataError, match=r"remove data\.labels"):
            load(tmp_path / "set", labels="labels.gz")

    def test_both_at_once_is_refused(self, tmp_path: Path) -> None:
        save(tmp_path / "set" / "a.png")
        save(tmp_path / "set" / "cats" / "b.png")
        with pytest.raises(DataError, match=r"beside its class folders \(a\.png, cats/\)"):
            load(tmp_path / "set")


class TestTrouble:
    def test_what_cannot_be_read_is_counted_and_named(self, tmp_path: Path) -> None:
        folder = tmp_path / "set"
        for number in range(4):
            save(folder / f"{number}.png", color=number)
        (folder / "1.png").write_bytes(b"<html>")
        (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:50])
        (folder / "notes.txt").write_text("hello")
        (folder / "link.png").symlink_to("nowhere.png")
        (folder / ".DS_Store").write_bytes(b"x")
        data = load(folder)
        assert data.images[:, 0, 0, 0].tolist() == [0, 3]
        assert data.notes[0].startswith("2 of 4 pictures cannot be read and are skipped: 1.png (")
        assert "2.png (" in data.notes[0]
        assert data.notes[1] == "files skipped, not pictures by name: link.png, notes.txt"

    def test_labels_stay_with_their_pictures(self, tmp_path: Path) -> None:
        for name in ("a/1.png", "b/1.png", "b/2.png"):
            save(tmp_path / "set" / name)
        (tmp_path / "set" / "a" / "0.png").write_bytes(b"")
        data = load(tmp_path / "set")
        assert data.labels is not None
        assert data.labels.tolist() == [0, 1, 1]

    @pytest.mark.parametrize("content", ["nothing", "a text", "broken"])
    def test_a_folder_without_a_picture_is_refused(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "set").mkdir()
        if content == "a text":
            (tmp_path / "set" / "a.txt").write_text("x")
        if content == "broken":
            (tmp_path / "set" / "a.png").write_bytes(b"x")
        with pytest.raises(DataError, match=r"has no pictures|none of its pictures"):
            load(tmp_path / "set")

    def test_the_folder_of_the_published_sets_is_known(self, tmp_path: Path) -> None:
        (tmp_path / "set" / "MNIST" / "raw").mkdir(parents=True)
        with pytest.raises(DataError, match=r"set `data\.root` to this folder"):
            load(tmp_path / "set")

    def test_a_huge_picture_is_not_unpacked(self, tmp_path: Path) -> None:
        """A header that announces 100,000 x 100,000 pixels, in a file of a few bytes."""

        def chunk(kind: bytes, body: bytes) -> bytes:
            return (
                struct.pack(">I", len(body))
                + kind
                + body
                + struct.pack(">I", zlib.crc32(kind + body))
            )

        header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
        raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        save(tmp_path / "set" / "a.png")
        (tmp_path / "set" / "b.png").write_bytes(raw + chunk(b"IEND", b""))
        data = load(tmp_path / "set")
        assert len(data) == 1
        assert "pixels" in data.notes[0]

    def test_color_that_is_given_up_is_noted(self, tmp_path: Path) -> None:
        save(tmp_path / "set" / "a.png", color=(250, 0, 0), mode="RGB")
        assert "--channels 3" in for_shell(load(tmp_path / "set").notes[0])
        assert load(tmp_path / "set", channels=3).notes == ()

    def test_a_loop_of_links_ends(self, tmp_path: Path) -> None:
        save(tmp_path / "set" / "cats" / "a.png")
        (tmp_path / "set" / "cats" / "again").symlink_to(tmp_path / "set")
        (tmp_path / "set" / "up").symlink_to("..")
        data = load(tmp_path / "set")
        assert (len(data), data.classes) == (1, ("cats",))

    def test_a_deep_folder_and_strange_names(self, tmp_path: Path) -> None:
        place = tmp_path / "set" / "cats"
        deep = place
        deep.mkdir(parents=True)
        for _ in range(1200):  # deeper than Python's recursion
            deep /= "d"
            deep.mkdir()
        save(place / os.fsdecode(b"caf\xe9 \x1b[2J\n.png"))
        assert len(load(tmp_path / "set")) == 1
        for folder in (deep, *deep.parents):  # too deep for whoever tidies up
            if folder == place:
                break
            folder.rmdir()


class TestKept:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder that is worth keeping."""
        monkeypatch.setattr(cache, "WORTH_KEEPING", 3)
        for number, image in enumerate(noise_images(4, 8, 8)):
            path = tmp_path / "set" / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        (tmp_path / "set" / "a" / "broken.png").write_bytes(b"x")
        return tmp_path / "set"

    def test_a_second_start_reads_no_picture(
        self, folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = load(folder)
        assert len(list(kept.iterdir())) == 1
        monkeypatch.setattr("mnistgan.datasets.folder.decode", None)
        second = load(folder)
        assert second.digest == first.digest
        assert second.notes == first.notes
        assert second.classes == first.classes

    @pytest.mark.slow
    def test_pictures_of_the_right_size_need_no_torch(self, folder: Path) -> None:
        code = (
            "import sys; from mnistgan import datasets, config; "
            f"datasets.load(config.DataConfig(name={f'{folder}/'!r}, image_size=8)); "
            "assert 'torch' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_what_is_kept_needs_no_torch(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = load(folder, image_size=16)
        monkeypatch.setattr("mnistgan.datasets.fitting.import_torchvision", None)
        assert load(folder, image_size=16).digest == before.digest

    def test_what_changed_is_read_anew(self, folder: Path, kept: Path) -> None:
        before = load(folder)
        os.utime(folder / "a" / "0.png", ns=(1, 1))
        Image.new("L", (8, 8)).save(folder / "a" / "broken.png")
        after = load(folder)
        assert (len(before), len(after)) == (4, 5)
        assert len(list(kept.iterdir())) == 1
        load(folder, image_size=16)
        assert len(list(kept.iterdir())) == 2

    def test_what_may_pass_is_not_kept(
        self, folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patched:
            patched.setattr(Image, "open", fail)
            with pytest.raises(DataError, match="Too many open files"):
                load(folder)
        assert not kept.exists()
        assert len(load(folder)) == 4

    @pytest.mark.parametrize("content", [b"", b"<html>", None])
    def test_a_broken_file_is_made_anew(
        self, folder: Path, kept: Path, content: bytes | None
    ) -> None:
        first = load(folder)
        (path,) = kept.iterdir()
        path.write_bytes(path.read_bytes()[:-100] if content is None else content)
        assert load(folder).digest == first.digest

    def test_a_cache_that_cannot_be_written_stops_nothing(
        self, folder: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "cache").write_text("in the way")
        assert len(load(folder)) == 4
