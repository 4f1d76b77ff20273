"""``mnistgan outputs``: the installed output plugins."""

from typing import Annotated

import typer

from mnistgan.cli import options


def outputs(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show the options of this output.")
    ] = None,
    debug: options.Debug = False,
) -> None:
    """List the installed outputs, or show the options of one.

    [bold]mnistgan outputs samples[/bold]
    """
    from mnistgan.outputs import registry

    if name is None:
        plugins = [plugin for several in registry.installed().values() for plugin in several]
        width = max((len(plugin.name) for plugin in plugins), default=0)
        for plugin in plugins:
            typer.echo(f"{plugin.name:{width}}  {plugin.origin}")
        return
    plugin = registry.find(name)
    output = plugin.output
    lines = [f"{name} ({plugin.origin})", (output.__doc__ or "").strip()]
    lines += [f"needs {', '.join(output.needs)}"] if output.needs else []
    lines += ["", f"[outputs.{name}]", *registry.describe(output.Options)]
    typer.echo("\n".join(lines))
