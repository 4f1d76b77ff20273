"""Animations as GIF, WebP or MP4."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np

from mnistgan.errors import UsageError
from mnistgan.rendering import grids
from mnistgan.rendering.formats import ANIMATION_FORMATS, GIF_MAX_FPS
from mnistgan.rendering.grids import Picture
from mnistgan.storage import tables
from mnistgan.storage.atomic import atomic_path, check_target
from mnistgan.storage.run_directory import RunDirectory

MAX_FRAMES = 100
"""Frames of a run's animation; for longer runs, epochs are skipped evenly."""


def animate_training(run: RunDirectory, path: Path, fps: float | None = None) -> int:
    """Write a run's sample grids as an animation, captioned with the epoch.

    Args:
        run: a run with samples/index.csv, which lists the grids in order.
        path: file with the extension .gif, .webp or .mp4.
        fps: frames per second; by default chosen so that the animation lasts about ten seconds.

    Returns:
        The number of frames.

    Raises:
        UsageError: the extension is unknown, the format cannot play at this speed, or the run
            directory is not one or has no grids.
    """
    check_target(path, *ANIMATION_FORMATS)
    check_fps(path.suffix, fps)
    size = run.read_config().data.image_size
    saved = tables.existing_samples(run.samples)
    if not saved:
        raise UsageError(
            f"{run.samples}: has no grids yet; train an epoch with outputs.samples enabled"
        )
    chosen = [saved[index] for index in grids.spread(len(saved), MAX_FRAMES)]
    frames = [
        grids.caption(grids.enlarge(grids.read_grid(sample.file, size)), f"epoch {sample.epoch}")
        for sample in chosen
    ]
    if len({frame.shape for frame in frames}) > 1:
        raise UsageError(
            f"{run.samples}: has grids of different sizes, so of two runs; delete those of one run"
        )
    speed = fps or min(max(len(frames) / 10, 2), 30)
    save_animation(path, frames, len(frames), speed, hold_last=1.5)
    return len(frames)


def check_fps(suffix: str, fps: float | None) -> None:
    """Check that a format can play this many frames per second, before the frames are drawn.

    Raises:
        UsageError: more than a GIF can play.
    """
    if fps is not None and suffix.lower() == ".gif" and fps > GIF_MAX_FPS:
        raise UsageError(
            f"a GIF plays at most {GIF_MAX_FPS} frames per second, not {fps:g}; "
            f"use {GIF_MAX_FPS}, or .webp or .mp4"
        )


def save_animation(
    path: Path, frames: Iterable[Picture], count: int, fps: float, hold_last: float = 0.0
) -> None:
    """Write frames as an endlessly looping GIF or WebP, or as an MP4, atomically.

    Args:
        path: file with the extension .gif, .webp or .mp4.
        frames: the pictures, all of one shape. An iterator is read frame by frame.
        count: number of frames.
        fps: frames per second.
        hold_last: additional seconds for which the last frame is shown.

    Raises:
        UsageError: the extension is unknown, or the format cannot play at this speed.
    """
    check_target(path, *ANIMATION_FORMATS)
    suffix = path.suffix.lower()
    check_fps(suffix, fps)
    with atomic_path(path) as temporary:
        if suffix == ".mp4":
            _save_mp4(temporary, frames, fps, round(hold_last * fps))
        else:
            durations = delays(count, fps, hold_last, tick=10 if suffix == ".gif" else 1)
            temporary.write_bytes(_encode(frames, durations, suffix))


def delays(count: int, fps: float, hold_last: float, tick: int) -> list[int]:
    """Compute how long each frame is shown, in milliseconds.

    Each end is rounded to a tick, not each delay: at 15 frames per second, delays of 6.67
    centiseconds would all become 6 or 7 and the animation 5 to 10% too fast or slow. So the total
    is off by half a tick at most.

    Args:
        count: number of frames.
        fps: frames per second.
        hold_last: seconds that the last frame is shown longer.
        tick: milliseconds that the format counts in.
    """
    seconds = [number / fps for number in range(count + 1)]
    seconds[-1] += hold_last
    ends = [tick * round(1000 / tick * second) for second in seconds]
    return [end - start for start, end in itertools.pairwise(ends)]


def _encode(frames: Iterable[Picture], durations: list[int], suffix: str) -> bytes:
    """Frames as a GIF or lossless WebP; durations in milliseconds."""
    duration = durations if len(durations) > 1 else durations[0]  # Pillow's format for one frame
    if suffix == ".webp":
        return grids.encode(frames, "WEBP", lossless=True, duration=duration, loop=0)
    # 32 gray levels compress better: 60 frames take 1.4 MB instead of 3.5.
    reduced = map(grids.reduce_levels, frames)
    return grids.encode(reduced, "GIF", duration=duration, loop=0)


def _save_mp4(path: Path, frames: Iterable[Picture], fps: float, still: int) -> None:
    """Frames as H.264; the last one is written ``still`` more times."""
    # The interface of imageio.v3 takes all frames of a video at once: 4 GB for 2,000 of them.
    # macro_block_size: otherwise imageio changes the size to multiples of 16.
    writer: Any = imageio.get_writer(
        path, format="FFMPEG", fps=fps, codec="libx264", macro_block_size=2
    )
    with writer:
        for frame in frames:
            height, width = frame.shape[:2]
            # H.264 needs even sides.
            even = np.pad(grids.to_color(frame), ((0, height % 2), (0, width % 2), (0, 0)))
            writer.append_data(even)
        for _ in range(still):
            writer.append_data(even)
