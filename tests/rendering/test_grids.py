"""Grids of images, and PNG files."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import noise_images

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.rendering import grids


@given(st.integers(1, 30), st.sampled_from([1, 3]), st.integers(1, 9))
def test_every_image_is_in_the_grid_once(count: int, channels: int, columns: int) -> None:
    images = np.arange(1, count + 1, dtype=np.uint8).reshape(-1, 1, 1, 1)
    images = np.broadcast_to(images, (count, channels, 4, 5))
    picture = grids.grid(images, columns)
    assert picture.ndim == (2 if channels == 1 else 3)
    for number in range(count):
        row, column = divmod(number, columns)
        top, left = 2 + row * 6, 2 + column * 7
        assert (picture[top : top + 4, left : left + 5] == number + 1).all()
    assert np.count_nonzero(picture) == count * channels * 20


@given(st.integers(1, 30), st.sampled_from([1, 3]), st.integers(4, 9), st.integers(1, 9))
def test_a_grid_gives_its_images_back(count: int, channels: int, size: int, columns: int) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, channels, size, size), np.uint8)
    found = grids.ungrid(grids.grid(images, columns), size)
    assert (found[:count] == images).all()
    assert not found[count:].any()


@pytest.mark.parametrize("shape", [(2, 2), (31, 32), (32, 33, 3)])
def test_other_pictures_are_not_grids(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="not a grid of 28 x 28 images"):
        grids.ungrid(np.zeros(shape, np.uint8), 28)


def test_a_hundred_images_make_ten_by_ten() -> None:
    assert grids.grid(np.zeros((100, 1, 28, 28), np.uint8)).shape == (302, 302)


@pytest.mark.parametrize(
    ("count", "scale", "side"),
    [
        (1, 10, 320),
        (4, 10, 620),
        (9, 9, 828),
        (64, 3, 726),
        (100, 2, 604),
        (1000, 2, 1924),
        (10_000, 1, 3002),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_is_enlarged_to_fill_a_screen(
    count: int, scale: int, side: int, channels: int
) -> None:
    picture = grids.grid(noise_images(count, channels, 28, 28))
    enlarged = grids.magnify(picture)
    assert enlarged.shape[:2] == (side, side)
    block = np.ones((scale, scale) if channels == 1 else (scale, scale, 1), np.uint8)
    np.testing.assert_array_equal(enlarged, np.kron(picture, block))


def test_a_data_set_without_labels_is_enlarged_too() -> None:
    images = noise_images(200, 1, 28, 28)
    picture = grids.class_grid(images, None, (), 10)
    assert picture.shape == (604, 604)
    assert_cells(picture, images[:100], 10, 2)


def assert_cells(picture: npt.NDArray[np.uint8], images: Images, columns: int, scale: int) -> None:
    """Hold a sheet against its images: each in its place, and gray around them."""
    picture = picture.copy()
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = ((28 + 2) * place * scale + 2 * scale for place in (row, column))
        cell = picture[top : top + 28 * scale, left : left + 28 * scale]
        for y, x in np.ndindex(scale, scale):
            shown = cell[y::scale, x::scale]
            expected = image[0] if picture.ndim == 2 else image.transpose(1, 2, 0)
            np.testing.assert_array_equal(shown, expected)
        cell[:] = 70
    assert (picture == 70).all()


@pytest.mark.parametrize(("count", "columns", "scale"), [(7, 3, 9), (100, 10, 2), (300, 20, 2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_sets_its_images_apart(
    tmp_path: Path, count: int, columns: int, scale: int, channels: int
) -> None:
    images = noise_images(count, channels, 28, 28)
    grids.save_png(tmp_path / "a.png", grids.sheet(images, columns))
    with Image.open(tmp_path / "a.png") as file:
        assert_cells(np.asarray(file), images, columns, scale)


def test_a_sheet_of_classes(tmp_path: Path) -> None:
    images = noise_images(9, 1, 28, 28)
    labels = np.array([2, 0, 2, 2, 2, 2, 2, 2, 2])
    grids.save_png(tmp_path / "a.png", grids.class_grid(images, labels, ("a", "b", "c"), 3))
    with Image.open(tmp_path / "a.png") as file:
        picture = np.asarray(file)
    # Three images in a row take 92 x 32, which fits 900 pixels 9 times. Each has a caption.
    first, second = np.split(picture, 2)
    assert first.shape == (32 * 9 + 18, 92 * 9)
    assert_cells(first[18:], images[[1]], 3, 9)
    assert_cells(second[18:], images[[0, 2, 3]], 3, 9)
    assert first[:18].max() > 200


@pytest.mark.parametrize("scale", [1, 3])
def test_a_scale_of_ones_own(scale: int) -> None:
    picture = grids.grid(noise_images(6, 1, 5, 4), columns=3)
    expected = np.kron(picture, np.ones((scale, scale), np.uint8))
    np.testing.assert_array_equal(grids.magnify(picture, scale), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_has_as_many_channels_as_the_images(tmp_path: Path, channels: int) -> None:
    picture = grids.grid(np.full((4, channels, 8, 8), 200, np.uint8))
    grids.save_png(tmp_path / "a.png", picture)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == ("L" if channels == 1 else "RGB")
    np.testing.assert_array_equal(grids.read_png(tmp_path / "a.png"), picture)


def test_a_file_that_is_not_a_png_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"a\.png"):
        grids.read_png(path)


def test_a_huge_picture_is_not_decoded(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"a\.png"):
        grids.read_png(tmp_path / "a.png")


def test_a_caption_is_a_strip_above() -> None:
    picture = np.full((100, 120), 7, np.uint8)
    captioned = grids.caption(picture, "epoch 12")
    np.testing.assert_array_equal(captioned[-100:], picture)
    assert captioned[:-100].max() > 200


@given(st.integers(1, 500), st.integers(2, 100))
def test_thinning_out_keeps_first_and_last(count: int, at_most: int) -> None:
    kept = grids.spread(count, at_most)
    assert kept[0] == 0
    assert kept[-1] == count - 1
    assert len(kept) == min(count, at_most)
    assert kept == sorted(set(kept))


def test_a_broken_chunk_inside_the_image_is_an_error_of_ours(tmp_path: Path) -> None:
    """Pillow raises a SyntaxError for it, and only while it decodes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + name + content + checksum

    rows = zlib.compress(bytes(33 * 32))
    header = (32).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows[:5])
    path = tmp_path / "a.png"
    path.write_bytes(start + chunk(b"IDAT", rows[5:]) + chunk(b"IEND", b""))
    assert not grids.read_png(path).any()
    path.write_bytes(start + chunk(b"\x103\xb3Z", rows[5:]) + chunk(b"IEND", b""))
    with pytest.raises(UsageError, match="cannot be read as a PNG"):
        grids.read_png(path)
