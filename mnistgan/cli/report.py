"""``mnistgan report``: a run on one page."""

from pathlib import Path
from typing import Annotated

from typer import Option, echo

from mnistgan.cli import options


def report(
    run: options.RunOrNewest = None,
    out: Annotated[Path | None, Option(help="HTML; by default RUN/report.html.")] = None,
    debug: options.Debug = False,
) -> None:
    """Write an HTML page about a run.

    One file to view, print or send, which loads nothing from elsewhere. Training writes the page
    itself with [bold]--set outputs.report={}[/bold].

    [bold]mnistgan report[/bold]   the newest run
    """
    from mnistgan.report import page

    directory = options.run_or_newest(run)
    target = out or directory.report_file
    page.write(directory, target)
    echo(target)
