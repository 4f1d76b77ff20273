"""``mnistgan plot``: losses and scores over the steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli.options import Debug


def plot(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN]...", help="By default the newest under runs/."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png|.svg|.pdf", help="By default RUN/curves.png, or curves.png."
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Plot losses and D's scores, smoothed over the raw trace; several runs overlay.

    [bold]mnistgan plot[/bold]   the newest run

    [bold]mnistgan plot runs/a runs/b --out both.svg[/bold]
    """
    from mnistgan.rendering import curves
    from mnistgan.storage.run_directory import RunDirectory, newest

    directories = [RunDirectory(run) for run in runs or []] or [newest()]
    single = len(directories) == 1
    target = out or (directories[0].path / "curves.png" if single else Path("curves.png"))
    curves.plot_runs(directories, target)
    typer.echo(target)
