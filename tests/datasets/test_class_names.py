"""The names of the classes: their order, strange folders, and the names beside labels."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import Invoke, noise_images, to_idx

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.datasets import class_names
from mnistgan.errors import DataError

NUMBERS = ("0", "1", "2", "10", "11")


def class_folders(root: Path, names: tuple[str, ...], each: int = 1) -> Path:
    """A folder per class; every picture of class number i has gray 10 * i."""
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for index in range(each):
            Image.new("L", (8, 8), 10 * number).save(root / name / f"{index}.png")
    return root


def load(path: Path | str, **keys: object) -> datasets.ImageSet:
    return datasets.load(DataConfig.model_validate({"name": str(path), "image_size": 8, **keys}))


class TestOrder:
    @pytest.mark.parametrize(
        "names",
        [
            NUMBERS,
            ("-10", "-2", "0", "3"),
            ("00", "1", "01", "9", "010"),
            ("7", "20", "100000000000000000000"),
            ("1", "10", "2", "b"),
            ("1.5", "10", "2"),
        ],
    )
    def test_whole_numbers_are_ordered_as_numbers(
        self, tmp_path: Path, names: tuple[str, ...]
    ) -> None:
        try:
            expected = sorted(sorted(names), key=int)
        except ValueError:
            expected = sorted(names)
        class_folders(tmp_path / "set", names)
        data = load(f"{tmp_path}/set/")
        assert data.classes == tuple(expected)
        grays = {name: 10 * number for number, name in enumerate(names)}
        assert data.labels is not None
        for image, label in zip(data.images, data.labels, strict=True):
            assert image.max() == grays[data.classes[label]]

    @given(st.lists(st.integers(-(10**30), 10**30), unique=True))
    def test_any_numbers(self, numbers: list[int]) -> None:
        assert class_names.in_order(map(str, numbers)) == list(map(str, sorted(numbers)))

    def test_folders_without_pictures_do_not_count(self, tmp_path: Path) -> None:
        class_folders(tmp_path / "set", NUMBERS)
        (tmp_path / "set" / "notes").mkdir()
        assert load(f"{tmp_path}/set/").classes == NUMBERS


STRANGE = {
    os.fsdecode(b"caf\xe9"): r"caf\xe9",
    "two\nlines": r"two\nlines",
    "bell\x07": r"bell\x07",
    "page\x85": r"page\x85",
    "line\u2028": r"line\u2028",
    "été": "été",
    "😀 family": "😀 family",
}


class TestStrangeFolders:
    def test_every_command_takes_them(
        self, tmp_path: Path, invoke: Invoke, tiny_toml: Path
    ) -> None:
        names = tuple(STRANGE)
        class_folders(tmp_path / "set", names, each=20)
        expected = {STRANGE[name]: 10 * number for number, name in enumerate(names)}
        data = load(f"{tmp_path}/set/")
        assert data.labels is not None
        assert {
            data.classes[label]: int(image.max())
            for image, label in zip(data.images, data.labels, strict=True)
        } == expected
        sets = (
            "data.name=./set",
            "data.image_size=8",
            "model.conditional=true",
            "train.batch_size=20",
        )
        options = [word for one in sets for word in ("--set", one)]
        commands = (
            ("train", "--config", tiny_toml, *options, "--epochs", 1, "--output-dir", "run"),
            ("sample", "--ckpt", "run", "--digits", r"two\nlines", "-n", 3, "--format", "npz"),
            ("sample", "--ckpt", "run", "-n", 3, "--format", "shards"),
            ("data", "show", "./set"),
            ("data", "verify", "./set"),
            ("info", "run"),
        )
        for command in commands:
            result = invoke(*command)
            assert result.exit_code == 0, result.output
        with np.load("samples.npz") as arrays:
            assert arrays["classes"][arrays["labels"]].tolist() == [r"two\nlines"] * 3
        text = Path("shards/classes.txt").read_bytes().decode().split("\n")
        assert text == [*data.classes, ""]
        manifest = json.loads(Path("shards/manifest.json").read_text(encoding="utf-8"))
        assert manifest["recipe"]["labels"]["classes"] == list(data.classes)

    def test_the_path_of_the_data_is_text(self, tmp_path: Path, invoke: Invoke) -> None:
        path = Path(os.fsdecode(b"caf\xe9"))
        class_folders(path, ("a", "b"), each=20)
        options = ("--image-size", 8, "--set", "train.batch_size=20", "--epochs", 1)
        for data in (f"./{path}", f"{path}/a", str(path.absolute())):
            for command in (("train", *options, "--data", data), ("data", "show", data)):
                result = invoke(*command)
                assert result.exit_code == 2
                assert "is not UTF-8, which a config must be; rename it, or name a link" in (
                    result.stderr
                )
        Path("link").symlink_to(path)  # the cure
        result = invoke("train", *options, "--data", "./link", "--output-dir", "run")
        assert result.exit_code == 0, result.output

    @pytest.mark.parametrize("names", [("a\n", r"a\n"), ("x\n" * 120, "y")])
    def test_what_cannot_be_told_apart_is_refused(
        self, tmp_path: Path, names: tuple[str, ...]
    ) -> None:
        class_folders(tmp_path / "set", names)
        with pytest.raises(DataError, match="rename it") as caught:
            load(f"{tmp_path}/set/")
        assert "\n" not in str(caught.value)

    def test_names_of_files_in_notes_are_one_line(self, tmp_path: Path) -> None:
        class_folders(tmp_path / "set", ("a", "b"))
        (tmp_path / "set" / "a" / os.fsdecode(b"\xff\n.txt")).write_text("")
        (tmp_path / "set" / "a" / os.fsdecode(b"\xff\n.png")).write_text("")
        for note in load(f"{tmp_path}/set/").notes:
            assert "\n" not in note
            note.encode()


IMAGES, LABELS = noise_images(6, 8, 8), np.array([0, 1, 2, 3, 4, 4])


class TestBesideLabels:
    def idx(self, tmp_path: Path, content: bytes | None) -> datasets.ImageSet:
        (tmp_path / "my-images").write_bytes(to_idx(IMAGES))
        (tmp_path / "my-labels").write_bytes(to_idx(LABELS.astype(np.uint8)))
        if content is not None:
            (tmp_path / "classes.txt").write_bytes(content)
        return load(tmp_path / "my-images")

    @pytest.mark.parametrize(
        "content",
        [
            b"0\n1\n2\n10\n11\n",
            b"0\n1\n2\n10\n11",
            b"\xef\xbb\xbf0\r\n1\r\n2\r\n10\r\n11\r\n",
        ],
    )
    def test_a_text_file_beside_idx(self, tmp_path: Path, content: bytes) -> None:
        data = self.idx(tmp_path, content)
        assert data.classes == NUMBERS
        assert data.notes == ()

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, None),
            (b"", None),
            (b"a\nb\n", "there are 2 and the labels go up to 4"),
            (b"a\nb\na\nc\nd\n", "'a' is there twice"),
            (b"a\nb\n\nc\nd\n", "'' cannot be a name"),
            (b"a\nb\n" + b"x" * 256 + b"\nc\nd\n", "cannot be a name"),
            (b"".join(b"%d\n" % number for number in range(10_001)), "more than 10,000"),
        ],
    )
    def test_what_cannot_be_names_is_noted_and_left_out(
        self, tmp_path: Path, content: bytes | None, words: str | None
    ) -> None:
        data = self.idx(tmp_path, content)
        assert data.classes == ("0", "1", "2", "3", "4")
        assert [words in note for note in data.notes] == [True] if words else not data.notes

    def test_other_encodings_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"classes\.txt: is not UTF-8 text"):
            self.idx(tmp_path, b"caf\xe9\n")

    @pytest.mark.parametrize(
        "names", [NUMBERS, ("T-shirt", "b", "été", "d", "e"), (3, 5, 7, 9, 11)]
    )
    def test_classes_in_npz(self, tmp_path: Path, names: tuple[object, ...]) -> None:
        np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, classes=np.array(names))
        data = load(tmp_path / "a.npz")
        assert data.classes == tuple(map(str, names))
        assert data.notes == ()

    @pytest.mark.parametrize(
        "classes",
        [
            np.zeros(5),
            np.array([b"a", b"b"]),
            np.zeros((5, 5), np.int64),
            np.array(["x" * 300] * 5),
            np.array("abcde"),
            np.array(["", ""]),
            np.array(["a", "b"]),
            np.array(["a", "b", "c", "d", "a\n"]),
            np.array([""] * 5),
        ],
    )
    def test_other_arrays_of_that_name_do_no_harm(
        self, tmp_path: Path, classes: np.ndarray
    ) -> None:
        np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, classes=classes)
        assert load(tmp_path / "a.npz").classes == ("0", "1", "2", "3", "4")

    def test_code_points_that_do_not_exist(self, tmp_path: Path) -> None:
        wrong = np.full(5, 0xFFFFFFFF, np.uint32).view("<U1")
        np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, classes=wrong)
        with pytest.raises(DataError):
            load(tmp_path / "a.npz")
