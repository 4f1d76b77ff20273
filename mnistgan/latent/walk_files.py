"""A walk through a generator's latent space, from the generator file to the animation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnistgan.latent import walks
from mnistgan.latent.walks import Kind
from mnistgan.progress import OnProgress, no_progress
from mnistgan.sampling import conditioning
from mnistgan.sampling.generator import load_generator
from mnistgan.storage.atomic import check_target

_FPS = 15.0


def animate_walk(
    source: Path,
    path: Path,
    kind: Kind = "slerp",
    *,
    seed: int = 0,
    seeds: Sequence[int] = (),
    digits: str | None = None,
    frames: int | None = None,
    fps: float | None = None,
    on_progress: OnProgress = no_progress,
) -> None:
    """Draw a walk and write it.

    Args:
        source: generator file, checkpoint or run directory.
        path: GIF, WebP or MP4; or PNG for a still picture.
        kind: see :func:`walks.plan`, as ``seed``, ``seeds`` and ``frames``.
        seed: of random points.
        seeds: of given points.
        digits: classes of a conditional generator, as :func:`conditioning.parse` reads them.
        frames: in all; by default 15 from point to point, in a still picture 3.
        fps: frames per second; by default 15.
        on_progress: called with the frames drawn.

    Raises:
        UsageError: the file cannot be written, or the options do not suit the generator.
    """
    check_target(path, *walks.WALK_FORMATS)
    generator = load_generator(source)
    sequence = None if digits is None else conditioning.parse(digits, generator.classes)
    walk = walks.plan(
        generator,
        kind,
        frames=frames,
        seed=seed,
        seeds=seeds,
        class_sequence=sequence,
        pace=3 if path.suffix.lower() == ".png" else 15,  # a PNG shows all frames side by side
    )
    walks.draw_walk(generator, walk, path, fps or _FPS, on_progress)
