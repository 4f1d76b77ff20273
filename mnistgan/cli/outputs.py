"""``mnistgan outputs``: the installed output plugins."""

from typing import TYPE_CHECKING, Annotated

from typer import Argument, echo

from mnistgan.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
    from mnistgan.cli import console
    from mnistgan.outputs import registry

    if name is None:
        plugins = [plugin for several in registry.installed().values() for plugin in several]
        console.show_entries((plugin.name, plugin.origin) for plugin in plugins)
        echo("mnistgan: next, for example: mnistgan outputs samples", err=True)
        return
    plugin = registry.find(name)
    columns = console.room()
    about = [line.strip() for line in (plugin.output.__doc__ or "").strip().split("\n")]
    about += [f"needs {', '.join(plugin.output.needs)}"] if plugin.output.needs else []
    echo(f"{name} ({plugin.origin})")
    for line in about:
        echo("\n".join(console.wrapped(line, columns)))
    echo("\n".join(["", f"[outputs.{name}]", *_to_toml(registry.describe(plugin.output.Options))]))


def _to_toml(options: "Sequence[tuple[str, str]]") -> "Iterator[str]":
    """Each option with its description as a comment beside it, or above if there is no room."""
    from mnistgan.cli import console

    columns = console.room()
    lines = [f"{line}  # {about}" if about else line for line, about in options]
    if columns is None or max(map(len, lines), default=0) <= columns:
        yield from lines
        return
    for number, (line, about) in enumerate(options):
        yield from [""] if number else []
        yield from (f"# {part}" for part in console.wrapped(about, columns - 2))
        yield line
