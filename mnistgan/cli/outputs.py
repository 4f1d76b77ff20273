"""``mnistgan outputs``: the installed output plugins."""

from typing import Annotated

from typer import Argument

from mnistgan.cli import options
from mnistgan.cli.plugins import plugins


def outputs(
    name: Annotated[
        str | None,
        Argument(metavar="NAME", help="Output whose options to show; by default, list all."),
    ] = None,
    as_json: options.AsJson = False,
    debug: options.Debug = False,
) -> None:
    """List the installed outputs, or show the options of one.

    [bold]mnistgan outputs samples[/bold]
    """
    plugins("outputs", name, as_json)
