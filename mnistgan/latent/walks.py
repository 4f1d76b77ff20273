"""Walks through latent space, and from class to class, as frames to be drawn.

Each walk is closed: the frame after the last would be the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mnistgan.arrays import Images
from mnistgan.errors import UsageError
from mnistgan.latent import interpolation
from mnistgan.latent.interpolation import FloatArray, WalkPath, lerp, slerp
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.rendering import grids
from mnistgan.rendering.animations import ANIMATION_FORMATS, save_animation
from mnistgan.sampling import conditioning
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator
from mnistgan.sampling.sampler import SamplingOptions
from mnistgan.storage.atomic import check_target

WALK_FORMATS = (*ANIMATION_FORMATS, ".png")

Kind: TypeAlias = WalkPath | Literal["classes", "corners"]

_WALKERS = 16
_MOST_FRAMES = 2000
_SIDE = 10  # of the square between four corners
_RING = (0, 1, 3, 2)  # the corners as one goes round the square


@dataclass(frozen=True)
class Walk:
    """What each frame shows; iterating gives the frames' z and labels, ready for a generator.

    Attributes:
        z: float32, frames x walkers x latent_dim.
        labels: how much of each class, float32, frames x walkers x classes; None for a generator
            that knows none.
        square: whether the walkers are four corners, and a frame shows the square between them.
    """

    z: FloatArray
    labels: FloatArray | None
    square: bool = False

    def __len__(self) -> int:
        return len(self.z)

    def __getitem__(self, frames: slice) -> Walk:
        labels = None if self.labels is None else self.labels[frames]
        return replace(self, z=self.z[frames], labels=labels)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        for frame, z in enumerate(self.z):
            labels = None if self.labels is None else self.labels[frame]
            if self.square:
                z = interpolation.square(z, _SIDE, slerp)
                labels = None if labels is None else interpolation.square(labels, _SIDE, lerp)
            yield torch.tensor(z), None if labels is None else torch.tensor(labels)


def plan(
    generator: Generator,
    kind: Kind = "slerp",
    *,
    frames: int | None = None,
    seed: int = 0,
    seeds: Sequence[int] = (),
    class_sequence: ClassSequence | None = None,
    pace: int = 15,
) -> Walk:
    """A walk of one's choice.

    Args:
        generator: that will be asked for the images.
        kind: ``slerp``, ``linear``, ``circle``: see :func:`interpolation.walk`; ``classes``: z
            stays, the label goes round the classes; ``corners``: the square between four z, whose
            corners walk by slerp.
        frames: of one round; by default ``pace`` from each point to the next.
        seed: of the points that are walked through, of 16 walkers or of four corners; of
            ``classes``, the noise is that of the seed's first 16 samples.
        seeds: walk through image 0 of each of these seeds, instead, as it is sampled; of
            ``classes``, show these; of ``corners``, begin with these: first the upper two.
        class_sequence: classes of a conditional generator. Of ``classes``, those to go through, by
            default all; of points given by ``seeds``, one for all or one for each; of other
            walkers, their classes in turn, by default all.
        pace: see ``frames``.

    Raises:
        UsageError: the seeds, classes or frames do not suit the kind or the generator.
    """
    class_sequence_for = SamplingOptions(class_sequence=class_sequence).class_sequence_for(
        generator
    )
    _check(kind, seeds, len(class_sequence.classes) if class_sequence else 0)
    points = (
        len(class_sequence_for.classes) if kind == "classes" and class_sequence_for else len(seeds)
    )
    if frames is not None and frames < points:
        raise UsageError(f"a walk past {points} points takes {points} frames, not {frames}")
    frames = frames or pace * (points or 4)
    if frames > _MOST_FRAMES:
        raise UsageError(
            f"a walk past {points:,} points would take {frames:,} frames, more than "
            f"{_MOST_FRAMES}; name fewer classes or seeds, or give --frames"
        )
    if kind == "classes":
        return _through_classes(generator, frames, SamplingOptions(seed), seeds, class_sequence_for)
    if seeds:
        z, labels = _images(generator, [SamplingOptions(one, class_sequence) for one in seeds])
        return (
            _turning(z, labels, frames) if kind == "corners" else through(z, labels, frames, kind)
        )
    walkers = 4 if kind == "corners" else _WALKERS
    path: WalkPath = "slerp" if kind == "corners" else kind
    walk = interpolation.walk(
        path, seed, walkers, frames, generator.config.model.latent_dim
    ).numpy()
    if class_sequence_for is None:
        return Walk(walk, None, kind == "corners")
    labels = conditioning.one_hot(class_sequence_for.labels(0, walkers), generator.classes)
    return Walk(walk, np.broadcast_to(labels, (frames, *labels.shape)), kind == "corners")


def through(
    z: FloatArray, labels: FloatArray | None, frames: int, path: WalkPath = "slerp"
) -> Walk:
    """One walker that goes through some points, and back to the first.

    Args:
        z: float32, P x latent_dim.
        labels: how much of each class, P x classes; these are blended linearly.
        frames: of one round; each point is one of them if there are at least P.
        path: ``linear``, or else slerp, from z to z.
    """
    blend = lerp if path == "linear" else slerp
    blended = None if labels is None else interpolation.loop(labels[:, None], frames, lerp)
    return Walk(interpolation.loop(z[:, None], frames, blend), blended)


def _check(kind: Kind, seeds: Sequence[int], classes: int) -> None:
    if kind == "classes":
        if classes == 1:
            raise UsageError("one class is no walk: name two or more")
    elif kind == "circle" and seeds:
        raise UsageError(
            "--walk circle goes round the origin and past one image only; to walk through --seeds, "
            "choose slerp or linear"
        )
    elif kind == "corners" and len(seeds) not in (0, 4):
        raise UsageError(f"a square has four corners: give four --seeds, not {len(seeds)}")
    elif len(seeds) == 1:
        raise UsageError("one seed is no walk: give two or more, as --seeds 1,5,9")
    elif seeds and classes not in (0, 1, len(seeds)):
        raise UsageError(
            f"there are {len(seeds)} --seeds and {classes} classes for them: name one class for "
            "all, or one for each"
        )


def _through_classes(
    generator: Generator,
    frames: int,
    options: SamplingOptions,
    seeds: Sequence[int],
    class_sequence: ClassSequence | None,
) -> Walk:
    if class_sequence is None:
        raise UsageError(conditioning.UNTOLD)
    if seeds:
        z, _ = _images(generator, [SamplingOptions(one) for one in seeds])
    else:
        z = options.z(0, generator.config.model.latent_dim)[:_WALKERS].numpy()
    weights = conditioning.one_hot(class_sequence.classes, generator.classes)
    labels = interpolation.loop(weights[:, None], frames, lerp)
    many = np.broadcast_to(labels, (frames, len(z), len(generator.classes)))
    return Walk(np.broadcast_to(z, (frames, *z.shape)), many)


def _turning(z: FloatArray, labels: FloatArray | None, frames: int) -> Walk:
    """The square between four points, each corner of which goes round through all of them."""
    at = np.empty((4, 4), np.int64)  # which point is at each corner, at each of four turns
    for turn in range(4):
        at[turn, _RING] = np.roll(_RING, -turn)
    blended = None if labels is None else interpolation.loop(labels[at], frames, lerp)
    return Walk(interpolation.loop(z[at], frames, slerp), blended, square=True)


def _images(
    generator: Generator, draws: Sequence[SamplingOptions]
) -> tuple[FloatArray, FloatArray | None]:
    """Image 0 of each draw: its z, N x latent_dim, and how much of each class, N x classes.

    Where several classes are asked for, the first draw has the first of them, and so on.
    """
    latent_dim = generator.config.model.latent_dim
    z = np.stack([options.z(0, latent_dim)[0].numpy() for options in draws])
    class_sequence = draws[0].class_sequence_for(generator)
    if class_sequence is None:
        return z, None
    labels = class_sequence.labels(0, len(draws) if draws[0].class_sequence else 1)
    return z, conditioning.one_hot(np.broadcast_to(labels, len(draws)), generator.classes)


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
    check_target(path, *WALK_FORMATS)
    still = path.suffix.lower() == ".png"
    frames = draw_frames(generator, walk[:1] if still and walk.square else walk, on_progress)
    if still:
        columns = None if walk.square else len(frames)
        images = np.stack(frames, axis=1).reshape(-1, *frames[0].shape[1:])
        grids.save_png(path, grids.enlarge(grids.grid(images, columns)))
    else:
        pictures = [grids.enlarge(grids.grid(images)) for images in frames]
        save_animation(path, pictures, fps)


def draw_frames(
    generator: Generator, walk: Walk, on_progress: OnProgress = no_progress
) -> list[Images]:
    """The images of each frame, uint8 N x C x H x W."""
    frames: list[Images] = []
    for z, labels in walk:
        frames.append(generator(z, labels))
        on_progress(Progress("drawing", len(frames), len(walk), "frames"))
    return frames
