"""``mnistgan report``: an HTML page about a run."""

from pathlib import Path
from typing import Annotated

from typer import Option, echo

from mnistgan.cli import options


def report(
    run: options.RunOrNewest = None,
    out: Annotated[Path | None, Option(help="HTML file; by default RUN/report.html.")] = None,
    debug: options.Debug = False,
) -> None:
    """Write an HTML page about a run.

    The page is one file that needs no internet, to view, print or send. With [bold]--set
    outputs.report={}[/bold], training writes the page when it ends.

    [bold]mnistgan report[/bold]   the newest run
    """
    from mnistgan.report import page

    directory = options.run_or_newest(run)
    target = out or directory.report_file
    page.write(directory, target)
    echo(target)
