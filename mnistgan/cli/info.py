"""``mnistgan info``: what a file or a run directory holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mnistgan.cli.options import Debug
from mnistgan.errors import printable


def info(
    path: Annotated[Path, typer.Argument(metavar="FILE|RUN", help="To look at, safely.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    debug: Debug = False,
) -> None:
    """Say what a generator file, a checkpoint or a run directory holds, after verifying it.

    [bold]mnistgan info g.pt[/bold]
    """
    from mnistgan.runs import inspection

    report = inspection.inspect(path)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _print(report)


def _print(report: dict[str, Any], indent: str = "") -> None:
    for key, value in report.items():
        if isinstance(value, dict):
            typer.echo(printable(f"{indent}{key}:"))
            _print(value, indent + "  ")
        else:
            typer.echo(printable(f"{indent}{key}: {value}".replace("\n", "\\n")))
