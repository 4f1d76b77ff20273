"""Images for a data set: drawn by index, labeled if possible, and selected.

The chain: a :class:`Sampler` makes and labels samples by index and says which to keep; an
:class:`ImageStream` is the images of it that pass, in the order in which they are written.
"""

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mnistgan.arrays import Images, Labels
from mnistgan.errors import MnistganError, UsageError
from mnistgan.evaluation.labeler import Labeler
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.sampling import sampler
from mnistgan.sampling.generator import Generator
from mnistgan.sampling.sampler import BLOCK, DEFAULT, SamplingOptions
from mnistgan.storage.npz import Piece

PATIENCE = 2**16
"""How many samples in a row may be of no use to a selection before it fails."""

_QUEUE = 256
"""How many images of a class may wait for the other classes, so that memory stays constant."""


class Block(NamedTuple):
    """256 consecutive samples.

    Attributes:
        images: uint8, 256 x C x H x W.
        labels: int64, 256; None if neither the generator nor a labeler gives any.
        confidences: probabilities of the labels, 256, in [0, 1]; None without a labeler.
    """

    images: Images
    labels: Labels | None
    confidences: npt.NDArray[np.float64] | None


@dataclass(frozen=True)
class Sampler:
    """An endless sequence of samples, each a function of only the options and its index.

    Attributes:
        generator: makes the images; a conditional one also gives their labels.
        options: seed, classes and truncation.
        labeler: labels the images of an unconditional generator, and gives the probability of
            every label.
        min_confidence: keep samples whose label has at least this probability, in [0, 1]. Needs a
            labeler.
        balanced: keep the same number of images per class, up to one. Needs labels.

    Raises:
        UsageError: the labeler has other classes than the generator.
    """

    generator: Generator
    options: SamplingOptions = DEFAULT
    labeler: Labeler | None = None
    min_confidence: float = 0.0
    balanced: bool = False

    def __post_init__(self) -> None:
        classes = self.generator.classes
        if self.labeler and classes and self.labeler.classes != classes:
            raise UsageError("generator and data differ in classes; leave --min-confidence out")

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label, in order; empty if there are no labels."""
        return self.generator.classes or (self.labeler.classes if self.labeler else ())

    @property
    def keeps_all(self) -> bool:
        """Whether every sample is kept."""
        return not (self.balanced or self.min_confidence)

    def block(self, number: int, count: int = BLOCK) -> Block:
        """The samples from index ``256 * number`` on, at most 256."""
        images = sampler.block(self.generator, number, self.options, count)
        labels = self.options.labels(self.generator, number)
        labels = None if labels is None else labels[: len(images)]
        if self.labeler is None:
            return Block(images, labels, None)
        if labels is None:
            return Block(images, *self.labeler(images))
        return Block(images, labels, self.labeler.confidences(images, labels))


@dataclass
class ImageStream:
    """The first ``count`` images that a sampler keeps; iterating makes them, in pieces.

    Balanced images come in the order of their classes, 0, 1, 2 ... 0, 1, 2 ..., so that any part of
    the stream is balanced; others in the order of their index.

    Attributes:
        sampler: makes the samples, and says which to keep.
        count: number of images.
        position: index of the next sample to consider.
        on_progress: called after each block with the number of images kept.
        done: number of images so far.
    """

    sampler: Sampler
    count: int
    position: int = 0
    on_progress: OnProgress = no_progress
    done: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Piece]:
        """The images, uint8 n x C x H x W, and their labels, int64 n or None.

        Raises:
            MnistganError: PATIENCE samples in a row brought no image that is kept.
        """
        last_use = self.position
        for images, labels in self._by_class() if self.sampler.balanced else self._by_index():
            self.done += len(images)
            if len(images):
                last_use = self.position
                yield images, labels
                self.on_progress(Progress("sampling", self.done, self.count))
            elif self.position - last_use >= PATIENCE:
                raise self._exhausted()
            if self.done == self.count:
                return

    def _by_index(self) -> Iterator[Piece]:
        for first, block, rows in self._candidates():
            kept = rows[: self.count - self.done]
            is_last = self.done + len(kept) == self.count
            self.position = first + (int(kept[-1]) + 1 if is_last else BLOCK)
            yield block.images[kept], None if block.labels is None else block.labels[kept]

    def _by_class(self) -> Iterator[Piece]:
        classes = len(self.sampler.classes)
        queues: list[deque[Images]] = [deque() for _ in range(classes)]
        for first, block, rows in self._candidates():
            assert block.labels is not None
            for row in rows:
                queue = queues[block.labels[row]]
                if len(queue) < _QUEUE:
                    queue.append(block.images[row].copy())  # a view would keep the whole block
            turns = (queues[index % classes] for index in range(self.done, self.count))
            kept = [queue.popleft() for queue in itertools.takewhile(len, turns)]
            self.position = first + BLOCK
            labels = np.arange(self.done, self.done + len(kept), dtype=np.int64) % classes
            yield np.stack(kept) if kept else block.images[:0], labels

    def _candidates(self) -> Iterator[tuple[int, Block, npt.NDArray[np.int64]]]:
        """Blocks from the position on: the index of the first sample, the block, the sure rows.

        A block starts at its first sample, even if only its end is needed: on another batch size G
        may round differently, and a sample must not depend on where reading starts.
        """
        for number in itertools.count(self.position // BLOCK):
            first = number * BLOCK
            skipped = max(0, self.position - first)
            needed = skipped + self.count - self.done if self.sampler.keeps_all else BLOCK
            block = self.sampler.block(number, needed)
            rows = np.arange(skipped, len(block.images))
            if block.confidences is not None:
                rows = rows[block.confidences[rows] >= self.sampler.min_confidence]
            yield first, block, rows

    def _exhausted(self) -> MnistganError:
        classes, confidence = self.sampler.classes, self.sampler.min_confidence
        what = f" of class {classes[self.done % len(classes)]!r}" if self.sampler.balanced else ""
        what += f" with a probability of at least {confidence}" if confidence else ""
        return MnistganError(
            f"{PATIENCE:,} samples in a row contained no image{what}; lower --min-confidence, "
            "leave --balanced out, or train the generator for longer"
        )
