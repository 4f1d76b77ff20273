"""The files of the page to explore a generator.

``mnistgan play`` serves them, and ``mnistgan export --format html`` writes them as one file. The
page's script asks ``globalThis.backend`` for its pictures; each of the two has its own backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_FOLDER = "page"


@dataclass(frozen=True)
class File:
    """What a page contains if it is one file.

    Attributes:
        policy: Content-Security-Policy.
        title: title of the page; it is escaped.
        icon: URL of the icon, with the scheme ``data:``.
        style: the style sheet.
        scripts: modules, in the order of execution.
        model: JSON value for the backend; its texts are escaped.
        numbers: base64.
    """

    policy: str
    title: str
    icon: str
    style: Markup
    scripts: tuple[Markup, ...]
    model: dict[str, Any]
    numbers: str


def html(file: File | None = None) -> str:
    """The page: as one file, or with the addresses of the server's files."""
    return _templates().get_template("index.html").render(file=file)


@cache
def text(name: str) -> str:
    """A file of the page: ``page.css``, ``page.js`` or ``backend.js``."""
    return (resources.files("mnistgan.play") / _FOLDER / name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("mnistgan.play", _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,  # by default, a misspelled variable prints nothing
        trim_blocks=True,
        lstrip_blocks=True,
    )
