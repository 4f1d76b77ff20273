"""Animations, read back from their files."""

from __future__ import annotations

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
def test_an_mp4_has_even_sides_and_holds_its_last_frame(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "a.mp4"
    frames = [np.full(shape, level, np.uint8) for level in (0, 128, 255)]
    animations.save_animation(path, frames, fps=10, hold_last=0.5)
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert count == 8
    assert seconds == pytest.approx(0.8)


def test_an_unknown_extension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown extension '\.avi'; use \.gif, \.webp, \.mp4"):
        animations.save_animation(tmp_path / "a.avi", [np.zeros((2, 2), np.uint8)], 1)
