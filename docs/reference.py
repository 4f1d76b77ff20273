"""Write the parts of the pages that come from the code: ``python docs/reference.py``.

They are commands, config keys, outputs and Python names, each between two comments in its page;
what stands around them is written by hand. tests/system/test_docs.py fails if a page is out of
date. The text must not depend on the versions of Python and of the libraries, nor on the terminal.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import tomli
import typer
from python_names import inline, page, prose

from mnistgan.cli import app
from mnistgan.config import schema
from mnistgan.config.schema import Schema
from mnistgan.outputs import registry
from mnistgan.outputs.base import Output

DOCS = Path(__file__).parent
COMMAND = "python docs/reference.py"

_WIDTH = 96  # of a comment in a block of code


def main() -> None:
    """Bring all generated files up to date."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8", newline="\n")


def files() -> dict[Path, str]:
    """Each generated file with the text that it should have."""
    found = {
        path: fill(text)
        for path in sorted(DOCS.glob("*.md"))
        if "<!-- generated" in (text := path.read_text(encoding="utf-8"))
    }
    return {**found, DOCS / schema.FILE: schema.to_text(schema.run_config(shipped_outputs()))}


def fill(text: str) -> str:
    """A page whose parts between ``<!-- generated NAME ... -->`` and ``<!-- end -->`` are new."""
    return re.sub(
        r"^(<!-- generated (\w+) .*-->\n)(?:.*\n)*?(<!-- end -->)$",
        lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}",
        text,
        flags=re.MULTILINE,
    )


# Commands ----------------------------------------------------------------------------------------


def commands() -> str:
    """A list of the commands, then each with its options and examples."""
    walked = list(walk_commands())
    return "\n\n".join([*_contents(walked), *(_command(*one) for one in walked)])


def walk_commands() -> Iterator[tuple[str, typer.Context]]:
    """Each command's full name, such as ``mnistgan data fetch``, with a context to ask it in."""
    group = typer.main.get_command(app)
    yield from _below(typer.Context(group, info_name="mnistgan"))


def _below(parent: typer.Context) -> Iterator[tuple[str, typer.Context]]:
    group: Any = parent.command
    for name in group.list_commands(parent):
        context = typer.Context(group.get_command(parent, name), info_name=name, parent=parent)
        yield context.command_path, context
        if hasattr(context.command, "list_commands"):
            yield from _below(context)


def _contents(walked: list[tuple[str, typer.Context]]) -> Iterator[str]:
    """Links to the commands, by panel of ``mnistgan --help``."""
    panels: dict[str, list[str]] = {}
    panel = ""
    for name, context in walked:
        panel = getattr(context.command, "rich_help_panel", None) or panel  # or its group's
        about = _help_text((context.command.help or "").partition("\n\n")[0])
        line = f"- [{name}](#{name.replace(' ', '-')}): {about}"
        panels.setdefault(panel, []).append(line)
    for panel, lines in panels.items():
        yield f"**{panel}**"
        yield "\n".join(lines)


def _command(name: str, context: typer.Context) -> str:
    shown = [one for one in context.command.get_params(context) if not _is_left_out(one)]
    # The panels in the order of --help: arguments first, then the options without a panel.
    panels: dict[str, list[str]] = {"Arguments": [], "Options": []}
    for one in shown:
        panel = getattr(one, "rich_help_panel", None)
        panel = panel or ("Options" if one.param_type_name == "option" else "Arguments")
        panels.setdefault(panel, []).append(_parameter(one))
    usage = [name, *_usage(shown), *["COMMAND ..."] * hasattr(context.command, "list_commands")]
    blocks = [f"## {name}", f"```text\n{' '.join(usage)}\n```", *_help(context.command.help or "")]
    for panel, lines in panels.items():
        blocks += [f"**{panel}**", "\n".join(lines)] if lines else []
    return "\n\n".join(blocks)


def _is_left_out(one: Any) -> bool:
    return getattr(one, "hidden", False) or one.name == "help"


def _usage(parameters: list[Any]) -> Iterator[str]:
    """What follows a command's name: required options, [OPTIONS], arguments."""
    options = [one for one in parameters if one.param_type_name == "option"]
    yield from (f"{one.opts[0]} {one.metavar}" for one in options if one.required)
    yield "[OPTIONS]"
    for one in parameters:
        if one not in options:
            label = _label(one) + "..." * (one.nargs == -1)
            yield label if one.required else f"[{label}]"


def _label(one: Any) -> str:
    """An option with its value, or an argument, as on the command line."""
    if one.param_type_name == "option":
        short_first = sorted(one.opts, key=lambda name: name.startswith("--"))
        names = " / ".join([", ".join(short_first), *one.secondary_opts])
        return f"{names} {one.metavar}".strip()
    return str(one.metavar or one.name.upper())


def _parameter(one: Any) -> str:
    """An option or argument as an entry of a list."""
    about = _help_text(one.help or "")
    if one.required:
        about += " Required."
    elif one.show_default and one.default is not None and not isinstance(one.default, bool):
        about += f" Default: `{one.default}`."
    return f"- `{_label(one)}`: {about}"


def _help(text: str) -> list[str]:
    """A command's help as blocks of Markdown; its examples become one block of code."""
    paragraphs, examples = [], []
    for paragraph in text.strip().split("\n\n"):
        line = " ".join(paragraph.split())
        example = re.fullmatch(r"\[bold\](mnistgan .+?)\[/bold\]\s*(.*)", line)
        if example:
            examples += [f"# {one}" for one in textwrap.wrap(example[2], _WIDTH)]
            examples.append(example[1])
        else:
            paragraphs.append(_help_text(line))
    block = ["\n".join(["```bash", *examples, "```"])] if examples else []
    return [*paragraphs, *block]


