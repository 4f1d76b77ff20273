"""What can go wrong, said in one sentence each, and the exit code that goes with it.

Every error that a user can cause is a :class:`MnistganError`. Its text says what is wrong, where,
and what to do next; the command line prints it and leaves with ``exit_code``. Any other exception
that escapes is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MOST_SHOWN = 50
"""Mistakes in one message. The rest are counted: to find a suggestion for each takes time."""


class MnistganError(Exception):
    """Something went wrong while running (exit code 1)."""

    exit_code = 1


class UsageError(MnistganError):
    """What the caller gave cannot be used: a flag, a path, a file (exit code 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A run config with one or more mistakes, all of them reported together.

    Args:
        source: where the config came from, for the message's first words; empty for nowhere.
        problems: one line per mistake, each naming the key by its full path.
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = [problem.replace("\n", "\\n") for problem in problems]
        if len(self.problems) == 1:
            text = f"{source}: {self.problems[0]}" if source else self.problems[0]
        else:
            lines = "".join(f"\n  {problem}" for problem in self.problems[:MOST_SHOWN])
            more = len(self.problems) - MOST_SHOWN
            lines += f"\n  ... and {more} more" if more > 0 else ""
            text = f"{source or 'the config'} has {len(self.problems)} mistakes:{lines}"
        super().__init__(text)


class DataError(UsageError):
    """A data set that is missing, damaged, or does not suit the run."""


class FileFormatError(UsageError):
    """A checkpoint or generator file that is none, is damaged, or is of another version."""


class TrainingError(MnistganError):
    """Training cannot go on: a loss or a weight is no longer finite."""


class ExportError(MnistganError):
    """An exported model does not compute what the original computes."""


class ConfigWarning(UserWarning):
    """A config names something that earlier versions knew, and is read without it."""


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor or colors; line breaks stay.

    Of a line without end, such as one that quotes a stranger's file, the beginning.
    """
    lines = (line if len(line) <= 2000 else f"{line[:2000]} ..." for line in text.split("\n"))
    return "".join(
        char
        if char.isprintable() or char == "\n"
        else char.encode("unicode_escape").decode("ascii")
        for char in "\n".join(lines)
    )


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the closest choice, or the empty string when none is close."""
    folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def one_of(choices: Iterable[str]) -> str:
    """The choices as a reader's list: ``a, b or c``."""
    *head, last = choices
    return f"{', '.join(head)} or {last}" if head else last
