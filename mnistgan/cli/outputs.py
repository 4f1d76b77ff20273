"""``mnistgan outputs``: the installed output plugins."""

from typing import Annotated

from typer import Argument, echo

from mnistgan.cli import options


def outputs(
    name: Annotated[
        str | None,
        Argument(metavar="NAME", help="Output whose options to show; by default, list all."),
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
            echo(f"{plugin.name:{width}}  {plugin.origin}")
        return
    plugin = registry.find(name)
    echo(f"{name} ({plugin.origin})\n{(plugin.output.__doc__ or '').strip()}")
    if plugin.output.needs:
        echo(f"needs {', '.join(plugin.output.needs)}")
    echo("\n".join(["", f"[outputs.{name}]", *registry.describe(plugin.output.Options)]))
