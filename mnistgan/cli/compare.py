"""``mnistgan compare``: several runs side by side."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from mnistgan.cli import options


def compare(
    runs: Annotated[list[Path], Argument(metavar="RUN", help="Run directories.")],
    out: Annotated[Path, Option(metavar="DIR", help="Folder for the results.")] = Path(
        "comparison"
    ),
    debug: options.Debug = False,
) -> None:
    """Compare runs in a table, with their curves and their samples at the same epochs.

    The table is also written as CSV and Markdown. Runs that differ only in their seed share a row
    with mean ± standard deviation. The figures are those of [bold]mnistgan evaluate[/bold] or, for
    runs without them, the last ones measured during training.

    [bold]mnistgan compare runs/a runs/b[/bold]
    """
    from mnistgan.cli import console
    from mnistgan.runs import comparison
    from mnistgan.storage.run_directory import RunDirectory

    directories = [RunDirectory(run) for run in runs]
    rows = comparison.compare(directories)
    files = comparison.save(out, directories, rows)
    # In a terminal a table that fits its width; in a pipe Markdown, for a report or an issue.
    head, *body = comparison.table(rows)
    console.show_table(head, body, piped=comparison.to_markdown(rows).rstrip("\n"))
    if not all(row.figures for row in rows):
        echo("some runs have no figures; measure them with: mnistgan evaluate RUN", err=True)
    if len({row.measured_with for row in rows if row.figures}) > 1:
        echo("the runs were measured in different ways; evaluate them with equal options", err=True)
    echo(f"written: {', '.join(map(str, files))}", err=True)
