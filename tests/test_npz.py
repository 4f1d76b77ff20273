"""Arrays of images as .npz."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import Invoke

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.errors import DataError
from mnistgan.npz import read_npz, write_npz

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 4, 6, 3)])
def test_a_stream_reads_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pictures = RNG.integers(0, 256, shape, np.uint8)
    path = tmp_path / "a.npz"
    write_npz(path, [pictures[:3], pictures[3:]], shape)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False)["images"], pictures)
    images, labels = read_npz(path)
    assert images.shape == (5, 1 if len(shape) == 3 else 3, 4, 6)
    np.testing.assert_array_equal(np.moveaxis(images, 1, -1).reshape(shape), pictures)
    assert labels is None


def test_labels_become_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    images = RNG.integers(0, 256, (3, 8, 8), np.uint8)
    np.savez_compressed(path, images=images, labels=np.array([2, 0, 1], np.uint8))
    data = datasets.load(DataConfig(name=str(path), image_size=8))
    assert torch.equal(data.images[:, 0], torch.from_numpy(images))
    assert data.labels is not None
    assert data.labels.tolist() == [2, 0, 1]
    assert data.classes == ("0", "1", "2")


def test_colour_becomes_grey_and_grey_colour(tmp_path: Path) -> None:
    colour = np.zeros((2, 8, 8, 3), np.uint8)
    colour[0, ..., 1] = 200
    np.savez(tmp_path / "colour.npz", images=colour)
    name = str(tmp_path / "colour.npz")
    grey = datasets.load(DataConfig(name=name, image_size=8)).images
    assert grey[0].unique().tolist() == [round(200 * 0.587)]
    kept = datasets.load(DataConfig(name=name, image_size=8, channels=3)).images
    assert torch.equal(kept, torch.from_numpy(colour).permute(0, 3, 1, 2))


SQUARE = np.zeros((3, 8, 8), np.uint8)
BAD: list[tuple[dict[str, Any], str]] = [
    ({"x": SQUARE}, "holds no array 'images'"),
    ({"images": SQUARE.astype(np.float32)}, "its images are float32"),
    ({"images": SQUARE[0]}, "of shape"),
    ({"images": np.zeros((3, 8, 8, 4), np.uint8)}, "of shape"),
    ({"images": SQUARE[:0]}, "holds no image"),
    ({"images": SQUARE, "labels": np.zeros(2, np.int64)}, "its labels are int64 of shape"),
    ({"images": SQUARE, "labels": np.zeros(3)}, "its labels are float64"),
    ({"images": SQUARE, "labels": -np.ones(3, np.int64)}, "labels below 0"),
    ({"images": np.zeros((3, 8, 9), np.uint8)}, "make them square"),
    ({"images": np.array([{"a": 1}], dtype=object)}, "give an .npz"),
]


@pytest.mark.parametrize(("arrays", "words"), BAD)
def test_other_arrays_are_refused(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"a\.npz") as caught:
        datasets.load(DataConfig(name=str(path)))
    assert words in str(caught.value)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(bytes(2**20))
    with pytest.raises(DataError, match="unpacks to far more"):
        read_npz(path)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npz"
    path.write_bytes(raw)
    with pytest.raises(DataError):
        read_npz(path)


@given(st.data())
def test_altered_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "altered.npz"
    np.savez(path, images=SQUARE, labels=np.arange(3))
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        read_npz(path)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_samples_of_one_generator_train_another(
    invoke: Invoke, trained: Path, tiny_toml: Path, tmp_path: Path
) -> None:
    assert invoke("sample", "--ckpt", trained, "-n", 512, "--format", "npz").exit_code == 0
    result = invoke("train", "--config", tiny_toml, "--data", "samples.npz", "--output-dir", "run")
    assert result.exit_code == 0, result.output
    assert "512 images of 28x28x1 from samples.npz" in result.stderr
