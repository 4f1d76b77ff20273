"""``mnistgan report``: a run on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli.options import Debug


def report(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="By default the newest under runs/.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="By default RUN/report.html.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Show a run on one page: a file to look at, to print or to send, that fetches nothing.

    A run makes its own at the end with [bold]--set outputs.report={}[/bold].

    [bold]mnistgan report[/bold]   the newest run
    """
    from mnistgan.report import page
    from mnistgan.storage import run_directory

    directory = run_directory.RunDirectory(run) if run else run_directory.newest()
    target = out or directory.report_file
    page.write(directory, target)
    typer.echo(target)
