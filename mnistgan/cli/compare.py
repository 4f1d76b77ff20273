"""``mnistgan compare``: several runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli.options import Debug


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the table and the pictures go.")
    ] = Path("comparison"),
    debug: Debug = False,
) -> None:
    """Compare runs: a table (also as CSV and Markdown), grids at the same epochs, curves.

    Runs that differ by their seed alone are one row, with mean ± standard deviation. The figures
    are those of [bold]mnistgan evaluate[/bold], or else the last ones measured while training.

    [bold]mnistgan compare runs/a runs/b[/bold]
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from mnistgan.runs import comparison
    from mnistgan.storage.run_directory import RunDirectory

    directories = [RunDirectory(run) for run in runs]
    rows = comparison.compare(directories)
    out.mkdir(parents=True, exist_ok=True)
    files = comparison.save(out, directories, rows)
    console = Console(highlight=False)
    if console.is_terminal:
        head, *body = comparison.table(rows)
        table = Table(*head, box=None, pad_edge=False, header_style="bold")
        for cells in body:
            table.add_row(*map(Text, cells))  # a folder's name is no markup
        console.print(table)
    else:
        typer.echo(comparison.to_markdown(rows), nl=False)
    if any(not row.figures for row in rows):
        typer.echo("some runs were never measured; measure them: mnistgan evaluate RUN", err=True)
    if len({row.measured_with for row in rows if row.figures}) > 1:
        typer.echo(
            "the runs were measured in different ways (see: measured with), so their figures "
            "cannot be held against one another; measure all with the same -n and --data",
            err=True,
        )
    typer.echo(f"written: {', '.join(map(str, files))}", err=True)
