"""``mnistgan info``: the contents of a file or a run directory."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option, echo

from mnistgan.cli import options
from mnistgan.errors import printable


def info(
    path: Annotated[
        Path, Argument(metavar="FILE|RUN", help="Generator file, checkpoint or run directory.")
    ],
    as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
    debug: options.Debug = False,
) -> None:
    """Verify and describe a generator file, a checkpoint or a run directory.

    [bold]mnistgan info g.pt[/bold]
    """
    import json

    from mnistgan.runs import inspection

    found = inspection.inspect(path)
    echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))


def _lines(table: dict[str, Any]) -> list[str]:
    lines = []
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [printable(f"{key}:"), *(f"  {line}" for line in _lines(value))]
        else:
            lines.append(printable(f"{key}: {value}".replace("\n", "\\n")))
    return lines
