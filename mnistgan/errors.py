"""The errors of the package, and the exit code of each.

Every error that a user can cause is a :class:`MnistganError`. Its message is one sentence that says
what is wrong, where, and what to do; the command line prints it and exits with ``exit_code``. Any
other exception that reaches the user is a bug.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MOST_SHOWN = 50
"""Mistakes listed in one message. The others are counted: a suggestion for each would take time."""


class MnistganError(Exception):
    """An error while running (exit code 1)."""

    exit_code = 1


class UsageError(MnistganError):
    """An input cannot be used: an option, a path or a file (exit code 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A run config with one or more mistakes, all of them reported together.

    Args:
        source: file or option that the config comes from; it begins the message. May be empty.
        problems: one line per mistake, with the full path of the key.
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        # A value from a file may contain line breaks, which would look like further mistakes.
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
    """A data set is missing, is damaged, or does not fit the run."""


class FileFormatError(UsageError):
    """A file is not a checkpoint or generator file, is damaged, or has another version."""


class TrainingError(MnistganError):
    """Training cannot continue: a loss or a weight is no longer finite."""


class ExportError(MnistganError):
    """An exported model gives other results than the original."""


class ConfigWarning(UserWarning):
    """A config contains a value that this version no longer supports; a default replaces it."""


class OutdatedFileWarning(UserWarning):
    """A file was written by an older version, and is not used."""


def printable(text: str) -> str:
    """Make text safe to print: control characters are escaped, except for line breaks.

    Lines are cut after 2,000 characters.
    """
    # Messages quote names and values from files of unknown origin. Escape sequences in them could
    # move the terminal's cursor or rewrite what it shows.
    lines = (line if len(line) <= 2000 else f"{line[:2000]} ..." for line in text.split("\n"))
    return "".join(
        char
        if char.isprintable() or char == "\n"
        else char.encode("unicode_escape").decode("ascii")
        for char in "\n".join(lines)
    )


def quoted(value: object) -> str:
    """The ``repr`` of a value, cut after about 60 characters."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def reworded(message: str) -> str:
    """Pydantic's message about a value in the wording of mnistgan."""
    for pattern, words in _REWORDED.items():
        message = re.sub(pattern, words, message)
    return message


_LONGEST = 60
_REWORDED = {
    "Value error, ": "",
    "Unable to parse input string as an integer, exceeded maximum size": "has too many digits",
    ", unable to parse string as an? [a-z]+": "",
    " after validation": "",
    r"\b(Input|String|Tuple|List|Set|Dictionary|Value) should( be)?\b": r"must\2",
    "must be a valid boolean": "must be true or false",
    "must be a valid number": "must be a number, such as 0.001",
    "must be a valid (tuple|list)": "must be a list, such as [0.5, 0.999]",
    "must be a valid dictionary": "must be a table",
}
"""Regular expression -> what replaces it, in this order."""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the closest choice; an empty string if no choice is close."""
    folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def one_of(choices: Iterable[str]) -> str:
    """The choices as text: ``a, b or c``."""
    *head, last = choices
    return f"{', '.join(head)} or {last}" if head else last
