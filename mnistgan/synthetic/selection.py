"""Images for a data set: drawn by index, labeled and selected.

A :class:`Sampler` draws and labels samples by index, and has the conditions for keeping them. An
:class:`ImageStream` is the sequence of the images kept, in the order in which they are written.
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
from mnistgan.sampling import blocks
from mnistgan.sampling.blocks import BLOCK, DEFAULT, SamplingOptions
from mnistgan.sampling.generator import Generator
from mnistgan.storage.npz import Piece

PATIENCE = 2**16
"""A selection fails after this number of consecutive samples without an image to keep."""

_QUEUE = 256
"""The number of images of a class that may wait for the other classes. It keeps memory constant."""


class Block(NamedTuple):
    """256 consecutive samples.

    Attributes:
        images: uint8, 256 x C x H x W.
        labels: int64, 256; None if neither the generator nor a labeler provides them.
        confidences: probabilities of the labels, 256, in [0, 1]; None without a labeler.
    """

    images: Images
    labels: Labels | None
    confidences: npt.NDArray[np.float64] | None


@dataclass(frozen=True)
class Sampler:
    """An endless sequence of samples. Each is a function of only the options and its index.

    Attributes:
        generator: draws the images; a conditional one also provides their labels.
        options: seed, classes and truncation.
        labeler: labels the images of an unconditional generator, and provides the probabilities
            of labels.
        min_confidence: keep samples whose label has at least this probability, in [0, 1]. Needs a
            labeler.
        balanced: keep the same number of images per class; numbers differ by at most one. Needs
            labels.

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
        if self.labeler and classes and set(self.labeler.classes) != set(classes):
            raise UsageError("generator and data differ in their classes; remove --min-confidence")

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
        images = blocks.block(self.generator, number, self.options, count)
        labels = self.options.labels(self.generator, number)
        labels = None if labels is None else labels[: len(images)]
        if self.labeler is None:
            return Block(images, labels, None)
        if labels is None:
            return Block(images, *self.labeler(images))
        # By name: an old generator file may have its classes in another order than its data.
        order = np.array([self.labeler.classes.index(name) for name in self.generator.classes])
        return Block(images, labels, self.labeler.confidences(images, order[labels]))


@dataclass
class ImageStream:
    """The first ``count`` images that a sampler keeps. Iterating draws them in pieces.

    Balanced images are in the order of their classes, 0, 1, 2 ... 0, 1, 2 ..., so that any part of
    the stream is balanced. Other images are in the order of their indices.

    Attributes:
        sampler: draws the samples, and has the conditions for keeping them.
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
            MnistganError: PATIENCE consecutive samples contained no image to keep.
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
            # After the last image, the position is that of the next sample, not the end of the
            # block: the test split of idx continues there.
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
                # With a rare class, the queues of the others would grow until it appears.
                if len(queue) < _QUEUE:
                    # A copy: a view would keep the whole block in memory.
                    queue.append(block.images[row].copy())
            # Images leave the queues in the order of the classes, up to the first empty queue.
            turns = (queues[index % classes] for index in range(self.done, self.count))
            kept = [queue.popleft() for queue in itertools.takewhile(len, turns)]
            self.position = first + BLOCK
            labels = np.arange(self.done, self.done + len(kept), dtype=np.int64) % classes
            yield np.stack(kept) if kept else block.images[:0], labels

    def _candidates(self) -> Iterator[tuple[int, Block, npt.NDArray[np.int64]]]:
        """Blocks from the position on: index of the first sample, the block, the rows to consider.

        A block is drawn from its first sample on, even if only its end is needed: G may round
        differently with another batch size, and a sample must not depend on where reading starts.
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
            f"{PATIENCE:,} consecutive samples contained no image{what}; lower --min-confidence, "
            "remove --balanced, or train the generator for longer"
        )
