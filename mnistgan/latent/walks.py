"""Walks through latent space and from class to class: first planned, then drawn.

All walks are closed, so that an animation of one loops without a jump.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mnistgan.arrays import Images, Labels
from mnistgan.errors import UsageError
from mnistgan.latent import interpolation
from mnistgan.latent.interpolation import FloatArray, lerp, slerp
from mnistgan.models import noise
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.sampling import conditioning
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator

Kind: TypeAlias = Literal["slerp", "linear", "circle", "classes", "corners"]

_POINTS = 4  # points of a random walk
_IMAGES = 16  # images in a frame of a random walk
_MAX_FRAMES = 2000
_SIDE = 10  # images along an edge of the square between four corners
# Which of the four seeds is at each corner at the start of each quarter: they move clockwise.
_TURNS = ((0, 1, 2, 3), (1, 3, 0, 2), (3, 2, 1, 0), (2, 0, 3, 1))


@dataclass(frozen=True)
class Walk:
    """The inputs of G for each frame; iteration yields the z and the class weights of a frame.

    Attributes:
        z: float32, frames x N x latent_dim.
        weights: share of each class, float32, frames x N x classes; None for an unconditional
            generator.
        is_square: whether the 4 points of a frame are the corners of a square that it shows.
    """

    # Iteration fills a square frame by frame: all 2,000 frames of 100 points with 10,000 classes
    # would take 8 GB.

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
    """Plan a closed walk.

    Args:
        generator: generator that will draw the walk.
        kind: ``slerp`` or ``linear``: from point to point and back to the first; ``circle``: around
            the origin, starting at one point toward another; ``classes``: from class to class with
            fixed z; ``corners``: the square between four points, each of which moves by slerp.
        frames: length of the walk; by default ``pace`` frames per section.
        seed: seed of the random points, for 16 images per frame or four corners. For ``classes``,
            the z are those of this seed's first 16 samples.
        seeds: use the z of sample 0 of each seed instead of random points. They are the points of
            the walk; for ``classes``, the images of each frame; for ``corners``, the corners of the
            first frame: top left, top right, bottom left, bottom right.
        class_sequence: for a conditional generator. For ``classes``, the points of the walk, by
            default all classes; with ``seeds``, one class for all or one per seed, by default the
            first class; otherwise the classes of the images in turn, by default all classes.
        pace: default number of frames from one point to the next.

    Raises:
        UsageError: the seeds, classes or frames do not fit the kind or the generator.
    """
    if kind == "classes" and not generator.classes:
        raise UsageError(conditioning.NOT_CONDITIONAL)
    every = SamplingOptions(class_sequence=class_sequence).class_sequence_for(generator)
    _check(kind, seeds, len(class_sequence.classes) if class_sequence else 0)
    stops = len(every.classes) if every and kind == "classes" else len(seeds)
    if frames is not None and frames < stops:
        raise UsageError(f"a walk through {stops} points needs at least {stops} frames")
    frames = frames or pace * (stops or _POINTS)
    if frames > _MAX_FRAMES:
        raise UsageError(f"this walk has {frames:,} frames, more than {_MAX_FRAMES}; set --frames")
    # Sample 0 of every seed has the first class unless another is given.
    sequence = (class_sequence if seeds and kind != "classes" else every) or ClassSequence((0,))
    z, labels = _points(kind, generator.config.model.latent_dim, seed, seeds, sequence)
    if not generator.classes:
        return through(z, None, frames, kind)
    weights = conditioning.one_hot(labels.ravel(), generator.classes)
    return through(z, weights.reshape(*labels.shape, -1), frames, kind)


def through(z: FloatArray, weights: FloatArray | None, frames: int, kind: Kind = "slerp") -> Walk:
    """Walk through P points and back to the first; a single point does not move.

    Args:
        z: float32, P x N x latent_dim, for N images per frame.
        weights: share of each class, float32, P x N x classes, or P x 1 x classes for all N images;
            interpolated linearly. P may differ from that of z.
        frames: length of the walk.
        kind: see :func:`plan`.
    """
    # Class weights always change linearly: slerp would not keep their sum at 1.
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
            raise UsageError("a walk needs two classes or more, but one class is given")
    elif kind == "circle" and seeds:
        raise UsageError("--walk circle does not pass through --seeds; choose slerp or linear")
    elif kind == "corners" and len(seeds) not in (0, 4):
        raise UsageError(f"--walk corners needs four --seeds, not {len(seeds)}")
    elif len(seeds) == 1:
        raise UsageError("a walk needs two seeds or more, such as --seeds 1,5,9")
    elif seeds and classes not in (0, 1, len(seeds)):
        raise UsageError(f"give one class, or one per seed: {len(seeds)}, not {classes}")


def _points(
    kind: Kind, latent_dim: int, seed: int, seeds: Sequence[int], sequence: ClassSequence
) -> tuple[FloatArray, Labels]:
    """The points of a walk: z, P x N x latent_dim, and labels, P x N; axes of 1 are broadcast."""
    if seeds:
        chosen = np.stack([SamplingOptions(one).z(0, latent_dim)[0].numpy() for one in seeds])
    if kind == "classes":
        z = chosen if seeds else SamplingOptions(seed).z(0, latent_dim)[:_IMAGES].numpy()
        return z[None], np.array(sequence.classes)[:, None]
    if not seeds:
        count = _POINTS if kind == "corners" else _IMAGES
        z = noise.normal(seed, noise.Stream.WALK, 0, (_POINTS, count, latent_dim)).numpy()
        return z, sequence.labels(0, count)[None]
    labels = sequence.labels(0, len(seeds))
    if kind != "corners":
        return chosen[:, None], labels[:, None]
    order = np.array(_TURNS)
    return chosen[order], labels[order]


def draw(
    generator: Generator, walk: Walk, on_progress: OnProgress = no_progress
) -> Iterator[Images]:
    """Yield the images of each frame, uint8 N x C x H x W."""
    for number, (z, weights) in enumerate(walk, 1):
        yield generator(z, weights)
        on_progress(Progress("drawing", number, len(walk), "frames"))
