"""Command classes whose help names types as people write them, and wraps text to the terminal."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

_TYPES = {
    "int": "INTEGER",
    "int range": "INTEGER",
    "float": "NUMBER",
    "float range": "NUMBER",
    "path": "FILE",
    "bool": "",
}
"""What Typer calls a type -> what we call it; a flag takes no value, so it shows nothing."""

_LARGE = 10**9
"""An upper limit from here on is not shown, because nobody reaches it."""


class _PlainHelp:
    """What commands and groups of commands have in common."""

    def __init__(self, *, help: str | None = None, **settings: Any) -> None:
        # Without the line breaks of the docstring in a paragraph, which Typer would keep.
        paragraphs = (part.replace("\n", " ") for part in (help or "").split("\n\n"))
        super().__init__(help="\n\n".join(paragraphs), **settings)  # type: ignore[call-arg]

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, ``--help`` and those of shell completion included."""
        return [_plain(one, ctx) for one in super().get_params(ctx)]  # type: ignore[misc]


class PlainCommand(_PlainHelp, TyperCommand):
    """A command with plain help."""


class PlainGroup(_PlainHelp, TyperGroup):
    """A group of commands with plain help."""


def _plain(parameter: Any, ctx: Any) -> Any:
    """Let a parameter show its type in plain words.

    Typer shows ``<int range> [0<=x<=9223372036854775807]`` and ``<bool>``, and the type of an
    argument beside its name; it has no setting for that.
    """
    if parameter.param_type_name == "argument":
        parameter.display_type_rich = lambda ctx: ""
    elif parameter.metavar is None:
        label = parameter.display_type(ctx).strip("<>")
        parameter.metavar = _TYPES.get(label, label)
        if parameter.min is not None and (parameter.max or _LARGE) < _LARGE:
            parameter.metavar = f"{parameter.min} to {parameter.max}"
    # These are for display only: values are checked against the limits in the annotation.
    parameter.min = parameter.max = None
    return parameter
