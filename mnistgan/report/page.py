"""Renders the page about a run: one self-contained HTML file that loads nothing.

A run directory may come from an untrusted source. Its texts are escaped wherever they appear. The
page's script reads its data from a JSON block, in which ``<`` is escaped, too. The page's
Content-Security-Policy allows only the scripts included in mnistgan, and no requests.

uPlot (MIT) draws the curves. It adds 51 kB to the page; Bokeh would add 1.3 MB, Vega 0.9 MB and
Plotly 4.9 MB.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from mnistgan.rendering import web
from mnistgan.report import content, words
from mnistgan.report.embedded_images import Still
from mnistgan.storage.atomic import write_text
from mnistgan.storage.run_directory import RunDirectory

_FOLDER = "page"
_WIDE = 620  # width of a picture, in CSS pixels


def write(run: RunDirectory, path: Path) -> None:
    """Write the page about a run, atomically.

    Raises:
        UsageError: the path is not a run directory, one of its files cannot be read, or the page
            cannot be written.
    """
    style = _text("uPlot.min.css") + _text("page.css")
    scripts = (_chart_library(), _text("page.js"))
    html = (
        _templates()
        .get_template("page.html")
        .render(
            content.gather(run),
            style=Markup(style),  # noqa: S704 - ours
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - ours
            policy=web.policy(style, scripts),
        )
    )
    write_text(path, html)


@cache
def _templates() -> Environment:
    templates = web.templates("mnistgan.report")
    templates.filters |= {
        "number": words.number,
        "thousands": lambda value: f"{value:,}",
        "duration": words.duration,
        "scale": _scale,
        "count": words.count,
    }
    return templates


def _scale(picture: Still) -> int:
    """The integer factor that enlarges a picture, so that its pixels stay square."""
    return max(1, _WIDE // picture.width)


# Files that ship with mnistgan --------------------------------------------------------------------


@cache
def _text(name: str) -> str:
    return (resources.files(__package__) / _FOLDER / name).read_text(encoding="utf-8")


def _chart_library() -> str:
    """UPlot with its license text, which every copy must include."""
    return f"/*\n{_text('uPlot.LICENSE')}*/\n{_text('uPlot.iife.min.js')}"
