"""The pages that nobody writes: commands, config keys and outputs, from the code itself.

:mod:`conf` puts what these functions return in the place of a page's ``<!-- generated: NAME -->``
when the site is built, so that it cannot be stale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer

from mnistgan.cli import app
from mnistgan.config import schema
from mnistgan.config.schema import Schema
from mnistgan.outputs import registry

_RICH = re.compile(r"\[/?(?:bold|dim|italic)\]")


# Commands ----------------------------------------------------------------------------------------


def commands() -> str:
    """Each command with its arguments, its options and its examples."""
    return "\n".join(_command(name, context) for name, context in walk_commands())


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


def _command(name: str, context: typer.Context) -> str:
    rows = []
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[0] != "--help":
            rows.append((f"`{record[0]}`", _prose(record[1])))
    return "\n".join([f"## {name}\n", _help(context.command.help or ""), _table((), rows)])


def _help(text: str) -> str:
    """A command's help; its examples become one block of code."""
    paragraphs, examples = [], []
    for paragraph in text.strip().split("\n\n"):
        line = " ".join(paragraph.split())
        example = re.fullmatch(r"\[bold\](mnistgan [^\[]+)\[/bold\]\s*(.*)", line)
        if example:
            examples.append("  # ".join(part for part in example.groups() if part))
        else:
            paragraphs.append(_prose(line))
    block = ["```bash", *examples, "```"] if examples else []
    return "\n\n".join([*paragraphs, "\n".join(block)]) + "\n"


# The config --------------------------------------------------------------------------------------


def config() -> str:
    """Each key of the run config: its table, its values, its default, its meaning."""
    whole = schema.run_config({})
    del whole["properties"]["outputs"]  # which have a part of the page to themselves
    return "\n".join(_section("", whole, whole))


def _section(path: str, table: Schema, whole: Schema) -> Iterator[str]:
    """A table of keys, then the tables in it."""
    keys, tables = {}, []
    for name, node in table["properties"].items():
        inner = [_resolved(one, whole) for one in node.get("oneOf", [node])]
        if all("properties" in one for one in inner):
            tables += [(f"{path}.{name}".lstrip("."), one) for one in inner]
        else:
            keys[name] = node
    yield f"## {_title(path, table)}\n"
    yield _keys(keys)
    for name, inner_table in tables:
        yield from _section(name, inner_table, whole)


def _title(path: str, table: Schema) -> str:
    if not path:
        return "At the top"
    about: str = table["description"]
    return f"\\[{path}\\]" + about.partition("]")[2].rstrip(".").replace(" with ", ", ")


def _resolved(node: Schema, whole: Schema) -> Schema:
    name = node.get("$ref", "").rpartition("/")[2]
    return whole["definitions"][name] if name else node


def _keys(keys: dict[str, Schema]) -> str:
    rows = [
        (f"`{name}`", values(node), _default(node), _prose(node.get("description", "")))
        for name, node in keys.items()
    ]
    return _table(("key", "values", "default", "meaning"), rows)


def values(node: Schema) -> str:
    """What a key takes, in words."""
    if {"type": "string"} in node.get("anyOf", []):
        return "text"  # whatever is offered beside it
    if "anyOf" in node:
        return " or ".join(values(one) for one in node["anyOf"])
    if "enum" in node:
        return ", ".join(f"`{_toml(one)}`" for one in node["enum"])
    if "const" in node:
        return f"`{_toml(node['const'])}`"
    words: dict[str, Callable[[], str]] = {
        "integer": lambda: "whole number" + _range(node),
        "number": lambda: "number" + _range(node),
        "boolean": lambda: "`true`, `false`",
        "string": lambda: "text",
        "array": lambda: _array(node),
        "object": lambda: "table",
    }
    return words[node["type"]]()


def _array(node: Schema) -> str:
    items = node["items"]
    if isinstance(items, list):
        return f"array of {len(items)}: {values(items[0])}"
    return f"array: {values(items)}"


def _range(node: Schema) -> str:
    bounds = [
        f"{sign} {node[key]:g}" if isinstance(node[key], float) else f"{sign} {node[key]}"
        for key, sign in {
            "minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<",
        }.items()
        if key in node
    ]  # fmt: skip
    return " " + ", ".join(bounds).replace(str(2**63), "2^63") if bounds else ""


def _default(node: Schema) -> str:
    return f"`{_toml(node['default'])}`" if "default" in node else "not set"


def _toml(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


# Outputs -----------------------------------------------------------------------------------------


def outputs() -> str:
    """Each output that ships with mnistgan, with its options."""
    return "\n".join(_output(name) for name in registry.installed_outputs("mnistgan"))


def _output(name: str) -> str:
    output = registry.find(name).output
    needs = f" Needs `{'`, `'.join(output.needs)}`." if output.needs else ""
    keys = schema.run_config({name: output})["properties"]["outputs"]["properties"][name]["anyOf"]
    about = _prose(schema.plain(output.__doc__ or ""))
    return f"### \\[outputs.{name}\\]\n\n{about}{needs}\n\n{_keys(keys[0]['properties'])}"


# Markdown ----------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    width = len(rows[0])
    lines = [list(head) or [""] * width, ["---"] * width, *map(list, rows)]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def _prose(text: str) -> str:
    """Plain text as Markdown: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", _RICH.sub("", " ".join(text.split())))


PAGES: dict[str, Callable[[], str]] = {"commands": commands, "config": config, "outputs": outputs}
"""What can stand in a page, by name."""
