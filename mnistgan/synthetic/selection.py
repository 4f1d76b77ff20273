"""Images for a data set: drawn by index, labeled if possible, and selected."""

from __future__ import annotations

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
    """Consecutive samples.

    Attributes:
        images: uint8, n x C x H x W.
        labels: int64, n; None if neither the generator nor a labeler gives any.
        confidences: probabilities of the labels, n, in [0, 1]; None without a labeler.
    """

    images: Images
    labels: Labels | None
    confidences: npt.NDArray[np.float64] | None

    def take(self, rows: slice | npt.NDArray[np.int64]) -> Block:
        """The block with only some of its rows."""
        return Block(
            self.images[rows],
            None if self.labels is None else self.labels[rows],
            None if self.confidences is None else self.confidences[rows],
        )


@dataclass(frozen=True)
class Sampler:
    """An endless sequence of samples, each a function of only the options and its index.

    Attributes:
        generator: makes the images; a conditional one also gives their labels.
        options: seed, classes and truncation.
        labeler: labels the images of an unconditional generator, and gives the probability of
            every label.

    Raises:
        UsageError: the labeler has other classes than the generator.
    """

    generator: Generator
    options: SamplingOptions = DEFAULT
    labeler: Labeler | None = None

    def __post_init__(self) -> None:
        classes = self.generator.classes
        if self.labeler and classes and self.labeler.classes != classes:
            raise UsageError(
                "the generator's classes are not those of its data, so no classifier can tell how "
                "probable they are; leave --min-confidence out"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label, in order; empty if there are no labels."""
        return self.generator.classes or (self.labeler.classes if self.labeler else ())

    def block(self, number: int) -> Block:
        """The 256 samples that start at index ``256 * number``."""
        images = sampler.block(self.generator, number, self.options)
        labels = self.options.labels(self.generator, number)
        if self.labeler is None:
            return Block(images, labels, None)
        if labels is None:
            return Block(images, *self.labeler(images))
        return Block(images, labels, self.labeler.confidences(images, labels))

    def blocks(self, start: int) -> Iterator[tuple[int, Block]]:
        """All samples from an index on, in blocks, each with the index of its first sample."""
        first, skipped = divmod(start, BLOCK)
        for number in itertools.count(first):
            # Always a whole block, even if only its end is needed: on another batch size G may
            # round differently, and a sample must not depend on where reading starts.
            yield number * BLOCK + skipped, self.block(number).take(slice(skipped, None))
            skipped = 0


@dataclass(frozen=True)
class Selection:
    """Which samples to keep.

    Attributes:
        min_confidence: least probability of the label, by the classifier, in [0, 1].
        balanced: whether all classes get the same number of images, up to one.

    Raises:
        UsageError: the confidence is not in [0, 1].
    """

    min_confidence: float = 0.0
    balanced: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(f"the confidence must be from 0 to 1, not {self.min_confidence}")

    @property
    def takes_all(self) -> bool:
        """Whether every sample is kept."""
        return not self.balanced and self.min_confidence == 0


EVERY = Selection()
"""Keeps all samples."""


@dataclass
class ImageStream:
    """The first ``count`` images that pass a selection; iterating makes them, in pieces.

    Attributes:
        sampler: makes the samples. A balanced selection needs labels, one with a minimum confidence
            a labeler.
        count: number of images.
        start: index of the first sample to consider.
        selection: which samples to keep. Balanced images come in the order of their classes, 0, 1,
            2 ... 0, 1, 2 ..., so that any part of the stream is balanced; others in the order of
            their index.
        on_progress: called after each block with the number of images kept.
        done: number of images so far.
        stop: index after the last sample considered so far.
    """

    sampler: Sampler
    count: int
    start: int = 0
    selection: Selection = EVERY
    on_progress: OnProgress = no_progress
    done: int = field(default=0, init=False)
    stop: int = field(init=False)

    def __post_init__(self) -> None:
        self.stop = self.start

    def __iter__(self) -> Iterator[Piece]:
        """The images, uint8 n x C x H x W, and their labels, int64 n or None.

        Raises:
            MnistganError: PATIENCE samples in a row brought no image that passes the selection.
        """
        last_use = self.stop
        balanced = self.selection.balanced
        for images, labels in self._by_class() if balanced else self._by_index():
            self.done += len(images)
            if len(images):
                last_use = self.stop
                yield images, labels
                self.on_progress(Progress("sampling", self.done, self.count))
            elif self.stop - last_use >= PATIENCE:
                raise self._exhausted()
            if self.done == self.count:
                return

    def _by_index(self) -> Iterator[Piece]:
        for first, block in self.sampler.blocks(self.stop):
            rows = self._confident(block)[: self.count - self.done]
            is_last = self.done + len(rows) == self.count
            self.stop = first + (int(rows[-1]) + 1 if is_last else len(block.images))
            # Indexing by an array copies; usually every row is kept.
            kept = block if len(rows) == len(block.images) else block.take(rows)
            yield kept.images, kept.labels

    def _by_class(self) -> Iterator[Piece]:
        classes = len(self.sampler.classes)
        queues: list[deque[Images]] = [deque() for _ in range(classes)]
        for first, block in self.sampler.blocks(self.stop):
            assert block.labels is not None
            for row in self._confident(block):
                queue = queues[block.labels[row]]
                if len(queue) < _QUEUE:
                    queue.append(block.images[row].copy())  # a view would keep the whole block
            kept: list[Images] = []
            for index in range(self.done, self.count):
                if not queues[index % classes]:
                    break
                kept.append(queues[index % classes].popleft())
            self.stop = first + len(block.images)
            labels = np.arange(self.done, self.done + len(kept), dtype=np.int64) % classes
            yield np.stack(kept) if kept else block.images[:0], labels

    def _confident(self, block: Block) -> npt.NDArray[np.int64]:
        """The rows of a block with the minimum confidence."""
        if block.confidences is None:
            return np.arange(len(block.images))
        return np.flatnonzero(block.confidences >= self.selection.min_confidence)

    def _exhausted(self) -> MnistganError:
        confidence = self.selection.min_confidence
        what, advice = "", []
        if self.selection.balanced:
            classes = self.sampler.classes
            what = f" of class {classes[self.done % len(classes)]!r}"
            advice.append("leave --balanced out")
        if confidence:
            what += f" with a probability of at least {confidence}"
            advice.append("lower --min-confidence")
        return MnistganError(
            f"{PATIENCE:,} samples in a row contained no image{what}; {', '.join(advice)}, or "
            "train the generator for longer"
        )
