"""The names of the classes: their order, which names can be stored, and the file beside labels."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from mnistgan.arrays import Labels
from mnistgan.datasets.image_set import MAX_CLASSES, first_few, numbered_classes
from mnistgan.errors import DataError
from mnistgan.text import decoded

FILE = "classes.txt"
"""Text file beside label files and shards: one class name per line, in the order of the labels."""

_MOST_BYTES = 2**24
_LONGEST = 255  # characters, as in model.classes
_NOT_STORED = ("Cc", "Cs", "Zl", "Zp")  # control characters, surrogates, line separators


def whole_number(name: str) -> int | None:
    """The value of a name that is a whole number, such as ``7``, ``07`` or ``-1``; else None."""
    name = name.strip()
    return int(name) if re.fullmatch(r"-?[0-9]{1,255}", name) else None


def in_order(names: Iterable[str]) -> list[str]:
    """Names sorted as numbers if all of them are whole numbers, otherwise as text."""
    ordered = sorted(names)
    numbers = {name: whole_number(name) for name in ordered}
    if None in numbers.values():
        return ordered
    return sorted(ordered, key=lambda name: numbers[name] or 0)


def of_folders(folders: Sequence[str], source: Path) -> tuple[str, ...]:
    """The names of classes from the names of their folders, which may hold any bytes.

    What a config or a line of text cannot hold is escaped, as in a Python string.

    Raises:
        DataError: two names become the same, or one is too long.
    """
    names = tuple(map(_escaped, folders))
    counts = Counter(names)
    if bad := [name for name in names if counts[name] > 1 or len(name) > _LONGEST]:
        raise DataError(
            f"{source}: a class cannot be named after its folder {bad[0][:60]!r}, which is too "
            "long or, with its special characters escaped, the name of two folders; rename it"
        )
    return names


def _escaped(name: str) -> str:
    """The name with everything escaped that a config or a line of text cannot hold."""
    return "".join(
        _escaped_char(char) if unicodedata.category(char) in _NOT_STORED else char for char in name
    )


def _escaped_char(char: str) -> str:
    # Python reads a byte that is not UTF-8 as U+DC00 plus the byte (PEP 383).
    byte = ord(char) - 0xDC00
    return f"\\x{byte:02x}" if 0 <= byte < 256 else char.encode("unicode_escape").decode("ascii")


def of_labels(
    labels: Labels | None, given: Sequence[str], source: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The class names of labels, and notes for the user.

    Args:
        labels: int64, N, or None.
        given: the names in the file, if any. They are used if each label has one, and if they are
            unique and can be stored; otherwise the names are numbers.
        source: the file of the names, for messages.

    Raises:
        DataError: the labels are not numbers of classes.
    """
    numbers = numbered_classes(labels, source)
    if not numbers or not given:
        return numbers, ()
    problem = _problem(given, len(numbers))
    if not problem:
        return tuple(given), ()
    return numbers, (f"{source}: its class names are not used, since {problem}",)


def _problem(names: Sequence[str], needed: int) -> str:
    if len(names) < needed:
        return f"there are {len(names):,} and the labels go up to {needed - 1:,}"
    if len(names) > MAX_CLASSES:
        return f"there are {len(names):,}, more than {MAX_CLASSES:,}"
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        return f"{twice[0][:60]!r} is there twice"
    wrong = [name for name in names if not 0 < len(name) <= _LONGEST or _escaped(name) != name]
    return f"{first_few([repr(name[:60]) for name in wrong])} cannot be a name" if wrong else ""


def to_text(names: Iterable[str]) -> str:
    """The content of :data:`FILE`."""
    return "".join(f"{name}\n" for name in names)


def beside(path: Path) -> tuple[str, ...]:
    """The names in :data:`FILE` in the folder of a file; empty without that file.

    Raises:
        DataError: the file is not UTF-8 text.
        OSError: it cannot be read.
    """
    file = path.with_name(FILE)
    if not file.is_file() or file.stat().st_size > _MOST_BYTES:
        return ()
    try:
        names = decoded(file.read_bytes()).split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: is not UTF-8 text; save it as UTF-8, or rename it") from error
    return tuple(names[:-1] if names[-1] == "" else names)
