"""The classes of the images of a conditional generator."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mnistgan.arrays import Labels
from mnistgan.config import RunConfig, toml
from mnistgan.datasets.image_set import ImageSet
from mnistgan.errors import DataError, UsageError, did_you_mean

# Error message if classes are given for an unconditional generator.
NOT_CONDITIONAL = "this generator was trained without labels; train one with --config cgan-mlp"

_MOST_COLUMNS = 16  # with more classes, a column per class makes images too small to see


@dataclass(frozen=True)
class ClassSequence:
    """An endless sequence of labels, one per image, which repeats a list of classes.

    Attributes:
        classes: labels, in order.
        repeat: number of consecutive images with the same class.
    """

    classes: tuple[int, ...]
    repeat: int = 1

    @property
    def columns(self) -> int | None:
        """Columns of a grid: one row per class or, if no class repeats, one column per class.

        None leaves the choice to the grid.
        """
        if self.repeat > 1:
            return self.repeat
        return len(self.classes) if 1 < len(self.classes) <= _MOST_COLUMNS else None

    def labels(self, start: int, count: int) -> Labels:
        """The labels of images ``start`` to ``start + count - 1``, int64."""
        turns = np.arange(start, start + count, dtype=np.int64) // self.repeat
        return np.array(self.classes, np.int64)[turns % len(self.classes)]


def every_class(classes: Sequence[str]) -> ClassSequence:
    """All classes in turn: image i has class i modulo their number."""
    # In turn and not at random, so that any range of indices is balanced, and the class of an image
    # does not depend on how many are drawn.
    return ClassSequence(tuple(range(len(classes))))


def one_hot(labels: Sequence[int] | Labels, classes: Sequence[str]) -> npt.NDArray[np.float32]:
    """Labels as one-hot vectors, float32 N x classes, which can be interpolated."""
    rows = np.zeros((len(labels), len(classes)), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def in_a_grid(classes: Sequence[str], count: int) -> Labels:
    """``count`` labels in ascending order, the same number of each class if it divides evenly."""
    return np.arange(count, dtype=np.int64) * len(classes) // count


def parse(text: str | None, classes: Sequence[str], repeat: int = 1) -> ClassSequence:
    """Parse ``7``, ``1,3,5`` or ``0-9``: class names or numbers; None means all classes.

    Raises:
        UsageError: there is no such class, or the generator is not conditional.
    """
    if not classes:
        raise UsageError(NOT_CONDITIONAL)
    if text is None:
        return replace(every_class(classes), repeat=repeat)
    parts = (_parse_part(part, classes) for part in text.split(","))
    return ClassSequence(tuple(itertools.chain(*parts)), repeat)


def _parse_part(part: str, classes: Sequence[str]) -> Sequence[int]:
    """The labels of a class or of a range of classes."""
    if (label := _find(part, classes)) is not None:
        return (label,)
    for dash in re.finditer("-", part):  # class names may contain dashes, so each one is tried
        first, last = (_find(end, classes) for end in (part[: dash.start()], part[dash.end() :]))
        if first is not None and last is not None and first <= last:
            return range(first, last + 1)
    known, hint = _list(classes), did_you_mean(part, classes)
    raise UsageError(f"{part.strip()!r} is not a class of this generator ({known}){hint}")


def _find(name: str, classes: Sequence[str]) -> int | None:
    """The label of a class by its name, else by its name in another case, else by its number."""
    name = name.strip()
    folded = [known.casefold() for known in classes]
    for key, names in ((name, classes), (name.casefold(), folded)):
        if key in names:
            return names.index(key)
    # Only ASCII: isdigit() accepts superscripts, which int() refuses. The length limits the work.
    is_number = name.isascii() and name.isdigit() and len(name) < 6
    return int(name) if is_number and int(name) < len(classes) else None


def with_classes(config: RunConfig, data: ImageSet) -> RunConfig:
    """Add the data's class names to a conditional model's config; return other configs unchanged.

    Raises:
        DataError: the data has no classes, or other classes than the config.
    """
    if not config.model.conditional:
        return config
    if data.labels is None or len(data.classes) < 2:
        raise DataError(
            f"{data.source}: a conditional model needs classes; sort the images into a folder per "
            "class, or set model.conditional = false"
        )
    if config.model.classes not in ((), data.classes):
        raise DataError(
            f"{data.source}: has the classes {_list(data.classes)}, model.classes has "
            f"{_list(config.model.classes)}; leave model.classes out"
        )
    return toml.replace(config, {"model.classes": list(data.classes)}, data.source)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
