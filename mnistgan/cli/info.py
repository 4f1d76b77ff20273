"""``mnistgan info``: the contents of a file or a run directory."""

import shlex
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

    from mnistgan.cli import console
    from mnistgan.runs import inspection

    found = inspection.inspect(path)
    if as_json:
        echo(json.dumps(found, indent=2))
        return
    for number, (heading, entries) in enumerate(_groups(found)):
        echo(("\n" if number else "") + printable(heading))
        console.show_entries(entries, indent=2)


_Groups = list[tuple[str, list[tuple[str, str]]]]
"""Headings, and the names and texts below each."""


def _groups(found: dict[str, Any]) -> _Groups:
    config = found["config"]
    groups = _of_run(found) if "run" in found else _of_file(found)
    if not config["outputs"]:
        del config["outputs"]
    top = [(key, _text(value)) for key, value in config.items() if not isinstance(value, dict)]
    return [*groups, ("Config", top), *_tables("Config: ", config)]


def _of_file(found: dict[str, Any]) -> _Groups:
    from rich.filesize import decimal

    data = found["config"]["data"]
    ink = "gray" if data["channels"] == 1 else "color"
    file = [
        ("path", found["file"]),
        ("kind", "generator file" if found["kind"] == "generator" else found["kind"]),
        ("size", decimal(found["bytes"])),
        ("written by", ", ".join(f"{name} {by}" for name, by in found["written_by"].items())),
    ]
    generator = [
        ("parameters", f"{found['parameters_G']:,}"),
        ("images", f"{data['image_size']}x{data['image_size']} pixels, {ink}"),
        ("trained for", f"{_count(found['epoch'], 'epoch')}, {_count(found['step'], 'step')}"),
    ]
    return [("File", file), ("Generator", generator)]


def _of_run(found: dict[str, Any]) -> _Groups:
    run = [
        ("path", found["run"]),
        ("generator", found["generator"]),
        ("newest valid checkpoint", found["newest_valid_checkpoint"] or "none"),
        ("trained for", _count(found["step"], "step")),
    ]
    environment = dict(found["environment"])
    if isinstance(environment.get("command"), list):
        environment["command"] = shlex.join(map(str, environment["command"]))
    described = [(key, _text(value)) for key, value in environment.items()]
    return [
        ("Run", run),
        ("Checkpoints", list(found["checkpoints"].items()) or [("none", "")]),
        ("Environment", described or [("unknown", "the run has no environment.json")]),
    ]


def _tables(prefix: str, table: dict[str, Any]) -> _Groups:
    """A group for each table in a table, and then for those in it."""
    groups: _Groups = []
    for name, inner in table.items():
        if isinstance(inner, dict):
            entries = [(key, _text(one)) for key, one in inner.items() if not isinstance(one, dict)]
            if not inner:
                entries = [("no options", "")]
            groups += [(f"{prefix}{name}", entries)] if entries else []
            groups += _tables(f"{prefix}{name}.", inner)
    return groups


def _text(value: object) -> str:
    """A value of a config in words: no brackets, no quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items()) or "none"
    if isinstance(value, float) and 1e-6 < abs(value) < 1e6:
        # Not 5e-05, and 10 instead of 10.0.
        return f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if value == 0 else str(value)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
