"""``mnistgan init``: a preset to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli.options import Debug, presets


def init(
    preset: Annotated[
        str | None,
        typer.Argument(
            metavar="[PRESET]", help="Without it, lists them all.", autocompletion=presets
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; by default run.toml.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a preset as a TOML file of your own, or list the presets.

    [bold]mnistgan init dcgan[/bold]   writes run.toml

    [bold]mnistgan train --config run.toml[/bold]
    """
    from mnistgan import presets as core
    from mnistgan.errors import UsageError
    from mnistgan.files import write_text

    if preset is None:
        if out is not None:
            raise typer.BadParameter("name a PRESET to write")
        width = max(map(len, core.names()))
        for name in core.names():
            typer.echo(f"{name:{width}}  {core.summary(name)}")
        return
    text = core.path(preset).read_text(encoding="utf-8")
    target = out or Path("run.toml")
    if target.exists():
        raise UsageError(f"{target}: is there already; choose another --out")
    write_text(target, text)
    typer.echo(target)
