"""Command classes whose help shows plain types and wraps text at the width of the terminal.

They also refuse a file name after ``--json``.
"""

import re
import shutil
from functools import partial
from typing import Any

from typer.core import TyperCommand, TyperGroup

from mnistgan.cli.json_flag import looks_like_a_name, refuse_file
from mnistgan.errors import did_you_mean

_TYPES = {
    "int": "INTEGER",
    "int range": "INTEGER",
    "float": "FLOAT",
    "float range": "FLOAT",
    "path": "FILE",
    "bool": "",
}
"""Typer's name of a type -> the name shown. A flag takes no value, so nothing is shown."""

_LARGE = 10**9
"""An upper limit of this size or more is not shown, because nobody reaches it."""

_NARROW = 80
"""In a terminal with fewer columns, Rich cuts names: ``--digits,--di…``. So no frames are drawn."""


class _PlainHelp:
    """The common part of commands and groups of commands."""

    def __init__(self, *, help: str | None = None, **settings: Any) -> None:
        # Typer keeps the line breaks of the docstring, which would break lines at 100 columns.
        paragraphs = (part.replace("\n", " ") for part in (help or "").split("\n\n"))
        super().__init__(help="\n\n".join(paragraphs), **settings)  # type: ignore[call-arg]

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, including ``--help`` and those of shell completion."""
        return [_plain(one, ctx) for one in super().get_params(ctx)]  # type: ignore[misc]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, once it is known that no file name follows ``--json``."""
        # In a group, arguments after the name of a subcommand are that command's. While the shell
        # completes a command, mistakes are not errors.
        is_others = isinstance(self, TyperGroup) and not (args and args[0].startswith("-"))
        is_checked = not is_others and not ctx.resilient_parsing
        if is_checked and any("--json" in one.opts for one in self.get_params(ctx)):
            refuse_file(ctx.command_path, args, partial(self._is_name, ctx))
        return super().parse_args(ctx, args)  # type: ignore[misc, no-any-return]

    def _is_name(self, ctx: Any, word: str) -> bool:
        """Whether a word may be an argument that is not a path."""
        if isinstance(self, TyperGroup):
            return bool(did_you_mean(word, self.commands))  # a misspelled one has its own error
        types = {
            one.display_type(ctx).strip("<>")
            for one in self.get_params(ctx)
            if one.param_type_name == "argument"
        }
        return bool(types - {"path"}) and looks_like_a_name(word)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help; in a narrow terminal, without frames."""
        columns = shutil.get_terminal_size().columns
        as_before = vars(self).copy()
        if columns < _NARROW:
            formatter.width = columns - 1
            vars(self).update(rich_markup_mode=None)
            for text in ("help", "epilog"):
                setattr(self, text, re.sub(r"\[/?bold\]", "", getattr(self, text) or ""))
        super().format_help(ctx, formatter)  # type: ignore[misc]
        vars(self).update(as_before)

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first sentence, in a list of commands without frames."""
        return super().get_short_help_str(limit=1000)  # type: ignore[misc, no-any-return]


class PlainCommand(_PlainHelp, TyperCommand):
    """A command with plain help."""


class PlainGroup(_PlainHelp, TyperGroup):
    """A group of commands with plain help."""


def _plain(parameter: Any, ctx: Any) -> Any:
    """Make a parameter show its type in plain words, and return it.

    Typer shows ``<int range> [0<=x<=9223372036854775807]``, ``<bool>``, the type of an argument
    next to its name, and ``{NAME}`` for a required argument. It has no setting for any of these.
    """
    if parameter.param_type_name == "argument":
        parameter.display_type_rich = lambda ctx: ""
        if parameter.required:
            parameter._usage_display_name = lambda: _usage(parameter)
    elif parameter.metavar is None:
        label = parameter.display_type(ctx).strip("<>")
        parameter.metavar = _TYPES.get(label, label)
        if parameter.min is not None and (parameter.max or _LARGE) < _LARGE:
            parameter.metavar = f"{parameter.min} to {parameter.max}"
    # Typer shows these as a range, but checks values against the limits in the annotation. So they
    # can be removed here.
    parameter.min = parameter.max = None
    return parameter


def _usage(argument: Any) -> str:
    """A required argument in the usage line."""
    return f"{argument.display_name_raw}{'' if argument.nargs == 1 else '...'}"
