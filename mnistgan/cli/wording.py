"""Messages of the core in the words of the command line.

The core names things as a program does, in backticks: a parameter, a config key with or without a
value, or a call. Here they become options and commands.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator

from mnistgan.errors import printable

_OPTIONS = {
    "directory": "--output-dir",
    "mirrors": "--mirror",
    "reference": "--data",
    "data.name": "--data",
    "data.root": "--data-root",
    "data.channels": "--channels",
}
_COMMANDS = {
    "datasets.fetch": ("mnistgan data fetch", "--data-root"),
    "mnistgan.train": ("mnistgan train --resume",),
}
"""What stands before each text among the arguments of a function."""


def for_shell(message: str) -> str:
    """A message with options and commands in place of Python, safe to print."""
    return printable(re.sub(r"`([^`\n]{1,2000})`", lambda found: _translated(found[1]), message))


def _translated(code: str) -> str:
    name, equals, value = code.partition(" = ")
    try:
        if equals:
            return " ".join(_settings(name, ast.literal_eval(value)))
        call = ast.parse(code, mode="eval").body
        if isinstance(call, ast.Call):
            words = zip(_COMMANDS[ast.unparse(call.func)], _texts(call), strict=False)
            return " ".join(f"{before} {shlex.quote(text)}" for before, text in words)
        return _OPTIONS[code]
    # Not from the core: the name of a file may contain backticks.
    except (ValueError, SyntaxError, LookupError, MemoryError, RecursionError):
        return f"`{code}`"


def _texts(call: ast.Call) -> Iterator[str]:
    return (str(one.value) for one in call.args if isinstance(one, ast.Constant))


def _settings(key: str, value: object) -> Iterator[str]:
    """Options that set a config key, or the keys of a table."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _settings(f"{key}.{name}", one)
    else:
        text = shlex.quote(value if isinstance(value, str) else json.dumps(value))
        yield f"{_OPTIONS[key]} {text}" if key in _OPTIONS else f"--set {key}={text}"
