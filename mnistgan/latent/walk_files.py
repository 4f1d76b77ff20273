"""Walks through latent space, written as an animation or a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnistgan.latent import walks
from mnistgan.latent.walks import Kind
from mnistgan.progress import OnProgress, no_progress
from mnistgan.rendering import animations, grids
from mnistgan.rendering.formats import ANIMATION_FORMATS
from mnistgan.sampling import conditioning
from mnistgan.sampling.generator import load_generator
from mnistgan.storage.atomic import check_target

WALK_FORMATS = (*ANIMATION_FORMATS, ".png")

_FPS = 15.0


def animate_walk(
    source: Path,
    path: Path,
    kind: Kind = "slerp",
    seed: int = 0,
    seeds: Sequence[int] = (),
    digits: str | None = None,
    frames: int | None = None,
    fps: float | None = None,
    on_progress: OnProgress = no_progress,
) -> None:
    """Write a walk as an animation that loops, or as a still picture of all frames.

    Args:
        source: generator file, checkpoint or run directory.
        path: GIF, WebP or MP4 for an animation. PNG for a still picture: one row per image and one
            column per frame; of a square only the first frame.
        kind: see :func:`walks.plan`.
        seed: see :func:`walks.plan`.
        seeds: see :func:`walks.plan`.
        digits: classes of a conditional generator, see :func:`conditioning.parse`.
        frames: length of the walk; by default 15 frames per section, or 3 in a still picture.
        fps: frames per second; by default 15.
        on_progress: called after each frame.

    Raises:
        UsageError: the file cannot be written, or the options do not fit the generator.
    """
    check_target(path, *WALK_FORMATS)
    animations.check_fps(path.suffix, fps)
    generator = load_generator(source)
    sequence = None if digits is None else conditioning.parse(digits, generator.classes)
    is_still = path.suffix.lower() == ".png"
    pace = 3 if is_still else 15  # a still picture shows all frames side by side
    walk = walks.plan(
        generator, kind, frames=frames, seed=seed, seeds=seeds, class_sequence=sequence, pace=pace
    )
    drawn = walks.draw(generator, walk, on_progress)
    if not is_still:
        pictures = (grids.enlarge(grids.grid(images)) for images in drawn)
        animations.save_animation(path, pictures, len(walk), fps or _FPS)
    elif walk.is_square:
        grids.save_png(path, grids.sheet(next(drawn)))
    else:
        rows = np.stack(list(drawn), axis=1)
        images = rows.reshape(-1, *rows.shape[2:])
        grids.save_png(path, grids.sheet(images, len(walk)))
