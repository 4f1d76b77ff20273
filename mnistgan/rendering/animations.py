"""Moving pictures: a run's progress, and walks through latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.rendering import grids
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory

if TYPE_CHECKING:  # a run's progress is drawn without torch
    from mnistgan.sampling import Generator
    from mnistgan.walks import Walk

MAX_FRAMES = 100
"""Of a run's progress; longer runs are thinned out evenly."""

WALK_FORMATS = (*grids.ANIMATION_FORMATS, ".png")


def has_frames(run: RunDirectory) -> bool:
    """Whether the run has left a grid to animate."""
    return bool(tables.read_samples(run.samples))


def animate_training(run: RunDirectory, path: Path, fps: float | None = None) -> int:
    """Write a run's grids as an animation, labelled by epoch; returns the number of frames.

    Args:
        run: its samples/index.csv says which grids, in which order.
        path: GIF, WebP or MP4 by its ending.
        fps: frames a second; by default such that the whole lasts about ten seconds.

    Raises:
        UsageError: unknown ending, no run directory, or no grids in it.
    """
    grids.check_suffix(path, grids.ANIMATION_FORMATS)
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
    grids.save_animation(path, frames, speed, hold_last=1.5)
    return len(frames)


def draw_walk(
    generator: Generator,
    walk: Walk,
    path: Path,
    fps: float = 15.0,
    on_progress: OnProgress = no_progress,
) -> None:
    """Write a walk: moving, looping for ever, or its frames side by side as one picture.

    Args:
        generator: that the walk was planned for.
        walk: which frames.
        path: GIF, WebP or MP4 by its ending; or a PNG with a row a walker and a column a frame, or
            of a square, with its first frame.
        fps: frames a second.
        on_progress: called with the frames drawn so far.

    Raises:
        UsageError: unknown ending.
    """
    grids.check_suffix(path, WALK_FORMATS)
    still = path.suffix.lower() == ".png"
    frames = draw_frames(generator, walk[:1] if still and walk.square else walk, on_progress)
    if still:
        columns = None if walk.square else len(frames)
        images = np.stack(frames, axis=1).reshape(-1, *frames[0].shape[1:])
        grids.save_png(path, grids.enlarge(grids.grid(images, columns)))
    else:
        pictures = [grids.enlarge(grids.grid(images)) for images in frames]
        grids.save_animation(path, pictures, fps)


def draw_frames(
    generator: Generator, walk: Walk, on_progress: OnProgress = no_progress
) -> list[Images]:
    """The images of each frame, uint8 N x C x H x W."""
    frames: list[Images] = []
    for z, labels in walk:
        frames.append(generator(z, labels))
        on_progress(Progress("drawing", len(frames), len(walk), "frames"))
    return frames
