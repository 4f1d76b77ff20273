"""``mnistgan outputs``: the installed output plugins."""

from __future__ import annotations

from typing import Annotated

import typer

from mnistgan.cli.options import Debug


def outputs(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show this one's options.")
    ] = None,
    debug: Debug = False,
) -> None:
    """List the installed outputs without importing them, or show the options of one.

    [bold]mnistgan outputs samples[/bold]
    """
    from mnistgan.outputs import registry

    if name is not None:
        _show(name)
        return
    plugins = [plugin for several in registry.installed().values() for plugin in several]
    width = max((len(plugin.name) for plugin in plugins), default=0)
    for plugin in plugins:
        typer.echo(f"{plugin.name:{width}}  {plugin.origin}")


def _show(name: str) -> None:
    from mnistgan.outputs import registry

    plugin = registry.find(name)
    typer.echo(f"{name} ({plugin.origin})")
    typer.echo((plugin.output.__doc__ or "").strip())
    if plugin.output.needs:
        typer.echo(f"needs {', '.join(plugin.output.needs)}")
    typer.echo(f"\n[outputs.{name}]")
    for line in registry.describe(plugin.output.Options):
        typer.echo(line)
