"""Arrays of images as .npz."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Invoke, noise_images

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.errors import DataError
from mnistgan.storage.npz import open_npz, write_npz


def load(path: Path, **keys: Any) -> datasets.ImageSet:
    return datasets.load(DataConfig.model_validate({"name": str(path), "image_size": 8, **keys}))


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 4, 6, 3)])
def test_a_stream_reads_back_in_pieces(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pictures = noise_images(*shape)
    path = tmp_path / "a.npz"
    write_npz(path, [(pictures[:3], None), (pictures[3:], None)], shape)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False)["images"], pictures)
    with open_npz(path) as file:
        assert file.shape == (5, 4, 6, 1 if len(shape) == 3 else 3)
        assert file.labels is None
        read = np.concatenate(list(file.blocks(2)))
    np.testing.assert_array_equal(read.reshape(shape), pictures)


def test_labels_are_written_after_the_images(tmp_path: Path) -> None:
    pictures, labels = noise_images(5, 4, 6), np.arange(5)
    paths = [tmp_path / name for name in ("whole.npz", "pieces.npz")]
    write_npz(paths[0], [(pictures, labels)], pictures.shape)
    write_npz(paths[1], [(pictures[:2], labels[:2]), (pictures[2:], labels[2:])], pictures.shape)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with np.load(paths[0], allow_pickle=False) as file:
        np.testing.assert_array_equal(file["images"], pictures)
        np.testing.assert_array_equal(file["labels"], labels)
        assert file["labels"].dtype == np.int64
    with open_npz(paths[0]) as opened:
        assert opened.labels is not None
        np.testing.assert_array_equal(opened.labels, labels)


def test_other_arrays_are_written_too(tmp_path: Path) -> None:
    pictures = noise_images(2, 4, 6)
    more = {"widths": np.array([6, 3], ">i8"), "texts": np.array(["12", "\u00e93"])}
    write_npz(tmp_path / "a.npz", [(pictures, np.arange(2))], pictures.shape, ["a", "b"], more)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert set(file) == {"images", "labels", "classes", "widths", "texts"}
        assert file["widths"].tolist() == [6, 3]
        assert file["texts"].tolist() == ["12", "\u00e93"]
        assert file["classes"].tolist() == ["a", "b"]


def test_labels_become_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    images = noise_images(3, 8, 8)
    np.savez_compressed(path, images=images, labels=np.array([2, 0, 1], np.uint8))
    data = load(path)
    np.testing.assert_array_equal(data.images[:, 0], images)
    assert data.labels is not None
    assert data.labels.tolist() == [2, 0, 1]
    assert data.classes == ("0", "1", "2")


def test_color_becomes_gray_only_with_a_note(tmp_path: Path) -> None:
    color = np.zeros((2, 8, 8, 3), np.uint8)
    color[0, ..., 1] = 200
    np.savez(tmp_path / "color.npz", images=color)
    gray = load(tmp_path / "color.npz")
    assert set(gray.images[0].ravel()) == {round(200 * 0.587)}
    assert "`data.channels = 3`" in gray.notes[0]
    kept = load(tmp_path / "color.npz", channels=3)
    np.testing.assert_array_equal(kept.images, color.transpose(0, 3, 1, 2))
    assert kept.notes == ()


SQUARE = np.zeros((3, 8, 8), np.uint8)
BAD: list[tuple[dict[str, Any], str]] = [
    ({"x": SQUARE}, "has no array 'images'"),
    ({"images": SQUARE.astype(np.float32)}, "its images are float32"),
    ({"images": SQUARE[0]}, "of shape"),
    ({"images": np.zeros((3, 8, 8, 4), np.uint8)}, "of shape"),
    ({"images": SQUARE[:0]}, "contains no images"),
    ({"images": SQUARE, "labels": np.zeros(2, np.int64)}, "its labels are int64 of shape"),
    ({"images": SQUARE, "labels": np.zeros(3)}, "its labels are float64"),
    ({"images": SQUARE, "labels": -np.ones(3, np.int64)}, "labels from -1 to -1"),
    ({"images": SQUARE, "labels": np.full(3, 10**12)}, "give 0 to 9999"),
    ({"images": np.asfortranarray(noise_images(3, 8, 8))}, "Fortran"),
    ({"images": np.array([{"a": 1}], dtype=object)}, "its images are object"),
]


@pytest.mark.parametrize(("arrays", "words"), BAD)
def test_other_arrays_are_refused(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"a\.npz") as caught:
        load(path)
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
        load(path)


def test_members_that_unpack_without_bounds_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("images.npy", bytes(100))
    with pytest.raises(DataError, match="compressed in a way that NumPy never uses"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', (", "{[]: 1}", "{'descr': (), 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 28, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28)}",
        "{" + " " * 60_000 + "}",
    ],
)  # fmt: skip
def test_invalid_headers(tmp_path: Path, header: str) -> None:
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(784)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", raw)
    with pytest.raises(DataError, match=r"give an \.npz with images") as caught:
        load(tmp_path / "a.npz")
    assert "pickle" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npz"
    path.write_bytes(raw)
    with pytest.raises(DataError):
        load(path)


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
        load(path)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_samples_of_one_generator_train_another(
    invoke: Invoke, trained: Path, tiny_toml: Path, tmp_path: Path
) -> None:
    assert invoke("sample", "--ckpt", trained, "-n", 512, "--format", "npz").exit_code == 0
    result = invoke("train", "--config", tiny_toml, "--data", "samples.npz", "--output-dir", "run")
    assert result.exit_code == 0, result.output
    assert "512 images of 28x28x1 from samples.npz" in result.stderr
