"""Which class each image is asked to be, by a generator that was trained with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mnistgan.arrays import Labels
from mnistgan.config import RunConfig, toml
from mnistgan.datasets.image_set import ImageSet
from mnistgan.errors import DataError, UsageError, did_you_mean

UNTOLD = (
    "this generator was trained without labels, so no class can be asked of it; train one with "
    "model.conditional = true (the preset cgan-mlp, for example)"
)
"""What is said where classes are asked of an unconditional generator."""

_MOST_COLUMNS = 16


@dataclass(frozen=True)
class ClassSequence:
    """The classes of endless images: each of some classes in turn, so often in a row.

    Attributes:
        classes: their labels, in the order of asking.
        repeat: how many images of a class come one after another.
    """

    classes: tuple[int, ...]
    repeat: int = 1

    @property
    def columns(self) -> int | None:
        """Of a grid with a row a class or, where classes take turns, a column each if they fit."""
        if self.repeat > 1:
            return self.repeat
        return len(self.classes) if 1 < len(self.classes) <= _MOST_COLUMNS else None

    def labels(self, start: int, count: int) -> Labels:
        """What images ``start`` to ``start + count - 1`` are to be, int64."""
        turns = np.arange(start, start + count, dtype=np.int64) // self.repeat
        return np.array(self.classes, np.int64)[turns % len(self.classes)]


def every_class(classes: Sequence[str]) -> ClassSequence:
    """All classes in turn: image i is of class i modulo their number."""
    return ClassSequence(tuple(range(len(classes))))


def one_hot(labels: Sequence[int] | Labels, classes: Sequence[str]) -> npt.NDArray[np.float32]:
    """Labels as weights of the classes, to be blended: float32, N x classes."""
    rows = np.zeros((len(labels), len(classes)), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def in_a_grid(classes: Sequence[str], count: int) -> Labels:
    """``count`` labels in ascending order, as many of each class as can be."""
    return np.arange(count, dtype=np.int64) * len(classes) // count


def parse(text: str | None, classes: Sequence[str], repeat: int = 1) -> ClassSequence:
    """Classes out of ``7``, ``1,3,5`` or ``0-9``: their names or, else, numbers; None is all.

    Raises:
        UsageError: there is no such class, or the generator knows none.
    """
    if not classes:
        raise UsageError(UNTOLD)
    if text is None:
        return replace(every_class(classes), repeat=repeat)
    parts = (_parse_part(part, classes) for part in text.split(","))
    return ClassSequence(tuple(label for part in parts for label in part), repeat)


def _parse_part(part: str, classes: Sequence[str]) -> Sequence[int]:
    name = part.strip()
    single = _find(name, classes)
    if single is not None:
        return (single,)
    for dash in (place for place, letter in enumerate(name) if letter == "-"):
        first, last = (_find(end.strip(), classes) for end in (name[:dash], name[dash + 1 :]))
        if first is not None and last is not None and first <= last:
            return range(first, last + 1)
    known = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
    raise UsageError(
        f"{name!r} is no class of this generator{did_you_mean(name, classes)}; it knows {known}"
    )


def _find(name: str, classes: Sequence[str]) -> int | None:
    """The label of a class by its name, whatever its case, or by its number."""
    folded = [one.casefold() for one in classes]
    for key, names in ((name, list(classes)), (name.casefold(), folded)):
        if key in names:
            return names.index(key)
    is_number = name.isascii() and name.isdigit() and len(name) < 6
    return int(name) if is_number and int(name) < len(classes) else None


def with_classes(config: RunConfig, data: ImageSet) -> RunConfig:
    """A conditional model's config with the names of the data's classes; any other as it is.

    Raises:
        DataError: the data has no classes, or others than the config says.
    """
    if not config.model.conditional:
        return config
    if data.labels is None or len(data.classes) < 2:
        raise DataError(
            f"{data.source}: has no classes that a conditional model could learn; sort the images "
            "into a folder a class, or set model.conditional = false"
        )
    if config.model.classes not in ((), data.classes):
        raise DataError(
            f"{data.source}: has other classes than model.classes says "
            f"({_list(data.classes)}, not {_list(config.model.classes)}); leave model.classes out"
        )
    return toml.replace(config, {"model.classes": list(data.classes)}, data.source)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
