"""The advice for a file name after ``--json``, which took one before it became a flag."""

import os
import shlex
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from mnistgan.errors import UsageError


def refuse_file(command: str, arguments: Sequence[str], is_name: Callable[[str], bool]) -> None:
    """Refuse the name of a file to write, or ``-``, right after ``--json``.

    Without this, the parser would take the name for another argument, such as a run.

    Args:
        command: the command, such as ``mnistgan evaluate``.
        arguments: what follows it on the command line.
        is_name: whether the command may take a word as a name, such as that of a subcommand.

    Raises:
        UsageError: there is such a name; the message says what to write instead.
    """
    words = [part for one in arguments for part in _split(one)]
    for number, (before, name) in enumerate(pairwise(words), 1):
        if before == "--json" and _is_file_name(name, is_name):
            kept = [command, *map(shlex.quote, words[:number] + words[number + 1 :])]
            target = [] if name == "-" else [">", shlex.quote(name)]
            raise UsageError(f"--json takes no file name; write: {' '.join([*kept, *target])}")


def _split(argument: str) -> list[str]:
    """``--json=f.json`` as two words."""
    return argument.split("=", 1) if argument.startswith("--json=") else [argument]


def looks_like_a_name(word: str) -> bool:
    """Whether a word is the name of a plugin, or has neither an ending nor a folder."""
    from mnistgan.runs.environment import installed_plugins

    is_bare = not Path(word).suffix and not {"/", os.sep} & set(word)
    return is_bare or any(word == plugin.name for plugin in installed_plugins())


def _is_file_name(word: str, is_name: Callable[[str], bool]) -> bool:
    # A folder of such a name may be a run. A file of such a name is not a picture, a run or a
    # generator; it is what the same command wrote before.
    if word == "-" or (word.lower().endswith(".json") and not Path(word).is_dir()):
        return True
    # os.path.exists and not Path.exists: the latter raises for a NUL on Python 3.10.
    return not (word.startswith("-") or os.path.exists(word) or is_name(word))  # noqa: PTH110
