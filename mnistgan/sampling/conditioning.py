"""The classes of the images of a conditional generator."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from mnistgan import arguments
from mnistgan.arrays import Labels
from mnistgan.config import RunConfig, toml
from mnistgan.datasets.class_names import whole_number
from mnistgan.datasets.image_set import ImageSet
from mnistgan.errors import DataError, UsageError, did_you_mean

# Error message if classes are given for an unconditional generator.
NOT_CONDITIONAL = (
    "this generator was trained without labels; train one with `model.conditional = True`"
)

_MOST_COLUMNS = 16  # with more classes, a column per class makes images too small to see


Digits: TypeAlias = str | int | Sequence[str | int]
"""Classes as ``--digits`` takes them, or their numbers or names."""


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


def parse(digits: Digits | None, classes: Sequence[str], repeat: int = 1) -> ClassSequence:
    """Parse ``7``, ``1,3,5`` or ``0-9``: class names or numbers; None means all classes.

    Raises:
        UsageError: there is no such class, or the generator is not conditional.
    """
    if not classes:
        raise UsageError(NOT_CONDITIONAL)
    if digits is None:
        return replace(every_class(classes), repeat=repeat)
    parts = digits.split(",") if isinstance(digits, str) else _numbers_or_names(digits)
    found = tuple(itertools.chain(*(_parse_part(part, classes) for part in parts)))
    if not found:
        raise UsageError("digits: names no class; give at least one")
    return ClassSequence(found, repeat)


def _is_list(digits: object) -> TypeGuard[Sequence[object]]:
    # bytes are a sequence of numbers, which are hardly meant: b"7" is [55].
    is_sequence = isinstance(digits, Sequence | np.ndarray | range)
    return is_sequence and not isinstance(digits, bytes | bytearray)


def _numbers_or_names(digits: object) -> Iterator[str]:
    """The parts of digits that were given in Python: an int, or a sequence of ints and names."""
    for one in digits if _is_list(digits) else [digits]:
        if not isinstance(one, str | int | np.integer) or isinstance(one, bool):
            raise arguments.wrong("digits", "classes, such as 7, '0-4' or [1, 3]", one)
        yield str(one)


def _parse_part(part: str, classes: Sequence[str]) -> Sequence[int]:
    """The labels of a class or of a range of classes."""
    if (label := _find(part, classes)) is not None:
        return (label,)
    for dash in re.finditer("-", part):  # class names may contain dashes, so each one is tried
        ends = part[: dash.start()], part[dash.end() :]
        if labels := _between(*ends, classes):
            return labels
    hint = _hint(part, classes)
    raise UsageError(f"{part.strip()!r} is not a class of this generator ({_list(classes)}){hint}")


def _hint(part: str, classes: Sequence[str]) -> str:
    """What to write instead of a text that names no class."""
    for dash in re.finditer("-", part):
        first, last = part[: dash.start()], part[dash.end() :]
        if _between(last, first, classes):
            return f"; write {last.strip()}-{first.strip()}"
    # A number that resembles another one is no misspelling of it.
    return did_you_mean(part, classes) if any(map(str.isalpha, part)) else ""


def _between(first: str, last: str, classes: Sequence[str]) -> Sequence[int]:
    """The labels of the classes from one to another; empty if there is no such range.

    Between two names that are numbers, those are meant whose names are numbers between them,
    whatever their labels: the classes of old generator files may be in the order of text.
    """
    start, end = _find(first, classes), _find(last, classes)
    if start is None or end is None:
        return ()
    names = [whole_number(name) for name in classes]
    low, high = names[start], names[end]
    if low is None or high is None:
        return range(start, end + 1)
    found = [(name, label) for label, name in enumerate(names) if name is not None]
    return [label for name, label in sorted(found) if low <= name <= high]


def _find(name: str, classes: Sequence[str]) -> int | None:
    """The label of a class by its name, in any case; or by its number, if names are not numbers."""
    name = name.strip()
    folded = [known.casefold() for known in classes]
    for key, names in ((name, classes), (name.casefold(), folded)):
        if key in names:
            return names.index(key)
    number, numbers = whole_number(name), [whole_number(known) for known in classes]
    if number is None:
        return None
    if number in numbers:  # such as 7 of a class named 07
        return numbers.index(number)
    # Where class 1 is named 2, the number 1 must not mean it.
    agree = all(known in (None, label) for label, known in enumerate(numbers))
    return number if agree and 0 <= number < len(classes) else None


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
    """Some names; ``0 to 46`` for many that are consecutive numbers in this order."""
    numbers = [whole_number(name) for name in names]
    low = numbers[0] if numbers else None
    if len(names) > 10 and low is not None and numbers == list(range(low, low + len(names))):
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
