"""Images and labels in memory, in one form for every source."""

import hashlib
import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistgan import arguments
from mnistgan.arrays import Images, Labels
from mnistgan.datasets.fitting import Fit
from mnistgan.errors import DataError, UsageError, printable
from mnistgan.progress import OnProgress, Progress

GRAY_NOTE = "the images are in color but used in gray; set `data.channels = 3` to keep the color"

_BLOCK_BYTES = 2**25  # 32 MiB

_FEWEST, _SOME = 4, 256
_NEARLY_ALL = 0.9
_VISIBLE = 8  # of 255 levels

MAX_CLASSES = 10_000


@dataclass(frozen=True)
class ImageSet:
    """Images to train on, in memory.

    Attributes:
        images: uint8, N x C x H x W.
        labels: int64, N, or None if the source has none.
        classes: the name of each label, in order; empty without labels.
        source: description of the source, for messages.
        notes: notes for the user, about skipped files, lost color, or images that are all the
            same.

    Raises:
        UsageError: images or labels have another shape or type, or a label has no class.
    """

    images: Images
    labels: Labels | None
    classes: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        arguments.images("images", self.images)
        arguments.instance("classes", self.classes, tuple, "a tuple of names")
        if self.labels is not None:
            arguments.labels("labels", self.labels, len(self.images))
            numbers = np.unique(self.labels)
            if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < len(self.classes):
                raise UsageError(
                    f"labels: must be less than the number of classes, {len(self.classes)}, got "
                    f"{numbers[0]} to {numbers[-1]}"
                )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Labels | slice) -> "ImageSet":
        """Select images with their labels, by indices or a slice.

        Raises:
            UsageError: there are no such images.
        """
        try:
            images = self.images[rows]
            labels = None if self.labels is None else self.labels[rows]
        except (IndexError, OverflowError, TypeError, ValueError) as error:
            raise arguments.wrong("rows", "indices of images, or a slice", rows) from error
        return replace(self, images=images, labels=labels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of images and labels; equal for equal images from any source."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


def rows_at_a_time(image_bytes: int, fit: Fit) -> int:
    """Number of images per block, so that a block is small before and after fitting."""
    return max(1, _BLOCK_BYTES // max(1, image_bytes, fit.channels * fit.size * fit.size))


def class_notes(labels: Labels | None, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Notes about unusual labels in the user's own images."""
    if labels is None:
        return ()
    present = set(np.unique(labels).tolist())
    if len(present) == 1:
        return (f"there is a single class, {classes[present.pop()]!r}; labels add no information",)
    empty = [name for number, name in enumerate(classes) if number not in present]
    return (f"there are no images of class {first_few(empty)}",) if empty else ()


def sameness(images: Images) -> str:
    """A sentence's beginning if nearly all images are flat, or equal; otherwise empty.

    Such a data set trains without an error, and nothing can be learned from it.

    Args:
        images: uint8, N x C x H x W; fewer than four are not judged.
    """
    if len(images) < _FEWEST:
        return ""
    some = images[np.linspace(0, len(images) - 1, min(len(images), _SOME)).astype(np.int64)]
    # The most frequent of some images is the one that nearly all are equal to, if there is one.
    frequent, _ = Counter(image.tobytes() for image in some).most_common(1)[0]
    same = np.frombuffer(frequent, np.uint8).reshape(images.shape[1:])
    kinds: dict[str, Callable[[Images], npt.NDArray[Any]]] = {
        "one flat color": _are_flat,
        "equal": lambda block: (block == same).all(axis=(1, 2, 3)),
    }
    for kind, test in kinds.items():
        if test(some).mean() < _NEARLY_ALL / 2:  # the usual case costs no look at all images
            continue
        blocks = np.array_split(images, -(-len(images) // _SOME))
        count = sum(int(test(block).sum()) for block in blocks)
        if count >= _NEARLY_ALL * len(images):
            how_many = "all" if count == len(images) else f"{count:,} of"
            return f"{how_many} {len(images):,} images are {kind}"
    return ""


def show_command(path: Path) -> str:
    """The command that shows the user's own images, for messages."""
    shown = path if path.is_absolute() else f"./{path}"  # without a slash it would be a name
    return f"mnistgan data show {shlex.quote(printable(str(shown)))}"


def is_flat(image: Images) -> bool:
    """Whether an image, C x H x W, is one flat color."""
    return bool(_are_flat(image[None])[0])


def _are_flat(images: Images) -> npt.NDArray[Any]:
    """Whether no two pixels of an image differ visibly in any channel; bool, N."""
    pixels = images.reshape(*images.shape[:2], -1)
    difference: Images = pixels.max(axis=2) - pixels.min(axis=2)
    flat: npt.NDArray[Any] = difference.max(axis=1) < _VISIBLE
    return flat


def first_few(names: list[str]) -> str:
    """The first five names for a message, on one line, and the number of others."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(printable(name).replace("\n", "\\n") for name in names[:5]) + more


def collect(
    blocks: Iterable[Images], count: int, fit: Fit, what: str, on_progress: OnProgress
) -> Images:
    """Fit a stream of image arrays, n x H x W x C, into one array, N x C x size x size.

    Raises:
        DataError: the images do not fit into memory.
    """
    images = allocate(count, fit)
    done = 0
    for block in blocks:
        images[done : done + len(block)] = fit.arrays(block)
        done += len(block)
        on_progress(Progress(what, done, count))
    return images


def allocate(count: int, fit: Fit) -> Images:
    """Allocate an uninitialized array for a number of images.

    Raises:
        DataError: the images do not fit into memory.
    """
    # np.empty may succeed with more memory than the machine has, because Linux overcommits. The
    # process would be killed later, while the array is filled.
    shape = (count, fit.channels, fit.size, fit.size)
    needed, available = int(np.prod(shape, dtype=object)), _physical_memory()
    if available is not None and needed > available:
        raise DataError(
            f"{count:,} images take {needed / 2**30:,.1f} GiB, this machine has "
            f"{available / 2**30:,.1f}; use fewer or smaller ones"
        )
    return np.empty(shape, np.uint8)


def numbered_classes(labels: Labels | None, source: str | Path) -> tuple[str, ...]:
    """Class names for labels without names: their numbers.

    Args:
        labels: int64, N, or None.
        source: source of the labels, for the message.

    Raises:
        DataError: a label is not in the range of class numbers.
    """
    if labels is None or not len(labels):
        return ()
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= MAX_CLASSES:
        raise DataError(f"{source}: has labels from {low} to {high}; give 0 to {MAX_CLASSES - 1}")
    return tuple(map(str, range(high + 1)))


def _physical_memory() -> int | None:
    """This machine's memory in bytes; None if unknown, as on Windows."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
