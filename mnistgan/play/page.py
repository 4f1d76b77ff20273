"""The files of the page to explore a generator.

``mnistgan play`` serves them, and ``mnistgan export --format html`` writes them as one file. The
page's script asks ``globalThis.backend`` for its pictures; each of the two has its own backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup

from mnistgan.rendering import web


@dataclass(frozen=True)
class File:
    """What a page contains if it is one file.

    Attributes:
        policy: Content-Security-Policy.
        title: title of the page; the template escapes it.
        icon: base64 of a PNG file.
        style: the style sheet.
        scripts: modules, in the order of execution.
        model: JSON value for the backend; the template escapes it.
        numbers: base64 of the backend's numbers.
    """

    policy: str
    title: str
    icon: Markup
    style: Markup
    scripts: tuple[Markup, ...]
    model: dict[str, Any]
    numbers: Markup


def html(file: File | None = None) -> str:
    """The page: as one file, or with the addresses of the server's files."""
    return web.templates("mnistgan.play").get_template("index.html").render(file=file)


@cache
def text(name: str) -> str:
    """A file of the page: ``page.css``, ``page.js`` or ``backend.js``."""
    return (resources.files("mnistgan.play") / "page" / name).read_text(encoding="utf-8")
