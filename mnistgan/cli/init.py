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
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Write a JSON Schema beside it: editors complete its keys."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Write a preset as a TOML file of your own, or list the presets.

    [bold]mnistgan init dcgan[/bold]   writes run.toml

    [bold]mnistgan init dcgan --schema[/bold]   and run-config.schema.json, which it names

    [bold]mnistgan train --config run.toml[/bold]
    """
    if preset is None:
        if out is not None:
            raise typer.BadParameter("name a PRESET to write")
        _write_schema(Path()) if schema else _list()
        return
    from mnistgan.config import presets as core
    from mnistgan.errors import UsageError
    from mnistgan.storage.atomic import write_text

    text = core.path(preset).read_text(encoding="utf-8")
    target = out or Path("run.toml")
    if target.exists():
        raise UsageError(f"{target}: is there already; choose another --out")
    if schema:
        from mnistgan.config.schema import DIRECTIVE

        text = DIRECTIVE + text
        _write_schema(target.parent)
    write_text(target, text)
    typer.echo(target)


def _list() -> None:
    from mnistgan.config import presets as core

    width = max(map(len, core.names()))
    for name in core.names():
        typer.echo(f"{name:{width}}  {core.summary(name)}")
    typer.echo("mnistgan: next, for example: mnistgan init fast", err=True)


def _write_schema(folder: Path) -> None:
    """Write the schema, with what is installed here; it takes the place of an older one."""
    from mnistgan.config import schema
    from mnistgan.outputs import registry
    from mnistgan.storage.atomic import write_text

    path = folder / schema.FILE
    write_text(path, schema.to_text(schema.run_config(registry.installed_outputs())))
    typer.echo(path)
