"""What every source of images ends in, and how its memory is filled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mnistgan.arrays import Images, Labels
from mnistgan.datasets.fitting import Fit
from mnistgan.errors import DataError
from mnistgan.progress import OnProgress, Progress

GREY_NOTE = "the images are in colour and are trained in grey; --channels 3 keeps the colour"

_BLOCK_BYTES = 2**25

_MAX_CLASSES = 10_000


@dataclass(frozen=True)
class ImageSet:
    """Images to train on, in memory.

    Attributes:
        images: uint8, N x C x H x W.
        labels: int64, N, or None where the source has none.
        classes: the name of each label, in order; empty without labels.
        source: where the images came from, for people.
        notes: what people should know about them: files left out, colour given up.
    """

    images: Images
    labels: Labels | None
    classes: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Labels | slice) -> ImageSet:
        """Some of the images, by their numbers or as a slice, with their labels."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, images=self.images[rows], labels=labels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over images and labels: equal for the same images, wherever they came from."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


def rows_at_a_time(image_bytes: int, fit: Fit) -> int:
    """How many images to read at once, so that a block takes little memory before and after."""
    return max(1, _BLOCK_BYTES // max(1, image_bytes, fit.channels * fit.size * fit.size))


def class_notes(labels: Labels | None, classes: tuple[str, ...]) -> tuple[str, ...]:
    """What is odd about the labels of somebody's own images."""
    if labels is None:
        return ()
    present = set(np.unique(labels).tolist())
    if len(present) == 1:
        return (f"there is a single class, {classes[present.pop()]!r}: its labels tell nothing",)
    empty = [name for number, name in enumerate(classes) if number not in present]
    return (f"there are no images of class {first_few(empty)}",) if empty else ()


def first_few(names: list[str]) -> str:
    """The first five names for a message, and how many more there are."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def collect(
    blocks: Iterable[Images], count: int, fit: Fit, what: str, on_progress: OnProgress
) -> Images:
    """Fit a stream of image arrays, n x H x W x C, into one array, N x C x size x size.

    Raises:
        DataError: so many images do not fit into this machine's memory.
    """
    images = allocate(count, fit)
    done = 0
    for block in blocks:
        images[done : done + len(block)] = fit.arrays(block)
        done += len(block)
        on_progress(Progress(what, done, count))
    return images


def allocate(count: int, fit: Fit) -> Images:
    """Memory for so many images, uninitialised.

    Raises:
        DataError: this machine has not so much.
    """
    shape = (count, fit.channels, fit.size, fit.size)
    needed, there = int(np.prod(shape, dtype=object)), _physical_memory()
    if there is not None and needed > there:
        raise DataError(
            f"{count:,} images of {fit.size}x{fit.size}x{fit.channels} take {needed / 2**30:,.1f} "
            f"GiB, this machine has {there / 2**30:,.1f}; use fewer or smaller ones"
        )
    return np.empty(shape, np.uint8)


def numbered_classes(labels: Labels | None) -> tuple[str, ...]:
    """Names for labels that come without any: their numbers.

    Raises:
        ValueError: the labels are no class numbers.
    """
    if labels is None or not len(labels):
        return ()
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= _MAX_CLASSES:
        raise ValueError(
            f"has labels from {low} to {high}; classes are numbered from 0 to {_MAX_CLASSES - 1:,}"
        )
    return tuple(map(str, range(high + 1)))


def _physical_memory() -> int | None:
    """Bytes of memory of this machine, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
