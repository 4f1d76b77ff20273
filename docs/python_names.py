"""The public Python names as Markdown: their signatures and docstrings.

Everything is read from the source files, with :mod:`ast`: signatures look as they were written, on
every version of Python, and nothing is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[1]

MODULES = (
    "mnistgan",
    "mnistgan.events",
    "mnistgan.outputs.base",
    "mnistgan.datasets",
    "mnistgan.evaluation.reference",
)

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises):")
_SHOWN_DECORATORS = ("dataclass", "property", "cached_property", "classmethod", "staticmethod")


def page() -> str:
    """A list of the modules, then their public names."""
    contents = [f"- [{name}](#{name.replace('.', '')}): {_summary(name)}" for name in MODULES]
    blocks = [block for module in MODULES for block in _module(module)]
    return "\n\n".join(["\n".join(contents), *blocks])


def _summary(module: str) -> str:
    return inline((ast.get_docstring(_source(module)[1]) or "").partition("\n\n")[0])


def public_names(module: str) -> list[str]:
    """The names in a module's ``__all__``; without one, all that do not begin with ``_``."""
    body = _source(module)[1].body
    for node in body:
        if isinstance(node, ast.Assign) and _names(node) == ["__all__"]:
            return [str(name) for name in ast.literal_eval(node.value)]
    own = [node.name for node in body if isinstance(node, _Function | ast.ClassDef)]
    return [name for name in own if not name.startswith("_")]


# Where a name is defined -------------------------------------------------------------------------


@cache
def _source(module: str) -> tuple[str, ast.Module]:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = file.read_text(encoding="utf-8")
    return text, ast.parse(text)


def _find(module: str, name: str) -> tuple[str, ast.stmt, str]:
    """The source that defines a name, its definition, and the docstring below a constant."""
    text, tree = _source(module)
    body = list(tree.body)
    for node in tree.body:
        if isinstance(node, ast.If):  # of TYPE_CHECKING
            body += node.body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _find(str(node.module), alias.name)
        elif name in _names(node):
            return text, node, _string(after)
    raise LookupError(f"{module} does not define {name}")


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, _Function | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _string(node: ast.stmt | None) -> str:
    """The text of a statement that is only a string, else nothing."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value)
    return ""


# Names -------------------------------------------------------------------------------------------


def _module(module: str) -> Iterator[str]:
    yield f"## {module}"
    yield from docstring(ast.get_docstring(_source(module)[1]) or "")
    for name in public_names(module):
        text, node, below = _find(module, name)
        yield f"### `{module}.{name}`"
        if isinstance(node, ast.ClassDef):
            yield from _class(text, node)
        elif isinstance(node, _Function):
            yield _code(_signature(text, node))
            yield from docstring(ast.get_docstring(node) or "")
        else:
            # Not the value of __version__: the page would have to change with each release.
            shown = ast.get_source_segment(text, node) or ""
            yield _code(f"{name}: str" if name == "__version__" else shown)
            yield from docstring(below)


def _class(text: str, node: ast.ClassDef) -> Iterator[str]:
    """A class with its fields and constructor, then its documented methods."""
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    lines = [*_decorators(node), f"class {node.name}{f'({bases})' if bases else ''}:"]
    fields, members = [], []
    for one, after in zip(node.body, [*node.body[1:], None], strict=True):
        (name,) = _names(one) or [""]
        if isinstance(one, ast.AnnAssign) and not name.startswith("_"):
            lines.append(f"    {_without_comments(ast.get_source_segment(text, one) or '')}")
            fields += [f"- `{name}`: {inline(_string(after))}"] if _string(after) else []
        elif isinstance(one, _Function) and name == "__init__":
            lines += [""] * (len(lines) > 1 + len(node.decorator_list)) + [_signature(text, one)]
        elif isinstance(one, _Function | ast.ClassDef) and ast.get_docstring(one):
            members += [] if re.match("_[^_]", name) else [one]
    yield _code("\n".join(lines) if len(lines) > 1 else lines[0].rstrip(":"))
    blocks = list(docstring(ast.get_docstring(node) or ""))
    if fields and "**Attributes**" not in blocks:
        blocks += ["**Attributes**", ""]
    if fields:
        at = blocks.index("**Attributes**") + 1
        blocks[at] = "\n".join([*filter(None, [blocks[at]]), *fields])
    yield from blocks
    for member in members:
        yield f"#### `{node.name}.{member.name}`"
        if isinstance(member, ast.ClassDef):
            yield from _class(text, member)
        else:
            head = "\n".join([*_decorators(member), _dedented(_signature(text, member))])
            yield _code(head)
            yield from docstring(ast.get_docstring(member) or "")


def _decorators(node: _Function | ast.ClassDef) -> list[str]:
    found = [ast.unparse(one) for one in node.decorator_list]
    return [
        f"@{one.removeprefix('functools.')}" for one in found if one.split("(")[0].split(".")[-1]
        in _SHOWN_DECORATORS
    ]  # fmt: skip


def _signature(text: str, node: _Function) -> str:
    """The lines from ``def`` to the colon, as they were written, without comments."""
    lines = text.splitlines()[node.lineno - 1 : node.body[0].lineno - 1]
    return _without_comments("\n".join(lines)).rstrip().removesuffix(":")


def _without_comments(code: str) -> str:
    return re.sub(r"[ \t]+# .*$", "", code, flags=re.MULTILINE)


def _dedented(code: str) -> str:
    return re.sub(r"^    ", "", code, flags=re.MULTILINE)


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


# Docstrings --------------------------------------------------------------------------------------


def docstring(text: str) -> Iterator[str]:
    """A docstring in Google's style as blocks of Markdown."""
    for paragraph in filter(None, re.split(r"\n\s*\n", text.strip("\n"))):
        head, _, rest = paragraph.partition("\n")
        section = _SECTION.fullmatch(head)
        if section:
            yield f"**{section[1].replace('Args', 'Arguments')}**"
            yield _items(_dedented(rest), section[1])
        elif paragraph.startswith("    "):
            yield _code(_dedented(paragraph))
        else:
            yield inline(paragraph)


def _items(text: str, section: str) -> str:
    """The entries of a section as a list; what is returned is a paragraph."""
    if section in ("Returns", "Yields"):
        return inline(text)
    entries = re.split(r"\n(?! )", text)
    pairs = [re.fullmatch(r"([*\w.]+): (.*)", entry, re.DOTALL) for entry in entries]
    return "\n".join(
        f"- `{pair[1]}`: {inline(pair[2])}" if pair else f"- {inline(entry)}"
        for pair, entry in zip(pairs, entries, strict=True)
    )


def inline(text: str) -> str:
    """A paragraph of a docstring on one line, its markup as Markdown."""
    text = re.sub(r":\w+:`~[\w.]*?(\w+)`", r"`\1`", " ".join(text.split()))
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", text)
    return prose(re.sub(r"``([^`]+)``", r"`\1`", text))


def prose(text: str) -> str:
    """Text as Markdown: outside of code, nothing in it is markup.

    Only what would be markup is escaped, so that the page can be read as it is, too.
    """
    parts = re.split(r"(`[^`]+`)", text)
    # A single run of asterisks, as in 2**63, finds no partner and stays as it is.
    stars = r"*" if len(re.findall(r"\*+", "".join(parts[::2]))) > 1 else ""
    markup = rf"[\\`{stars}]|<(?=[A-Za-z/!?])|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[])"
    parts[::2] = [re.sub(markup, r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)
