"""``mnistgan plugins``: the installed plugins of every kind."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from typer import Argument, echo

from mnistgan.cli import options
from mnistgan.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mnistgan.generators.named import NamedGenerator

_Kind = Literal["generators", "outputs"]
_KINDS: tuple[_Kind, ...] = get_args(_Kind)


def plugins(
    kind: Annotated[
        _Kind | None,
        Argument(metavar="KIND", help="generators or outputs; by default, list all."),
    ] = None,
    name: Annotated[
        str | None, Argument(metavar="NAME", help="Plugin to describe; by default, list all.")
    ] = None,
    as_json: options.AsJson = False,
    debug: options.Debug = False,
) -> None:
    """List the installed plugins, or describe one.

    generators: what --ckpt NAME loads. outputs: what a run writes.

    [bold]mnistgan plugins generators[/bold]

    [bold]mnistgan plugins outputs samples[/bold]
    """
    from mnistgan.cli import console

    if kind is None:
        listed = {one: _names(one) for one in _KINDS}
        if as_json:
            console.show_json(listed)
            return
        for one, found in listed.items():
            echo(one)
            console.show_entries(((each["name"], each["package"]) for each in found), indent=2)
        echo("mnistgan: next, for example: mnistgan plugins generators", err=True)
    elif kind == "generators":
        _generators(name, as_json)
    else:
        _outputs(name, as_json)


def _names(kind: _Kind) -> list[dict[str, str]]:
    from mnistgan.generators.named import NamedGenerator
    from mnistgan.outputs.registry import OutputPlugin
    from mnistgan.plugins import installed

    found = installed(NamedGenerator if kind == "generators" else OutputPlugin)
    every = [plugin for several in found.values() for plugin in several]
    return [{"name": plugin.name, "package": plugin.origin} for plugin in every]


def _generators(name: str | None, as_json: bool) -> None:
    from mnistgan.cli import console
    from mnistgan.generators.named import NamedGenerator
    from mnistgan.plugins import find, installed

    if name is not None:
        found = find(NamedGenerator, name).describe()
        console.show_json(found) if as_json else _show_generator(found)
        return
    every = [plugin for several in installed(NamedGenerator).values() for plugin in several]
    described = [_described(plugin) for plugin in every]
    if as_json:
        console.show_json(described)
        return
    for number, one in enumerate(described):
        if number:
            echo()
        _show_generator(one)


def _described(plugin: "NamedGenerator") -> dict[str, Any]:
    # One broken package does not hide the generators of the others.
    try:
        return plugin.describe()
    except UsageError as error:
        return {"name": plugin.name, "package": plugin.origin, "error": str(error)}


def _show_generator(found: dict[str, Any]) -> None:
    from rich.filesize import decimal

    from mnistgan.cli import console

    echo(printable(f"{found['name']} ({found['package']})"))
    if "error" in found:
        console.show_entries([("error", found["error"])], indent=2)
        return
    channels, size, _ = found["image"]
    images = f"{size}x{size} pixels, {'gray' if channels == 1 else 'color'}"
    recipe = f"{found['recipe']}, {found['epoch']} epochs"
    entries = [
        ("classes", ", ".join(found["classes"]) or "unconditional"),
        ("images", images),
        ("trained on", f"{found['data']} (license: {found['license'] or 'unknown'})"),
        ("recipe", recipe),
        *_figures(found["evaluation"]),
        ("file", f"{found['file']} ({decimal(found['bytes'])})"),
        ("sha256", found["sha256"]),
    ]
    console.show_entries(entries, indent=2)


def _figures(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    if found is None:
        return [("figures", "not measured")]
    ours, floor = found["figures"], found["floor"]
    shown = [("Frechet distance", "frechet_distance"), ("agreement", "agreement")]
    return [
        ("verdict", found["verdict"]),
        *(
            (label, f"{ours[key]:.3f} (floor: {floor[key]:.3f})")
            for label, key in shown
            if ours.get(key) is not None and floor.get(key) is not None
        ),
        ("measured with", f"{found['classifier']['name']}, n={found['n']}"),
    ]


def _outputs(name: str | None, as_json: bool) -> None:
    from mnistgan.cli import console
    from mnistgan.outputs.registry import OutputPlugin
    from mnistgan.plugins import find

    if name is not None:
        found = find(OutputPlugin, name).describe()
        console.show_json(found) if as_json else _show_output(found)
        return
    listed = _names("outputs")
    if as_json:
        console.show_json(listed)
        return
    console.show_entries((one["name"], one["package"]) for one in listed)
    echo("mnistgan: next, for example: mnistgan outputs samples", err=True)


def _show_output(found: dict[str, Any]) -> None:
    from mnistgan.cli import console

    columns = console.room()
    needs = [f"needs {', '.join(found['needs'])}"] if found["needs"] else []
    echo(f"{found['name']} ({found['package']})")
    for line in [*found["about"].split("\n"), *needs]:
        echo("\n".join(console.wrapped(line, columns)))
    echo("\n".join(["", f"[outputs.{found['name']}]", *_to_toml(found["options"])]))


def _to_toml(fields: list[dict[str, Any]]) -> "Iterator[str]":
    """Each option with its description as a comment beside it, or above if there is no room."""
    import tomli_w

    from mnistgan.cli import console

    columns = console.room()
    pairs = []
    for one in fields:
        unset = one["default"] is None
        line = f"# {one['name']} = ..." if unset else tomli_w.dumps({one["name"]: one["default"]})
        pairs.append((line.strip(), one["help"]))
    lines = [f"{line}  # {about}" if about else line for line, about in pairs]
    if columns is None or max(map(len, lines), default=0) <= columns:
        yield from lines
        return
    for number, (line, about) in enumerate(pairs):
        yield from [""] if number else []
        yield from (f"# {part}" for part in console.wrapped(about, columns - 2))
        yield line
