"""Command classes whose help names types as people write them, and wraps text to the terminal."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

_TYPES = {
    "int": "INTEGER",
    "int range": "INTEGER",
    "float": "NUMBER",
    "float range": "NUMBER",
    "bool": "",
}
"""What Typer calls a type -> what we call it; a flag takes no value, so it shows nothing."""


class PlainCommand(TyperCommand):
    """A command with plain help."""

    def __init__(self, *, help: str | None = None, **settings: Any) -> None:
        super().__init__(help=_one_line_per_paragraph(help), **settings)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, ``--help`` included."""
        return [_plain(parameter, ctx) for parameter in super().get_params(ctx)]


class PlainGroup(TyperGroup):
    """A group of commands with plain help."""

    def __init__(self, *, help: str | None = None, **settings: Any) -> None:
        super().__init__(help=_one_line_per_paragraph(help), **settings)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, ``--help`` and those of shell completion included."""
        return [_plain(parameter, ctx) for parameter in super().get_params(ctx)]


def _one_line_per_paragraph(docstring: str | None) -> str:
    """Without the line breaks of the source, which Typer would keep."""
    return "\n\n".join(part.replace("\n", " ") for part in (docstring or "").split("\n\n"))


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
        if None not in (parameter.min, parameter.max):
            parameter.metavar = f"{parameter.min} to {parameter.max}"
    # These are for display only: values are checked against the limits in the annotation.
    parameter.min = parameter.max = None
    return parameter
