"""``mnistgan plot``: losses and D's scores over the steps."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from mnistgan.cli import options


def plot(
    runs: Annotated[
        list[Path] | None,
        Argument(metavar="RUN", help="Run directories; by default the newest in runs/."),
    ] = None,
    out: Annotated[
        Path | None,
        Option(help="PNG, SVG or PDF; by default RUN/curves.png, or curves.png for several runs."),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Plot the losses and D's scores of one or several runs.

    [bold]mnistgan plot[/bold]   the newest run

    [bold]mnistgan plot runs/a runs/b --out both.svg[/bold]
    """
    from mnistgan.rendering import curves

    directories = [*map(options.run_or_newest, runs or (None,))]
    folder = directories[0].path if len(directories) == 1 else Path()
    target = out or folder / "curves.png"
    curves.plot_runs(directories, target)
    echo(target)
