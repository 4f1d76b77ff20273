"""Animations as GIF, WebP or MP4."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from mnistgan.errors import UsageError
from mnistgan.rendering import grids
from mnistgan.rendering.grids import Picture
from mnistgan.storage import tables
from mnistgan.storage.atomic import atomic_path, check_target
from mnistgan.storage.run_directory import RunDirectory

ANIMATION_FORMATS = (".gif", ".webp", ".mp4")

MAX_FRAMES = 100
"""Of a run's progress; of longer runs, epochs are left out evenly."""


def animate_training(run: RunDirectory, path: Path, fps: float | None = None) -> int:
    """Write a run's sample grids as an animation, captioned with the epoch.

    Args:
        run: its samples/index.csv lists the grids and their order.
        path: file with the extension .gif, .webp or .mp4.
        fps: frames per second; by default chosen so that the animation lasts about ten seconds.

    Returns:
        The number of frames.

    Raises:
        UsageError: the extension is unknown, the run directory is not one, or it has no grids.
    """
    check_target(path, *ANIMATION_FORMATS)
    size = run.read_config().data.image_size
    saved = tables.existing_samples(run.samples)
    if not saved:
        raise UsageError(
            f"{run.samples}: no grids yet; train an epoch with outputs.samples enabled"
        )
    chosen = [saved[index] for index in grids.spread(len(saved), MAX_FRAMES)]
    frames = [
        grids.caption(grids.enlarge(grids.read_grid(sample.file, size)), f"epoch {sample.epoch}")
        for sample in chosen
    ]
    if len({frame.shape for frame in frames}) > 1:
        raise UsageError(f"{run.samples}: grids of different sizes; the folder mixes two runs")
    speed = fps or min(max(len(frames) / 10, 2), 30)
    save_animation(path, frames, speed, hold_last=1.5)
    return len(frames)


def save_animation(
    path: Path, frames: Sequence[Picture], fps: float, hold_last: float = 0.0
) -> None:
    """Write frames as an endlessly looping GIF or WebP, or as an MP4, atomically.

    Args:
        path: file with the extension .gif, .webp or .mp4.
        frames: the pictures, all of one shape.
        fps: frames per second.
        hold_last: seconds to hold the last frame longer.

    Raises:
        UsageError: the extension is unknown.
    """
    check_target(path, *ANIMATION_FORMATS)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".mp4":
            still = [frames[-1]] * round(hold_last * fps)
            _save_mp4(temporary, [*frames, *still], fps)
        else:
            durations = [1000 / fps] * len(frames)
            durations[-1] += 1000 * hold_last
            temporary.write_bytes(_encode(frames, durations, path.suffix.lower()))


def _encode(frames: Sequence[Picture], durations: Sequence[float], suffix: str) -> bytes:
    """Frames as a GIF or lossless WebP; durations in milliseconds."""
    duration = durations if len(frames) > 1 else durations[0]  # Pillow takes no list for one frame
    if suffix == ".webp":
        return grids.encode(frames, "WEBP", lossless=True, duration=duration, loop=0)
    reduced = [grids.reduce_levels(frame) for frame in frames]  # 60 frames: 1.4 MB, not 3.5
    return grids.encode(reduced, "GIF", duration=duration, loop=0)


def _save_mp4(path: Path, frames: Sequence[Picture], fps: float) -> None:
    height, width = (side + side % 2 for side in frames[0].shape[:2])  # H.264 needs even sides
    stack = np.zeros((len(frames), height, width, 3), np.uint8)
    for target, frame in zip(stack, frames, strict=True):
        target[: frame.shape[0], : frame.shape[1]] = grids.to_color(frame)
    iio.imwrite(path, stack, plugin="FFMPEG", fps=fps, codec="libx264", macro_block_size=2)
