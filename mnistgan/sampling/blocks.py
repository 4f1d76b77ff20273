"""Sampling: an image is a function of the generator, the options and its index.

Noise is drawn and passed through G in blocks of 256, even for fewer images: a matrix product of
another shape may round differently, and image i must not depend on the number of images.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mnistgan import arguments
from mnistgan.arrays import Images, Labels
from mnistgan.errors import UsageError
from mnistgan.models import networks, noise
from mnistgan.models.noise import Stream
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.sampling import conditioning
from mnistgan.sampling.conditioning import ClassSequence, Digits
from mnistgan.sampling.generator import Generator

BLOCK = 256

_MOST_NUMBERS = 2**24  # in a layer of G, 64 MiB: 256 images of a DCGAN of width 64 for 64 x 64


@dataclass(frozen=True)
class SamplingOptions:
    """The options that determine image i of a generator.

    Attributes:
        seed: seed of the noise.
        class_sequence: classes of the images; None means all classes in turn.
        truncation: largest absolute value of a component of z. Smaller values give more typical and
            less varied images (Brock et al. 2019, "Large Scale GAN Training", section 3.1). None
            disables it.
        same_z: whether all classes of the class sequence have the same z: image r of each class has
            the z that image r has without this option.

    Raises:
        UsageError: the truncation is not a positive number, or ``same_z`` is without classes.
    """

    seed: int = 0
    class_sequence: ClassSequence | None = None
    truncation: float | None = None
    same_z: bool = False

    def __post_init__(self) -> None:
        if self.truncation is not None and not 0 < self.truncation < math.inf:
            raise UsageError(f"a truncation of {self.truncation}: give a positive number, like 1.5")
        if self.same_z and self.class_sequence is None:
            raise UsageError("the same z for all classes: give the classes, too")

    def z(self, number: int, latent_dim: int) -> Tensor:
        """The noise of a block, float32 256 x latent_dim; blocks are numbered from 0."""
        z = self._repeated(number, latent_dim) if self.same_z else self._drawn(number, latent_dim)
        return z if self.truncation is None else noise.truncated(z, self.truncation)

    def _drawn(self, number: int, latent_dim: int) -> Tensor:
        return noise.normal(self.seed, Stream.SAMPLE, number, (BLOCK, latent_dim))

    def _repeated(self, number: int, latent_dim: int) -> Tensor:
        """The noise of a block in which z begins anew with each class."""
        assert self.class_sequence is not None
        images = np.arange(number * BLOCK, (number + 1) * BLOCK)
        block_numbers, rows = np.divmod(images % self.class_sequence.repeat, BLOCK)
        drawn = {one: self._drawn(one, latent_dim) for one in set(block_numbers.tolist())}
        return torch.stack(
            [drawn[one][row] for one, row in zip(block_numbers.tolist(), rows, strict=True)]
        )

    def class_sequence_for(self, generator: Generator) -> ClassSequence | None:
        """The classes of a generator's images; None for an unconditional one.

        Raises:
            UsageError: the generator has no such classes.
        """
        if self.class_sequence is None:
            return conditioning.every_class(generator.classes) if generator.classes else None
        if not generator.classes:
            raise UsageError(conditioning.NOT_CONDITIONAL)
        labels = range(len(generator.classes))
        if not set(self.class_sequence.classes) <= set(labels):
            raise UsageError(f"this generator has the classes 0 to {labels[-1]} only")
        return self.class_sequence

    def labels(self, generator: Generator, number: int) -> Labels | None:
        """The labels of a block, int64 256; None for an unconditional generator."""
        class_sequence = self.class_sequence_for(generator)
        return None if class_sequence is None else class_sequence.labels(number * BLOCK, BLOCK)


DEFAULT = SamplingOptions()  # seed 0, all classes in turn, no truncation


def sample(generator: Generator, count: int, seed: int = 0, digits: Digits | None = None) -> Images:
    """Generate ``count`` images as one array, uint8 N x C x H x W.

        generator = mnistgan.load_generator("my-run")
        images = mnistgan.sample(generator, 100, seed=1)

    Args:
        generator: the generator.
        count: number of images, at least 1.
        seed: seed of the noise, from 0 to 2**63 - 1.
        digits: classes to draw in turn, for a conditional generator: a number or name, a text such
            as ``"0-4"`` or ``"1,3"``, or a list of numbers and names. By default all classes.

    Raises:
        UsageError: an argument is not as described, or the generator has no such classes.
    """
    arguments.instance("generator", generator, Generator, "a Generator")
    count = arguments.integer("count", count, 1)
    seed = arguments.integer("seed", seed, 0)
    sequence = None if digits is None else conditioning.parse(digits, generator.classes)
    return sample_labeled(generator, count, SamplingOptions(seed, sequence))[0]


def sample_labeled(
    generator: Generator,
    count: int,
    options: SamplingOptions = DEFAULT,
    on_progress: OnProgress = no_progress,
) -> tuple[Images, Labels | None]:
    """Generate ``count`` images as one array, and their labels, int64 N.

    The labels are None for an unconditional generator.
    """
    # One array, filled block by block: a list of blocks would lie between G's temporary tensors and
    # keep the allocator from reusing their memory. 60,000 images took 0.7 GB more that way.
    shape = (count, *networks.image_shape(generator.config))
    try:
        images = np.empty(shape, np.uint8)
    except MemoryError as error:
        raise UsageError(f"count: {count:,} images do not fit into memory; draw fewer") from error
    blocks = sample_blocks(generator, count, options, on_progress)
    for start, made in zip(range(0, count, BLOCK), blocks, strict=True):
        images[start : start + BLOCK] = made
    class_sequence = options.class_sequence_for(generator)
    return images, class_sequence.labels(0, count) if class_sequence else None


def sample_blocks(
    generator: Generator,
    count: int,
    options: SamplingOptions = DEFAULT,
    on_progress: OnProgress = no_progress,
) -> Iterator[Images]:
    """Generate the images of :func:`sample` in blocks of at most 256, in constant memory."""
    # One thread does everything: writing in a second one and drawing noise ahead gained nothing
    # that could be measured (commit 935a202).
    for number, start in enumerate(range(0, count, BLOCK)):
        yield block(generator, number, options, count - start)
        on_progress(Progress("sampling", min(start + BLOCK, count), count))


def block(
    generator: Generator, number: int, options: SamplingOptions = DEFAULT, count: int = BLOCK
) -> Images:
    """Generate the first ``count`` of the 256 images from index ``256 * number`` on.

    Returns:
        uint8, N x C x H x W.
    """
    inputs = [options.z(number, generator.config.model.latent_dim)]
    if (labels := options.labels(generator, number)) is not None:
        inputs.append(torch.from_numpy(labels))
    # Wide layers are computed for fewer images at a time. How many follows from the layers alone,
    # never from the count: another batch size may round differently.
    rows = max(1, min(BLOCK, _MOST_NUMBERS // networks.largest_layer(generator.config)))
    images = np.empty((min(count, BLOCK), *networks.image_shape(generator.config)), np.uint8)
    for start in range(0, len(images), rows):
        made = generator(*(tensor[start : start + rows] for tensor in inputs))
        images[start : start + rows] = made[: len(images) - start]
    return images
