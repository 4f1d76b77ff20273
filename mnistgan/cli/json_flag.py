"""The advice for a file name after ``--json``, which took one before it became a flag."""

import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from mnistgan.errors import UsageError


def refuse_file(command: str, arguments: Sequence[str]) -> None:
    """Refuse the name of a JSON file, or ``-``, right after ``--json``.

    Without this, the parser would take the name for another argument, such as a run.

    Args:
        command: the command, such as ``mnistgan evaluate``.
        arguments: what follows it on the command line.

    Raises:
        UsageError: there is such a name; the message says what to write instead.
    """
    words = [part for one in arguments for part in _split(one)]
    for number, (before, name) in enumerate(pairwise(words), 1):
        if before == "--json" and _is_file_name(name):
            kept = [command, *map(shlex.quote, words[:number] + words[number + 1 :])]
            target = [] if name == "-" else [">", shlex.quote(name)]
            raise UsageError(f"--json takes no file name; write: {' '.join([*kept, *target])}")


def _split(argument: str) -> list[str]:
    """``--json=f.json`` as two words."""
    return argument.split("=", 1) if argument.startswith("--json=") else [argument]


def _is_file_name(word: str) -> bool:
    # A folder of such a name may be a run. A file of such a name is not a picture, a run or a
    # generator; it is what the same command wrote before.
    return word == "-" or (word.lower().endswith(".json") and not Path(word).is_dir())
