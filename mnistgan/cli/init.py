"""``mnistgan init``: write or list presets."""

from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option, echo

from mnistgan.cli import options
from mnistgan.errors import UsageError

_Preset = Annotated[
    str | None,
    Argument(
        metavar="PRESET",
        help="Preset to write; by default, list all presets.",
        autocompletion=options.complete_presets,
    ),
]


def init(
    preset: _Preset = None,
    out: Annotated[Path | None, Option(help="File to write; by default run.toml.")] = None,
    schema: Annotated[
        bool, Option("--schema", help="Also write a JSON Schema for editors.")
    ] = False,
    debug: options.Debug = False,
) -> None:
    """Write a preset as a TOML file to edit, or list the presets.

    [bold]mnistgan init dcgan[/bold]   writes run.toml

    [bold]mnistgan init dcgan --schema[/bold]   also writes run-config.schema.json

    [bold]mnistgan train --config run.toml[/bold]
    """
    from mnistgan.config import presets
    from mnistgan.config.schema import DIRECTIVE
    from mnistgan.storage.atomic import write_text

    if preset is None:
        if out is not None:
            raise BadParameter("--out needs a PRESET to write")
        _write_schema(Path()) if schema else _list()
        return
    # As text, not as parsed values, to keep the comments.
    text = presets.path(preset).read_text(encoding="utf-8")
    target = out or Path("run.toml")
    # Unlike outputs, this file is meant to be edited: overwriting it could destroy work.
    if target.exists():
        raise UsageError(f"{target}: already exists; choose another --out")
    if schema:
        _write_schema(target.parent)
        text = DIRECTIVE + text
    write_text(target, text)
    echo(target)


def _list() -> None:
    from mnistgan.cli import console
    from mnistgan.config import presets

    console.show_entries((name, presets.summary(name)) for name in presets.names())
    echo("mnistgan: next, for example: mnistgan init fast", err=True)


def _write_schema(folder: Path) -> None:
    """Write the schema, with the options of the installed outputs; overwrite an older one."""
    from mnistgan.config import schema
    from mnistgan.outputs import registry
    from mnistgan.storage.atomic import write_text

    path = folder / schema.FILE
    write_text(path, schema.to_text(schema.run_config(registry.installed_outputs())))
    echo(path)
