"""Moving pictures: a run's progress, and walks through latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mnistgan import history, rendering
from mnistgan.errors import UsageError
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.rundir import RunDirectory

if TYPE_CHECKING:  # a run's progress is drawn without torch
    from mnistgan.latents import WalkPath
    from mnistgan.sampling import Generator

MAX_FRAMES = 100
"""Of a run's progress; longer runs are thinned out evenly."""


def has_frames(run: RunDirectory) -> bool:
    """Whether the run has left a grid to animate."""
    return (run.samples / "index.csv").is_file() and bool(history.read_samples(run.samples))


def animate_training(run: RunDirectory, path: Path, fps: float | None = None) -> int:
    """Write a run's grids as an animation, labelled by epoch; returns the number of frames.

    Args:
        run: its samples/index.csv says which grids, in which order.
        path: GIF, WebP or MP4 by its ending.
        fps: frames a second; by default such that the whole lasts about ten seconds.

    Raises:
        UsageError: unknown ending, no run directory, or no grids in it.
    """
    rendering.check_suffix(path, rendering.ANIMATION_FORMATS)
    size = run.read_config().data.image_size
    grids = history.read_samples(run.samples)
    if not grids:
        raise UsageError(
            f"{run.samples}: holds no grid yet; train an epoch with outputs.samples on"
        )
    chosen = [grids[index] for index in rendering.spread(len(grids), MAX_FRAMES)]
    frames = [
        rendering.caption(
            rendering.enlarge(rendering.read_grid(grid.file, size)), f"epoch {grid.epoch}"
        )
        for grid in chosen
    ]
    if len({frame.shape for frame in frames}) > 1:
        raise UsageError(f"{run.samples}: its grids are not all of one size; do not mix runs")
    speed = fps or min(max(len(frames) / 10, 2), 30)
    rendering.save_animation(path, frames, speed, hold_last=1.5)
    return len(frames)


def animate_walk(
    generator: Generator,
    path: Path,
    kind: WalkPath = "slerp",
    *,
    seed: int = 0,
    frames: int = 60,
    walkers: int = 16,
    fps: float = 15.0,
    on_progress: OnProgress = no_progress,
) -> None:
    """Write a seamless walk through latent space: a grid of walkers, looping for ever.

    Args:
        generator: whose images to show.
        path: GIF, WebP or MP4 by its ending.
        kind: see :func:`mnistgan.latents.walk`.
        seed: of the points walked through.
        frames: of one round.
        walkers: images in each frame.
        fps: frames a second.
        on_progress: called with the frames drawn so far.

    Raises:
        UsageError: unknown ending.
    """
    from mnistgan import latents

    rendering.check_suffix(path, rendering.ANIMATION_FORMATS)
    walk = latents.walk(kind, seed, walkers, frames, generator.config.model.latent_dim)
    pictures = []
    for z in walk:
        pictures.append(rendering.enlarge(rendering.grid(generator(z))))
        on_progress(Progress("drawing", len(pictures), frames, "frames"))
    rendering.save_animation(path, pictures, fps)
