"""Animations, read back from their files."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from pathlib import Path

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageSequence

from mnistgan.errors import UsageError
from mnistgan.rendering import animations


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("shape", [(31, 33), (31, 33, 3)])
def test_animations_play_what_they_were_given(
    tmp_path: Path, suffix: str, shape: tuple[int, ...]
) -> None:
    path = tmp_path / f"a{suffix}"
    frames = [np.full(shape, level, np.uint8) for level in (0, 128, 255)]
    animations.save_animation(path, frames, 3, fps=10, hold_last=0.5)
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
    animations.save_animation(path, [np.zeros((32, 32), np.uint8)], 1, fps=2, hold_last=1.5)
    assert path.stat().st_size > 0


@pytest.mark.parametrize("shape", [(31, 33), (32, 64, 3)])
def test_an_mp4_has_even_sides_and_holds_its_last_frame(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "a.mp4"
    frames = [np.full(shape, level, np.uint8) for level in (0, 128, 255)]
    animations.save_animation(path, frames, 3, fps=10, hold_last=0.5)
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert count == 8
    assert seconds == pytest.approx(0.8)


def test_an_unknown_extension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown extension '\.avi'; use \.gif, \.webp, \.mp4"):
        animations.save_animation(tmp_path / "a.avi", [np.zeros((2, 2), np.uint8)], 1, 1)


def gif_delays(path: Path) -> list[int]:
    """The delays in a GIF's graphic control extensions, in centiseconds, read from its bytes."""
    content = path.read_bytes()
    found = re.findall(rb"\x21\xf9\x04.(..).\x00(?=[\x2c\x21])", content, re.DOTALL)
    return [int.from_bytes(delay, "little") for delay in found]


def webp_delays(path: Path) -> list[int]:
    """The durations in a WebP's ANMF chunks, in milliseconds, read from its bytes."""
    content = path.read_bytes()
    return [
        int.from_bytes(content[at + 20 : at + 23], "little")
        for at in (found.start() for found in re.finditer(b"ANMF", content))
    ]


@pytest.mark.parametrize("fps", [0.5, 3, 7, 15, 24, 29.97, 30, 33, 40, 49, 50])
def test_a_gif_lasts_as_long_as_it_should(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "a.gif"
    frames = [np.full((8, 8), 8 * number % 256, np.uint8) for number in range(31)]
    animations.save_animation(path, frames, 31, fps, hold_last=1.5)
    found = gif_delays(path)
    assert len(found) == 31
    assert abs(sum(found) - 100 * (31 / fps + 1.5)) <= 0.5 + 1e-6
    assert min(found) >= 2, "browsers play these at 10 frames per second"
    assert max(found[:-1]) - min(found[:-1]) <= 1


@pytest.mark.parametrize("fps", [15, 29.97, 60])
def test_a_webp_lasts_as_long_as_it_should(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "a.webp"
    frames = [np.full((8, 8), 8 * number % 256, np.uint8) for number in range(31)]
    animations.save_animation(path, frames, 31, fps)
    found = webp_delays(path)
    assert len(found) == 31
    assert abs(sum(found) - 1000 * 31 / fps) <= 0.5 + 1e-6


@pytest.mark.parametrize("fps", [15, 29.97, 60])
def test_an_mp4_lasts_as_long_as_it_should(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "a.mp4"
    frames = (np.full((8, 8), 8 * number, np.uint8) for number in range(31))
    animations.save_animation(path, frames, 31, fps)
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert count == 31
    assert seconds == pytest.approx(31 / fps, abs=0.02)


def test_frames_that_do_not_change_keep_the_length(tmp_path: Path) -> None:
    frames = [np.full((8, 8), level, np.uint8) for level in (0, 0, 0, 200, 200, 0, 0)]
    animations.save_animation(tmp_path / "a.gif", frames, 7, fps=15)
    assert sum(gif_delays(tmp_path / "a.gif")) == 47  # 7 / 15 s


def test_a_gif_faster_than_browsers_show_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 50 frames per second, not 60; use 50, or"):
        animations.save_animation(tmp_path / "a.gif", [np.zeros((8, 8), np.uint8)], 1, 60)
    assert not list(tmp_path.iterdir())


def test_frames_are_read_one_by_one(tmp_path: Path) -> None:
    """An MP4 of 2,000 frames holds one of them in memory."""
    alive: list[weakref.ref[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]] = []

    def frames() -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        for number in range(50):
            assert sum(frame() is not None for frame in alive) <= 2
            frame = np.full((8, 8), number, np.uint8)
            alive.append(weakref.ref(frame))
            yield frame

    animations.save_animation(tmp_path / "a.mp4", frames(), 50, fps=10)
    assert len(alive) == 50
