"""IDX files of one's own, and how the path of one's own images is told from a name."""

from __future__ import annotations

import gzip
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import noise_images, to_idx

from mnistgan import datasets
from mnistgan.cli.wording import for_shell
from mnistgan.config import DataConfig, data_kind
from mnistgan.datasets import image_set
from mnistgan.datasets.fitting import Fit, recolor
from mnistgan.errors import ConfigError, DataError, UsageError

IMAGES, LABELS = noise_images(6, 8, 8), np.arange(6, dtype=np.uint8) % 3

LITTLE_ENDIAN = bytes([0, 0, 0x0C, 1, 0, 0, 0, 6]) + LABELS.astype("<i4").tobytes()


def load(path: Path, **keys: Any) -> datasets.ImageSet:
    return datasets.load(DataConfig.model_validate({"name": str(path), "image_size": 8, **keys}))


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Images and labels, named as MNIST's are."""
    (tmp_path / "my-images-idx3-ubyte").write_bytes(to_idx(IMAGES))
    (tmp_path / "my-labels-idx1-ubyte").write_bytes(to_idx(LABELS))
    return tmp_path / "my-images-idx3-ubyte"


def test_labels_are_found_beside_the_images(pair: Path) -> None:
    data = load(pair)
    np.testing.assert_array_equal(data.images[:, 0], IMAGES)
    np.testing.assert_array_equal(data.labels, LABELS)
    assert data.classes == ("0", "1", "2")


def test_gzipped_and_in_color(tmp_path: Path) -> None:
    color = noise_images(6, 8, 8, 3)
    (tmp_path / "images.gz").write_bytes(gzip.compress(to_idx(color)))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(to_idx(LABELS.astype(np.int32))))
    data = load(tmp_path / "images.gz", channels=3)
    np.testing.assert_array_equal(data.images, color.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(data.labels, LABELS)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("x-images-idx3-ubyte/x-images-idx3-ubyte", "x-labels-idx1-ubyte/x-labels-idx1-ubyte"),
        ("x-images-idx3-ubyte.gz", "x-labels-idx1-ubyte"),
    ],
)
def test_kaggles_names(tmp_path: Path, images: str, labels: str) -> None:
    for name, array in ((images, IMAGES), (labels, LABELS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(to_idx(array))
    np.testing.assert_array_equal(load(tmp_path / images).labels, LABELS)


def test_a_folder_of_idx_files_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "my set").mkdir()
    for name, array in (("a-images-idx3-ubyte", IMAGES), ("a-labels-idx1-ubyte", LABELS)):
        (tmp_path / "my set" / name).write_bytes(to_idx(array))
    with pytest.raises(
        DataError, match=r"has no pictures .* it has IDX files: use `data.name = "
    ) as error:
        datasets.load(DataConfig(name=f"{tmp_path}/my set"))
    _, advised = shlex.split(for_shell(str(error.value)).rpartition("use ")[2])
    np.testing.assert_array_equal(load(Path(advised)).labels, LABELS)


def test_labels_from_anywhere_or_none(pair: Path, tmp_path: Path) -> None:
    named = (tmp_path / "my-labels-idx1-ubyte").rename(tmp_path / "elsewhere")
    assert load(pair).labels is None
    np.testing.assert_array_equal(load(pair, labels=str(named)).labels, LABELS)


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (to_idx(IMAGES), to_idx(LABELS[:5]), "holds 5 labels, but .* holds 6 images"),
        (to_idx(IMAGES), to_idx(IMAGES), "labels are whole numbers, one per row"),
        (to_idx(IMAGES), to_idx(LABELS.astype(np.int32) - 9), "labels from -9 to -7"),
        (to_idx(LABELS), to_idx(LABELS), "images are uint8"),
        (to_idx(IMAGES.astype(np.int32)), to_idx(LABELS), "images are uint8"),
        (to_idx(IMAGES[:0]), to_idx(LABELS[:0]), "has no images"),
        (to_idx(IMAGES)[:-1], to_idx(LABELS), "is cut off: .* at most 383"),
        (b"<html>", to_idx(LABELS), "is not an IDX file"),
        (to_idx(IMAGES), LITTLE_ENDIAN, "has its labels in little-endian byte order"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, images: bytes, labels: bytes, words: str
) -> None:
    (tmp_path / "images").write_bytes(images)
    (tmp_path / "labels").write_bytes(labels)
    with pytest.raises(DataError, match=words) as caught:
        load(tmp_path / "images")
    assert "\n" not in str(caught.value)


def test_what_is_not_there_or_is_one_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe-ubyte")
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match="does not exist"):
        load(tmp_path / "pipe-ubyte")
    with pytest.raises(DataError, match="is not a regular file"):
        load(tmp_path / "pipe.npz")
    with pytest.raises(UsageError, match="has no home folder"):
        datasets.load(DataConfig(name="~nobody-of-this-name/photos"))
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="a single picture; give the folder"):
        load(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mnist", "published"),
        ("emnist-letters", "published"),
        ("a.npz", "npz"),
        ("./photos", "path"),
        ("photos/", "path"),
        ("..", "path"),
        ("~/photos", "path"),
        ("C:\\photos", "path"),
        ("train-images-idx3-ubyte", "path"),
        ("images.gz", "path"),
        ("photos", None),
        ("mnst", None),
    ],
)
def test_a_path_is_told_from_a_name_by_how_it_is_written(name: str, kind: str | None) -> None:
    assert data_kind(name) == kind
    if kind is None:
        with pytest.raises(ConfigError, match=rf"such as \./{name}"):
            DataConfig(name=name)


def test_labels_belong_to_a_file() -> None:
    with pytest.raises(ConfigError, match="labels are only for an IDX file"):
        DataConfig(name="mnist", labels="x")


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_gray_is_pillows(red: int, green: int, blue: int) -> None:
    from PIL import Image

    pillow = Image.new("RGB", (1, 1), (red, green, blue)).convert("L").getpixel((0, 0))
    assert recolor(np.array([[[[red, green, blue]]]], np.uint8), 1).item() == pillow


def test_more_than_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_set, "_physical_memory", lambda: 2**30)
    with pytest.raises(DataError, match=r"take 7\.3 GiB, this machine has 1\.0"):
        image_set.allocate(10_000_000, Fit(28, 1))


def test_equal_images_have_equal_digests(pair: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "same.npz", images=IMAGES, labels=LABELS)
    assert load(tmp_path / "same.npz").digest == load(pair).digest
    np.savez(tmp_path / "other.npz", images=IMAGES, labels=LABELS[::-1])
    assert load(tmp_path / "other.npz").digest != load(pair).digest
