"""``mnistgan info``: what a file or a run directory holds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mnistgan.cli import options
from mnistgan.errors import printable


def info(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE|RUN", help="Generator file, checkpoint or run directory."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: options.Debug = False,
) -> None:
    """Verify and describe a generator file, a checkpoint or a run directory.

    [bold]mnistgan info g.pt[/bold]
    """
    import json

    from mnistgan.runs import inspection

    found = inspection.inspect(path)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _print(found)


def _print(table: dict[str, Any], indent: str = "") -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            typer.echo(printable(f"{indent}{key}:"))
            _print(value, indent + "  ")
        else:
            typer.echo(printable(f"{indent}{key}: {value}".replace("\n", "\\n")))
