"""Images out of a generator file: the same for the same seed, whatever the count or the batch.

Image i is a function of :class:`SamplingOptions` and i alone: noise is drawn and sent through G in
blocks of a fixed size, the last one padded, because a matrix product of another shape may round
differently.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mnistgan.arrays import Images, Labels
from mnistgan.errors import UsageError
from mnistgan.models import networks, noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.sampling import conditioning
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator

BLOCK = 256

_MOST_NUMBERS = 2**26  # in the images of one pass through G; a block of 512 x 512 in grey


@dataclass(frozen=True)
class SamplingOptions:
    """What is asked for: each image is a function of this and its index.

    Attributes:
        seed: of the noise.
        class_sequence: the images' classes; by default a conditional generator makes each class in
            turn.
        truncation: no component of z lies further from 0 than this: the smaller, the more typical
            the images, and the more alike (Brock et al. 2019, "Large Scale GAN Training", section
            3.1). None leaves z as it is.

    Raises:
        UsageError: the truncation is not a positive number.
    """

    seed: int = 0
    class_sequence: ClassSequence | None = None
    truncation: float | None = None

    def __post_init__(self) -> None:
        if self.truncation is not None and not 0 < self.truncation < math.inf:
            raise UsageError(f"a truncation of {self.truncation}: give a positive number, like 1.5")

    def z(self, number: int, latent_dim: int) -> Tensor:
        """Of a whole block, float32 256 x latent_dim."""
        z = noise.normal(self.seed, Stream.SAMPLE, number, (BLOCK, latent_dim))
        return z if self.truncation is None else noise.truncated(z, self.truncation)

    def class_sequence_for(self, generator: Generator) -> ClassSequence | None:
        """The classes that a generator is asked for; None of one that was trained without labels.

        Raises:
            UsageError: it knows no such classes.
        """
        if self.class_sequence and not generator.classes:
            raise UsageError(conditioning.UNTOLD)
        if self.class_sequence and not all(
            0 <= one < len(generator.classes) for one in self.class_sequence.classes
        ):
            raise UsageError(
                f"this generator has {len(generator.classes)} classes, not those that are asked for"
            )
        if not generator.classes:
            return None
        return self.class_sequence or conditioning.every_class(generator.classes)

    def labels(self, generator: Generator, number: int) -> Labels | None:
        """Of a whole block, int64 256; None of a generator that was trained without labels."""
        class_sequence = self.class_sequence_for(generator)
        return None if class_sequence is None else class_sequence.labels(number * BLOCK, BLOCK)


DEFAULT = SamplingOptions()
"""Seed 0, all classes in turn, the noise as it is."""


def sample(
    generator: Generator, count: int, seed: int = 0, class_sequence: ClassSequence | None = None
) -> Images:
    """``count`` images as one array, uint8 N x C x H x W."""
    return sample_labelled(generator, count, SamplingOptions(seed, class_sequence))[0]


def sample_labelled(
    generator: Generator,
    count: int,
    options: SamplingOptions = DEFAULT,
    on_progress: OnProgress = no_progress,
) -> tuple[Images, Labels | None]:
    """``count`` images as one array, and what they were asked to be, int64 N or None."""
    images = np.concatenate(list(sample_blocks(generator, count, options, on_progress)))
    class_sequence = options.class_sequence_for(generator)
    return images, class_sequence.labels(0, count) if class_sequence else None


def sample_blocks(
    generator: Generator,
    count: int,
    options: SamplingOptions = DEFAULT,
    on_progress: OnProgress = no_progress,
) -> Iterator[Images]:
    """The same images in blocks of at most 256, so that any number fits in memory."""
    for number, start in enumerate(range(0, count, BLOCK)):
        yield block(generator, number, options)[: count - start]
        on_progress(Progress("sampling", min(start + BLOCK, count), count))


def block(generator: Generator, number: int, options: SamplingOptions = DEFAULT) -> Images:
    """A whole block of images, uint8 256 x C x H x W: the first is ``256 * number``."""
    z = options.z(number, generator.config.model.latent_dim)
    labels = options.labels(generator, number)
    told = None if labels is None else torch.from_numpy(labels)
    size = math.prod(networks.image_shape(generator.config))
    rows = max(1, min(BLOCK, _MOST_NUMBERS // size))
    if rows == BLOCK:
        return generator(z, told)
    parts = [slice(start, start + rows) for start in range(0, BLOCK, rows)]
    return np.concatenate(
        [generator(z[part], None if told is None else told[part]) for part in parts]
    )