def _help_text(text: str) -> str:
    """A sentence of a help text; options, variables and commands become code."""
    text = re.sub(r"\[bold\](.*?)\[/bold\]", r"`\1`", " ".join(text.split()))
    text = re.sub(r"\[/?(?:bold|dim|italic)\]", "", text)
    words = rf"--[a-z][a-z-]*|-[a-z](?![\w-])|\$[A-Z_]+|(?:{_command_names()})(?!\w)"
    return prose(re.sub(rf"(?<![\w`-])({words})", r"`\1`", text))


@cache
def _command_names() -> str:
    """The names of all commands as a regular expression, the longest first."""
    return "|".join(sorted((name for name, _ in walk_commands()), reverse=True))


# The config --------------------------------------------------------------------------------------


def config() -> str:
    """Each key of the run config: its table, its meaning, its values, its default."""
    whole = schema.run_config({})
    del whole["properties"]["outputs"]  # which have a part of the page to themselves
    return "\n\n".join(_section("", whole, whole))


def _section(path: str, table: Schema, whole: Schema) -> Iterator[str]:
    """A table of keys, then the tables in it."""
    keys, tables = {}, []
    for name, node in table["properties"].items():
        inner = [_resolved(one, whole) for one in node.get("oneOf", [node])]
        if all("properties" in one for one in inner):
            tables += [(f"{path}.{name}".lstrip("."), one) for one in inner]
        else:
            keys[name] = node
    title, _, about = table["description"].rstrip(".").partition(": ")
    yield f"## {title if path else 'Top level'}"
    yield from [f"{prose(about[0].upper() + about[1:])}."] if path and about else []
    yield _keys(keys)
    for name, inner_table in tables:
        yield from _section(name, inner_table, whole)


def _resolved(node: Schema, whole: Schema) -> Schema:
    name = node.get("$ref", "").rpartition("/")[2]
    return whole["definitions"][name] if name else node


def _keys(keys: dict[str, Schema]) -> str:
    """The keys of a table as a list."""
    return "\n".join(
        f"- `{name}` ({values(node)}; {_default(node)}): {_help_text(node['description'])}"
        for name, node in keys.items()
    )


def values(node: Schema) -> str:
    """What a key takes, in words."""
    if {"type": "string"} in node.get("anyOf", []):
        return "text"  # whatever is offered beside it
    if "anyOf" in node:
        return " or ".join(values(one) for one in node["anyOf"])
    if "enum" in node:
        *others, last = (f"`{_toml(one)}`" for one in node["enum"])
        return f"{', '.join(others)} or {last}" if others else last
    if "const" in node:
        return f"`{_toml(node['const'])}`"
    if node["type"] in ("integer", "number"):
        return ", ".join([node["type"], *_range(node)])
    if node["type"] == "array":
        return _array(node["items"])
    return {"boolean": "`true` or `false`", "string": "text", "object": "table"}[node["type"]]


def _array(items: Schema | list[Schema]) -> str:
    count, item = (f"{len(items)} ", items[0]) if isinstance(items, list) else ("", items)
    noun, comma, limits = values(item).partition(",")
    plural = noun if noun == "text" else f"{noun}s"
    return f"array of {count}{plural}{comma}{' each' * bool(comma)}{limits}"


def _range(node: Schema) -> list[str]:
    """The limits of a number, such as ``0 to 1`` or ``greater than 0``."""
    low, high = node.get("minimum"), node.get("maximum")
    if node["type"] == "integer" and "exclusiveMaximum" in node:
        high = node["exclusiveMaximum"] - 1
    if low is not None and high is not None:
        return [f"{low:g} to 2^63 - 1" if high == 2**63 - 1 else f"{low:g} to {high}"]
    words = {
        "minimum": "at least", "exclusiveMinimum": "greater than",
        "maximum": "at most", "exclusiveMaximum": "less than",
    }  # fmt: skip
    limits = [f"{word} {node[key]:g}" for key, word in words.items() if key in node]
    return [" and ".join(limits)] if limits else []


def _default(node: Schema) -> str:
    return f"default `{_toml(node['default'])}`" if "default" in node else "not set by default"


def _toml(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


# Outputs -----------------------------------------------------------------------------------------


def outputs() -> str:
    """Each output that ships with mnistgan, with its options."""
    return "\n\n".join(_output(*one) for one in shipped_outputs().items())


def shipped_outputs() -> dict[str, type[Output]]:
    """The outputs of this checkout, by name."""
    # Not the installed ones: an older editable installation has the entry points of its time.
    project = tomli.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {}
    for name, target in sorted(project["entry-points"][registry.OutputPlugin.group].items()):
        module, _, attribute = target.partition(":")
        found[name] = getattr(import_module(module), attribute)
    return found


def _output(name: str, output: type[Output]) -> str:
    about = inline(output.__doc__ or "").removesuffix(".")
    needs = f" Needs `{'` and `'.join(output.needs)}`." if output.needs else ""
    keys = schema.run_config({name: output})["properties"]["outputs"]["properties"][name]["anyOf"]
    listed = _keys(keys[0]["properties"]) or "It has no options."
    return f"### [outputs.{name}]\n\n{about}.{needs}\n\n{listed}"


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "config": config,
    "outputs": outputs,
    "api": page,
}
"""What can stand in a page, by name."""


if __name__ == "__main__":
    main()
