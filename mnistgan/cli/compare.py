"""``mnistgan compare``: several runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli import options


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the table and the pictures.")
    ] = Path("comparison"),
    debug: options.Debug = False,
) -> None:
    """Compare runs in a table, with their curves and their samples at the same epochs.

    The table is also written as CSV and Markdown. Runs that differ only by their seed are one row,
    with mean ± standard deviation. The figures are those of [bold]mnistgan evaluate[/bold], or else
    the last ones measured during training.

    [bold]mnistgan compare runs/a runs/b[/bold]
    """
    from rich.console import Console

    from mnistgan.cli.tables import table
    from mnistgan.runs import comparison
    from mnistgan.storage.run_directory import RunDirectory

    directories = [RunDirectory(run) for run in runs]
    rows = comparison.compare(directories)
    files = comparison.save(out, directories, rows)
    console = Console(highlight=False)
    if console.is_terminal:
        head, *body = comparison.table(rows)
        console.print(table(head, body))
    else:
        typer.echo(comparison.to_markdown(rows), nl=False)
    if any(not row.figures for row in rows):
        typer.echo("some runs have no figures; measure them with: mnistgan evaluate RUN", err=True)
    if len({row.measured_with for row in rows if row.figures}) > 1:
        typer.echo(
            "the runs were measured in different ways (see: measured with), so their figures "
            "cannot be compared; measure all with the same -n and --data",
            err=True,
        )
    typer.echo(f"written: {', '.join(map(str, files))}", err=True)
