"""Grids, animations and curves."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from mnistgan.errors import UsageError
from mnistgan.rendering import animations, curves, grids


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
def test_what_is_no_grid(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="no grid of 28 x 28 images"):
        grids.ungrid(np.zeros(shape, np.uint8), 28)


def test_a_hundred_images_make_ten_by_ten() -> None:
    assert grids.grid(np.zeros((100, 1, 28, 28), np.uint8)).shape == (302, 302)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_has_as_many_channels_as_the_images(tmp_path: Path, channels: int) -> None:
    picture = grids.grid(np.full((4, channels, 8, 8), 200, np.uint8))
    grids.save_png(tmp_path / "a.png", picture)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == ("L" if channels == 1 else "RGB")
    np.testing.assert_array_equal(grids.read_png(tmp_path / "a.png"), picture)


def test_a_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"a\.png"):
        grids.read_png(path)


def test_a_picture_larger_than_ours_is_not_decoded(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"a\.png"):
        grids.read_png(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("shape", [(31, 33), (31, 33, 3)])
def test_animations_play_what_they_were_given(
    tmp_path: Path, suffix: str, shape: tuple[int, ...]
) -> None:
    path = tmp_path / f"a{suffix}"
    frames = [np.full(shape, level, np.uint8) for level in (0, 128, 255)]
    animations.save_animation(path, frames, fps=10, hold_last=0.5)
    with iio.imopen(path, "r", plugin="pillow") as file:
        levels = [frame.mean() for frame in file.iter()]
    np.testing.assert_allclose(levels, [0, 128, 255], atol=6)
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        durations = []
        for frame in ImageSequence.Iterator(image):
            frame.load()
            durations.append(frame.info["duration"])
    assert durations == [100, 100, 600]
    assert [written.name for written in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
def test_one_frame_is_enough(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    animations.save_animation(path, [np.zeros((32, 32), np.uint8)], fps=2, hold_last=1.5)
    assert path.stat().st_size > 0


@pytest.mark.parametrize("shape", [(31, 33), (32, 64, 3)])
def test_a_film_has_even_sides_and_holds_its_last_frame(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "a.mp4"
    frames = [np.full(shape, level, np.uint8) for level in (0, 128, 255)]
    animations.save_animation(path, frames, fps=10, hold_last=0.5)
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert count == 8
    assert seconds == pytest.approx(0.8)


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown ending '\.avi'; use \.gif, \.webp, \.mp4"):
        animations.save_animation(tmp_path / "a.avi", [np.zeros((2, 2), np.uint8)], 1)


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


def test_smoothing_keeps_the_mean_of_a_constant_and_the_length() -> None:
    np.testing.assert_allclose(curves.smooth(np.full(1000, 3.0)), 3.0)
    assert curves.smooth(np.array([1.0])).tolist() == [1.0]
    noisy = np.random.default_rng(0).standard_normal(1000)
    assert curves.smooth(noisy).std() < noisy.std() / 3


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_curves_are_the_same_file_each_time(tmp_path: Path, suffix: str) -> None:
    steps = np.arange(1.0, 51.0)
    columns = ["step", "loss_D", "loss_G", "D(x)", "D(G(z1))"]
    metrics = {name: steps / 50 if name != "step" else steps for name in columns}
    written = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}{suffix}"
        curves.save_curves(path, {"run": metrics, "other": metrics}, ["probability", "probability"])
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_nothing_to_plot_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no step to plot"):
        curves.save_curves(tmp_path / "a.png", {"run": {"step": np.array([])}}, ["critic"])
