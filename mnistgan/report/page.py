"""The page about a run: one file that needs no other and fetches nothing.

What a run directory says may come from a stranger. It is escaped wherever it stands; what the
page's script reads is a data block, in which ``<`` cannot stand; and by its Content-Security-Policy
the page runs the scripts that ship with mnistgan and no others, and asks nobody for anything.

The curves are drawn by uPlot (MIT): 51 kB in the page, where Bokeh takes 1.3 MB, Vega 0.9 MB and
Plotly 4.9 MB, and nothing to import.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnistgan.config import toml
from mnistgan.errors import printable
from mnistgan.evaluation.figures import MEASURES
from mnistgan.report import facts, words
from mnistgan.report.embedded_images import Still
from mnistgan.report.facts import Facts
from mnistgan.storage.atomic import write_text
from mnistgan.storage.run_directory import RunDirectory

_FOLDER = "page"
_WIDE = 620  # CSS pixels, of a picture


def write(run: RunDirectory, path: Path) -> None:
    """Write the page about a run, atomically.

    Raises:
        UsageError: it is no run directory, one of its files cannot be read, or the page cannot be
            written.
    """
    write_text(path, render(facts.gather(run)))


def render(found: Facts) -> str:
    """The page as HTML."""
    style, scripts = _style(), (_chart_library(), _text("page.js"))
    return (
        _templates()
        .get_template("page.html")
        .render(
            facts=found,
            toml=toml.to_toml(found.config),
            figures=_figures(found),
            shares=_shares(found),
            environment=_environment(found.environment),
            script_data=_script_data(found),
            style=Markup(style),  # noqa: S704 - ours
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - ours
            policy=_policy(style, scripts),
        )
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("mnistgan.report", _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    templates.filters |= {
        "number": words.number,
        "thousands": lambda value: f"{value:,}",
        "duration": words.duration,
        "times": _times,
        "count": words.count,
    }
    return templates


def _clean(value: object) -> object:
    """Without what could turn the direction of the text around, or is no character at all."""
    is_markup = hasattr(value, "__html__")
    return printable(value) if isinstance(value, str) and not is_markup else value


def _times(picture: Still) -> int:
    """How often each pixel is repeated, so that all stay of one size."""
    return max(1, _WIDE // picture.width)


# What the template needs besides the facts -------------------------------------------------------


def _figures(found: Facts) -> list[dict[str, Any]]:
    """The rows of the table of measures."""
    if found.measurement is None:
        return []
    numbers, floor = found.measurement.numbers, found.measurement.floor
    return [
        {
            "title": measure.title,
            "says": measure.explanation,
            "value": _figure(numbers, measure.name),
            "floor": _figure(floor, measure.name),
        }
        for measure in MEASURES
        if measure.name in numbers
    ]


def _figure(numbers: Mapping[str, float], name: str) -> tuple[str, str]:
    """A figure, and how it is spread where that is known."""
    value, spread = numbers.get(name), numbers.get(f"{name}_std")
    return (
        "-" if value is None else words.number(value),
        "" if spread is None else f"± {words.number(spread)}",
    )


def _shares(found: Facts) -> list[dict[str, str]]:
    """A bar a class; the widest stands for the greatest share."""
    shares = found.measurement.shares if found.measurement else {}
    sane = {name: min(max(share, 0.0), 1.0) for name, share in shares.items() if share == share}
    most = max(sane.values(), default=0.0) or 1.0
    return [
        {"name": name, "width": f"{100 * share / most:.1f}", "percent": f"{100 * share:.1f}"}
        for name, share in sane.items()
    ]


_PACKAGES = {"mnistgan": "mnistgan", "torch": "PyTorch", "numpy": "NumPy", "python": "Python"}


def _environment(environment: Mapping[str, Any]) -> dict[str, str]:
    """What is known of where it ran, in words."""
    known = {key: value for key, value in environment.items() if value not in ("", [])}
    versions = [f"{name} {known[key]}" for key, name in _PACKAGES.items() if key in known]
    device = [str(known["device"])] if "device" in known else []
    device += [f"in {known['precision']}"] if "precision" in known else []
    for key, thing in (("threads", "thread"), ("ranks", "process")):
        if isinstance(number := known.get(key), int):
            device.append(words.count(number, thing))
    rows = {
        "Device": ", ".join(device),
        "Versions": ", ".join(versions),
        "Platform": str(known.get("platform", "")),
        "Started": _moment(known.get("started", "")),
        "Resumed": ", ".join(map(_moment, _listed(known.get("resumed")))),
        "Command": " ".join(map(str, _listed(known.get("command")))),
    }
    return {label: text for label, text in rows.items() if text}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(text: object) -> str:
    """A time as people write it; anything else as it is."""
    try:
        return f"{datetime.fromisoformat(str(text)):%Y-%m-%d %H:%M %Z}"
    except ValueError:
        return str(text)


def _script_data(found: Facts) -> dict[str, Any]:
    """For the page's script. The last grid stands in the page already."""
    grids = [
        {"epoch": grid.epoch, "step": grid.step, "source": grid.picture.source}
        for grid in found.grids
    ]
    if grids:
        grids[-1]["source"] = None
    charts = {chart.key: chart.to_json() for chart in (*found.curves, *found.measured)}
    return {"epochs": found.config.train.epochs, "grids": grids, "charts": charts}


# What ships with mnistgan ------------------------------------------------------------------------


@cache
def _text(name: str) -> str:
    return (resources.files(__package__) / _FOLDER / name).read_text(encoding="utf-8")


def _style() -> str:
    return _text("uPlot.min.css") + _text("page.css")


def _chart_library() -> str:
    """uPlot, with the licence that must go with each copy."""
    return f"/*\n{_text('uPlot.LICENSE')}*/\n{_text('uPlot.iife.min.js')}"


def _policy(style: str, scripts: tuple[str, ...]) -> str:
    """A Content-Security-Policy that lets in these very texts."""
    allowed = " ".join(map(_digest, scripts))
    return (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(raw).decode('ascii')}'"
