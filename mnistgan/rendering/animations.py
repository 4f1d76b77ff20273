"""Moving pictures: a run's progress, and walks through latent space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from mnistgan.errors import UsageError
from mnistgan.rendering import grids
from mnistgan.rendering.grids import Picture, check_suffix
from mnistgan.storage import tables
from mnistgan.storage.atomic import atomic_path
from mnistgan.storage.run_directory import RunDirectory

ANIMATION_FORMATS = (".gif", ".webp", ".mp4")

MAX_FRAMES = 100
"""Of a run's progress; longer runs are thinned out evenly."""


def animate_training(run: RunDirectory, path: Path, fps: float | None = None) -> int:
    """Write a run's grids as an animation, labelled by epoch; returns the number of frames.

    Args:
        run: its samples/index.csv says which grids, in which order.
        path: GIF, WebP or MP4 by its ending.
        fps: frames a second; by default such that the whole lasts about ten seconds.

    Raises:
        UsageError: unknown ending, no run directory, or no grids in it.
    """
    check_suffix(path, ANIMATION_FORMATS)
    size = run.read_config().data.image_size
    saved = tables.read_samples(run.samples)
    if not saved:
        raise UsageError(
            f"{run.samples}: holds no grid yet; train an epoch with outputs.samples on"
        )
    chosen = [saved[index] for index in grids.spread(len(saved), MAX_FRAMES)]
    frames = [
        grids.caption(grids.enlarge(grids.read_grid(sample.file, size)), f"epoch {sample.epoch}")
        for sample in chosen
    ]
    if len({frame.shape for frame in frames}) > 1:
        raise UsageError(f"{run.samples}: its grids are not all of one size; do not mix runs")
    speed = fps or min(max(len(frames) / 10, 2), 30)
    save_animation(path, frames, speed, hold_last=1.5)
    return len(frames)


def save_animation(
    path: Path, frames: Sequence[Picture], fps: float, hold_last: float = 0.0
) -> None:
    """Write frames of one size as GIF, WebP or MP4, looping for ever, atomically.

    Args:
        path: its ending chooses the format.
        frames: the pictures, all of one shape.
        fps: frames a second.
        hold_last: seconds that the last frame stays longer.

    Raises:
        UsageError: unknown ending.
    """
    check_suffix(path, ANIMATION_FORMATS)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".mp4":
            still = [frames[-1]] * round(hold_last * fps)
            _save_mp4(temporary, [*frames, *still], fps)
        else:
            durations = [1000 / fps] * len(frames)
            durations[-1] += 1000 * hold_last
            temporary.write_bytes(_encode(frames, durations, path.suffix.lower()))


def _encode(frames: Sequence[Picture], durations: Sequence[float], suffix: str) -> bytes:
    """A GIF or lossless WebP of frames that each stay so many milliseconds."""
    duration = durations if len(frames) > 1 else durations[0]  # as Pillow wants it
    if suffix == ".webp":
        return grids.encode(frames, "WEBP", lossless=True, duration=duration, loop=0)
    lighter = [grids.lighter(frame) for frame in frames]  # 60 frames of digits: 1.4 MB, not 3.5
    return grids.encode(lighter, "GIF", duration=duration, loop=0)


def _save_mp4(path: Path, frames: Sequence[Picture], fps: float) -> None:
    height, width = (side + side % 2 for side in frames[0].shape[:2])  # H.264 takes even sides
    stack = np.zeros((len(frames), height, width, 3), np.uint8)
    for target, frame in zip(stack, frames, strict=True):
        target[: frame.shape[0], : frame.shape[1]] = grids.to_color(frame)
    iio.imwrite(path, stack, plugin="FFMPEG", fps=fps, codec="libx264", macro_block_size=2)
