"""Walks through latent space, and from class to class, as frames to be drawn.

Each walk is closed: the frame after the last would be the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mnistgan.arrays import Images, Labels
from mnistgan.errors import UsageError
from mnistgan.latent import interpolation
from mnistgan.latent.interpolation import FloatArray, lerp, slerp
from mnistgan.models import noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.rendering import grids
from mnistgan.rendering.animations import ANIMATION_FORMATS, save_animation
from mnistgan.sampling import conditioning
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator
from mnistgan.sampling.sampler import SamplingOptions
from mnistgan.storage.atomic import check_target

WALK_FORMATS = (*ANIMATION_FORMATS, ".png")

Kind: TypeAlias = Literal["slerp", "linear", "circle", "classes", "corners"]

_POINTS = 4  # that a walk goes through where no seeds are given
_IMAGES = 16  # in each of its frames
_MOST_FRAMES = 2000
_SIDE = 10  # of the square between four corners
_RING = (0, 1, 3, 2)  # the corners as one goes round the square


@dataclass(frozen=True)
class Walk:
    """What each frame shows; iterating gives the frames' z and labels, ready for a generator.

    Attributes:
        z: float32, frames x N x latent_dim.
        weights: how much of each class, float32, frames x N x classes; None for a generator that
            knows none.
        is_square: whether N is four, the corners of a square, and a frame shows the square.
    """

    z: FloatArray
    weights: FloatArray | None
    is_square: bool = False

    def __len__(self) -> int:
        return len(self.z)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        for frame, z in enumerate(self.z):
            weights = None if self.weights is None else self.weights[frame]
            if self.is_square:
                z = interpolation.square(z, _SIDE, slerp)
                weights = None if weights is None else interpolation.square(weights, _SIDE, lerp)
            yield torch.tensor(z), None if weights is None else torch.tensor(weights)


# Planning --------------------------------------------------------------------------------------


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
        kind: ``slerp`` or ``linear`` between points and back to the first; ``circle``: around the
            origin, from one point in the direction of another; ``classes``: z stays, the label goes
            round the classes; ``corners``: the square between four z, whose corners walk by slerp.
        frames: of one round; by default ``pace`` from each point to the next.
        seed: of the points that are walked through, for 16 images in a frame or four corners; of
            ``classes``, the noise is that of the seed's first 16 samples.
        seeds: walk through image 0 of each of these seeds, instead, as it is sampled; of
            ``classes``, show these; of ``corners``, begin with these: first the upper two.
        class_sequence: classes of a conditional generator. Of ``classes``, those to go through, by
            default all; of points given by ``seeds``, one for all or one for each; of other
            images, their classes in turn, by default all.
        pace: see ``frames``.

    Raises:
        UsageError: the seeds, classes or frames do not suit the kind or the generator.
    """
    if kind == "classes" and not generator.classes:
        raise UsageError(conditioning.UNTOLD)
    every = SamplingOptions(class_sequence=class_sequence).class_sequence_for(generator)
    _check(kind, seeds, len(class_sequence.classes) if class_sequence else 0)
    stops = len(every.classes) if every and kind == "classes" else len(seeds)
    if frames is not None and frames < stops:
        raise UsageError(f"a walk past {stops} points takes {stops} frames, not {frames}")
    frames = frames or pace * (stops or _POINTS)
    if frames > _MOST_FRAMES:
        raise UsageError(
            f"a walk past {stops:,} points would take {frames:,} frames, more than "
            f"{_MOST_FRAMES}; name fewer classes or seeds, or give --frames"
        )
    # Image 0 of a seed shows the first class, where none is asked for.
    first = ClassSequence((0,))
    sequence = (class_sequence if seeds and kind != "classes" else every) or first
    z, labels = _points(kind, generator.config.model.latent_dim, seed, seeds, sequence)
    if not generator.classes:
        return through(z, None, frames, kind)
    weights = conditioning.one_hot(labels.ravel(), generator.classes)
    return through(z, weights.reshape(*labels.shape, -1), frames, kind)


def through(z: FloatArray, weights: FloatArray | None, frames: int, kind: Kind = "slerp") -> Walk:
    """A walk through some points, and back to the first; what has one point alone stays there.

    Args:
        z: float32, P x N x latent_dim, of each point's N images.
        weights: how much of each class, P x N x classes, or P x 1 x classes for all images; these
            are blended linearly.
        frames: of one round; each point is one of them if there are at least P.
        kind: see :func:`plan`.
    """
    if kind == "circle":
        path = interpolation.circle(z[0], z[1], frames)
    else:
        path = interpolation.loop(z, frames, lerp if kind == "linear" else slerp)
    if weights is not None:
        blended = interpolation.loop(weights, frames, lerp)
        weights = np.broadcast_to(blended, (*path.shape[:2], blended.shape[2]))
    return Walk(path, weights, kind == "corners")


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


def _points(
    kind: Kind, latent_dim: int, seed: int, seeds: Sequence[int], sequence: ClassSequence
) -> tuple[FloatArray, Labels]:
    """What is walked through: z, P x N x latent_dim, and labels, P x N; P or N may be 1."""
    if seeds:
        chosen = np.stack([SamplingOptions(one).z(0, latent_dim)[0].numpy() for one in seeds])
    if kind == "classes":
        z = chosen if seeds else SamplingOptions(seed).z(0, latent_dim)[:_IMAGES].numpy()
        return z[None], np.array(sequence.classes)[:, None]
    if not seeds:
        count = _POINTS if kind == "corners" else _IMAGES
        z = noise.normal(seed, Stream.WALK, 0, (_POINTS, count, latent_dim)).numpy()
        return z, sequence.labels(0, count)[None]
    labels = sequence.labels(0, len(seeds))
    if kind != "corners":
        return chosen[:, None], labels[:, None]
    order = np.empty((4, 4), np.int64)  # which seed is at each corner, after each quarter
    for quarter in range(4):
        order[quarter, _RING] = np.roll(_RING, -quarter)
    return chosen[order], labels[order]


# Drawing ---------------------------------------------------------------------------------------


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
        path: GIF, WebP or MP4 by its ending; or a PNG with one row per image and one column per
            frame, or of a square, with its first frame.
        fps: frames a second.
        on_progress: called with the frames drawn so far.

    Raises:
        UsageError: unknown ending.
    """
    check_target(path, *WALK_FORMATS)
    frames = draw_frames(generator, walk, on_progress)
    if path.suffix.lower() != ".png":
        pictures = [grids.enlarge(grids.grid(images)) for images in frames]
        save_animation(path, pictures, fps)
    elif walk.is_square:
        grids.save_png(path, grids.enlarge(grids.grid(next(frames))))
    else:
        rows = np.stack(list(frames), axis=1)
        images = rows.reshape(-1, *rows.shape[2:])
        grids.save_png(path, grids.enlarge(grids.grid(images, len(walk))))


def draw_frames(
    generator: Generator, walk: Walk, on_progress: OnProgress = no_progress
) -> Iterator[Images]:
    """The images of each frame, uint8 N x C x H x W."""
    for number, (z, weights) in enumerate(walk, 1):
        yield generator(z, weights)
        on_progress(Progress("drawing", number, len(walk), "frames"))
