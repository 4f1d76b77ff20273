"""Images for a data set: drawn by index, labelled where somebody can, and chosen by a rule."""

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
"""Samples in a row that bring nothing the rule can use; then it is given up."""

_WAITING = 256  # images of a class that wait for their turn: more than chance alone heaps up


class Block(NamedTuple):
    """Some samples in the order of their index.

    Attributes:
        images: uint8, n x C x H x W.
        labels: int64, n; None where nobody tells them.
        confidences: of the labels, n, in [0, 1]; None likewise.
    """

    images: Images
    labels: Labels | None
    confidences: npt.NDArray[np.float64] | None

    def take(self, rows: slice | npt.NDArray[np.int64]) -> Block:
        """Some of them."""
        return Block(
            self.images[rows],
            None if self.labels is None else self.labels[rows],
            None if self.confidences is None else self.confidences[rows],
        )


@dataclass(frozen=True)
class Sampler:
    """An endless series of samples, each a function of the options and its index alone.

    Attributes:
        generator: makes the images; the labels of a conditional one are those it was given.
        options: seed, classes and truncation.
        labeler: labels the images of an unconditional generator, if labels are wanted, and gives
            the confidence in every label.

    Raises:
        UsageError: the labeler knows other classes than the generator.
    """

    generator: Generator
    options: SamplingOptions = DEFAULT
    labeler: Labeler | None = None

    def __post_init__(self) -> None:
        told = self.generator.classes
        if self.labeler and told and self.labeler.classes != told:
            raise UsageError(
                "the generator's classes are not those of its data, so no classifier can say how "
                "sure it is of them; leave --min-confidence out"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label, in order; empty where nobody tells any."""
        return self.generator.classes or (self.labeler.classes if self.labeler else ())

    def block(self, number: int) -> Block:
        """Samples ``256 * number`` and on, 256 of them."""
        images = sampler.block(self.generator, number, self.options)
        labels = self.options.labels(self.generator, number)
        if self.labeler is None:
            return Block(images, labels, None)
        if labels is None:
            return Block(images, *self.labeler(images))
        return Block(images, labels, self.labeler.confidences(images, labels))

    def blocks(self, start: int) -> Iterator[tuple[int, Block]]:
        """All samples from an index on; with each block the index of its first one."""
        first, skipped = divmod(start, BLOCK)
        for number in itertools.count(first):
            yield number * BLOCK + skipped, self.block(number).take(slice(skipped, None))
            skipped = 0


@dataclass(frozen=True)
class Selection:
    """Which samples are taken.

    Attributes:
        min_confidence: of the classifier in its verdict, in [0, 1].
        balanced: whether each class gets as many images as any other, or one less.

    Raises:
        UsageError: the confidence is no probability.
    """

    min_confidence: float = 0.0
    balanced: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(f"a confidence of {self.min_confidence} is not from 0 to 1")

    @property
    def takes_all(self) -> bool:
        """Whether every sample is taken."""
        return not self.balanced and self.min_confidence == 0


EVERY = Selection()
"""All samples are taken."""


@dataclass
class ImageStream:
    """A number of images that pass a selection; iterating draws them, in pieces.

    Attributes:
        sampler: with labels where the selection is balanced, and with a labeler where it has a
            minimum confidence.
        count: how many images.
        start: index of the first sample to look at.
        selection: which are taken. Balanced ones come class after class in turn, so that any
            stretch of them is balanced; the others in the order of their index.
        on_progress: called with the images taken.
        done: how many images were taken so far.
        stop: the index behind the last sample that was looked at so far.
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
            MnistganError: what the rule asks for does not come.
        """
        useful = self.stop
        balanced = self.selection.balanced
        for images, labels in self._class_after_class() if balanced else self._in_order():
            self.done += len(images)
            if len(images):
                useful = self.stop
                yield images, labels
                self.on_progress(Progress("sampling", self.done, self.count))
            elif self.stop - useful >= PATIENCE:
                raise self._nothing_came()
            if self.done == self.count:
                return

    def _in_order(self) -> Iterator[Piece]:
        for first, block in self.sampler.blocks(self.stop):
            rows = self._confident(block)[: self.count - self.done]
            is_last = self.done + len(rows) == self.count
            self.stop = first + (int(rows[-1]) + 1 if is_last else len(block.images))
            # Mostly all are taken: spare the copies.
            taken = block if len(rows) == len(block.images) else block.take(rows)
            yield taken.images, taken.labels

    def _class_after_class(self) -> Iterator[Piece]:
        classes = len(self.sampler.classes)
        waiting: list[deque[Images]] = [deque() for _ in range(classes)]
        for first, block in self.sampler.blocks(self.stop):
            assert block.labels is not None
            for row in self._confident(block):
                queue = waiting[block.labels[row]]
                if len(queue) < _WAITING:
                    queue.append(block.images[row].copy())  # not a view that holds its block
            taken: list[Images] = []
            for index in range(self.done, self.count):
                if not waiting[index % classes]:
                    break
                taken.append(waiting[index % classes].popleft())
            self.stop = first + len(block.images)
            labels = np.arange(self.done, self.done + len(taken), dtype=np.int64) % classes
            yield np.stack(taken) if taken else block.images[:0], labels

    def _confident(self, block: Block) -> npt.NDArray[np.int64]:
        """The rows of a block that the classifier is sure enough of."""
        if block.confidences is None:
            return np.arange(len(block.images))
        return np.flatnonzero(block.confidences >= self.selection.min_confidence)

    def _nothing_came(self) -> MnistganError:
        sure = self.selection.min_confidence
        what, cures = "", []
        if self.selection.balanced:
            classes = self.sampler.classes
            what = f" of class {classes[self.done % len(classes)]!r}"
            cures.append("leave --balanced out")
        if sure:
            what += f" that the classifier is {sure} sure of"
            cures.append("lower --min-confidence")
        return MnistganError(
            f"among {PATIENCE:,} samples in a row there was no image{what}; {', '.join(cures)}, or "
            "train the generator for longer"
        )
