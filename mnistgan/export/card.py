"""The model card of a generator: README.md, whose first lines are metadata that model hubs read.

Class names and figures may come from a file of unknown origin. In the metadata each text is a
quoted string; in the Markdown below, a text with anything but words becomes inline code, in which
neither Markdown nor HTML has a meaning.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnistgan.catalog import DATA_SETS
from mnistgan.config import RunConfig
from mnistgan.config.sections import TORCHVISION, UNNAMED
from mnistgan.errors import printable
from mnistgan.export.measured import Measured

TASK = "unconditional-image-generation"
"""The hub's name of the task. It has none for images of a class."""

UNKNOWN_LICENSE = "unknown"
"""The hub's name of a license that was not stated."""

# Data sets whose name on the hub is certain; a wrong one would link to somebody else's data.
_ON_THE_HUB = {"mnist": "ylecun/mnist", "fashion-mnist": "zalando-datasets/fashion_mnist"}
_MOST_CLASSES = 62  # those of EMNIST
_WORDS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ,:;%()'-]|\.(?=[ 0-9]|$))*")


class _Measure(NamedTuple):
    name: str
    title: str
    best: str


# Not all that mnistgan measures: those that need no explanation of their own.
_MEASURES = (
    _Measure("frechet_distance", "Frechet distance", "0"),
    _Measure("kernel_distance", "kernel distance", "0"),
    _Measure("precision", "precision", "1"),
    _Measure("recall", "recall", "1"),
    _Measure("density", "density", "1"),
    _Measure("coverage", "coverage", "1"),
    _Measure("variety", "variety", "1"),
    _Measure("agreement", "agreement of images and requested classes", "1"),
    _Measure("copies", "share of copies of training images", "0"),
)


def write(
    name: str,
    config: RunConfig,
    facts: Mapping[str, int | None],
    measured: Measured | None,
    license_id: str,
) -> str:
    """The text of the card.

    Args:
        name: name of the model.
        config: config of the run, without paths.
        facts: ``step``, ``epoch``, number of ``parameters``, and of ``samples`` in the picture and
            its ``columns`` (None if they have no meaning).
        measured: the figures; None if the generator was not measured.
        license_id: the hub's name of the license of the weights.
    """
    classes = config.model.classes
    text: str = _template().render(
        metadata=Markup("\n".join(_yaml(metadata(name, config, measured, license_id)))),  # noqa: S704 - quoted
        name=name,
        config=config,
        facts=facts,
        classes=classes[:_MOST_CLASSES],
        more_classes=max(0, len(classes) - _MOST_CLASSES),
        data=_data(config.data.name),
        measured=measured,
        measured_on=_data(measured.data)["name"] if measured else "",
        rows=_rows(measured) if measured else [],
        license=license_id,
        has_license=license_id != UNKNOWN_LICENSE,
    )
    return text


def metadata(
    name: str, config: RunConfig, measured: Measured | None, license_id: str
) -> dict[str, Any]:
    """The metadata of the card, as plain values."""
    family, data = config.model.family, config.data.name
    tags = ["gan", family, "image-generation", "pytorch", "onnx"]
    tags += ["conditional"] if config.model.conditional else []
    found: dict[str, Any] = {
        "license": license_id,
        "library_name": "mnistgan",
        "pipeline_tag": TASK,
        "tags": tags if data == UNNAMED else [*tags, _data(data)["name"]],
    }
    if data in _ON_THE_HUB:
        found["datasets"] = [_ON_THE_HUB[data]]
    if measured and (metrics := [_metric(one, measured) for one in _rows(measured)]):
        result = {
            "task": {"type": TASK, "name": "Image generation"},
            "dataset": {
                "type": _ON_THE_HUB.get(measured.data, measured.data),
                "name": _data(measured.data)["name"],
            },
            "metrics": metrics,
        }
        found["model-index"] = [{"name": name, "results": [result]}]
    return found


def _metric(row: Mapping[str, Any], measured: Measured) -> dict[str, Any]:
    floor = row["floor"]
    known = {
        "images": measured.n,
        "classifier": measured.classifier or None,
        "floor": floor,
        "floor_images": measured.floor_n if floor is not None else None,
    }
    beside = "" if floor is None else f" (floor, real images: {floor:.4g})"
    return {
        # Not "fid": that is measured with another network, and gives other numbers.
        "type": row["name"],
        "name": row["title"][0].upper() + row["title"][1:] + beside,
        "value": row["value"],
        "args": {key: one for key, one in known.items() if one is not None},
    }


def _rows(measured: Measured) -> list[dict[str, Any]]:
    """The figures to show, each with its floor, or None."""
    return [
        {
            **one._asdict(),
            "value": measured.figures[one.name],
            "floor": measured.floor.get(one.name),
        }
        for one in _MEASURES
        if one.name in measured.figures
    ]


def _data(name: str) -> dict[str, str]:
    """What the card says about a data set."""
    if name in DATA_SETS:
        known = DATA_SETS[name]
        # The catalog's own texts; they need no escape.
        about = Markup(known.about.partition(";")[0])  # noqa: S704
        source = Markup(known.source)  # noqa: S704
        return {"name": name, "about": about, "source": source, "license": known.license}
    short = "unnamed images" if name == UNNAMED else name.removeprefix(TORCHVISION)
    return {"name": short, "about": "", "source": "", "license": ""}


# Texts -------------------------------------------------------------------------------------------


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("mnistgan.export", "."),
        autoescape=True,  # for Markup; _inline leaves nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_inline,
    )
    environment.filters["figure"] = lambda value: Markup("-" if value is None else f"{value:.4g}")  # noqa: S704
    environment.filters["thousands"] = lambda value: Markup(f"{value:,}")  # noqa: S704 - a number
    return environment.get_template("card.md.jinja")


def _inline(value: object) -> object:
    """A text as Markdown that shows exactly this text on one line."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = printable(value).replace("\n", r"\n")
    if _WORDS.fullmatch(text) and "www." not in text:
        return Markup(text)  # noqa: S704 - words
    # The fence must be longer than any in the text. The spaces are not shown (CommonMark 6.1).
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if fence != "`" or text != text.strip() or not text else ""
    return Markup(f"{fence}{space}{text}{space}{fence}")  # noqa: S704 - inert between the fences


def _yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Plain values as lines of YAML in block style."""
    pairs = value.items() if isinstance(value, Mapping) else ((None, one) for one in value)
    for key, one in pairs:
        start = "-" if key is None else f"{key}:"
        if not isinstance(one, Mapping | Sequence) or isinstance(one, str):
            yield f"{indent}{start} {_scalar(one)}"
        elif key is None:
            first, *others = _yaml(one, indent + "  ")
            yield f"{indent}- {first.lstrip()}"
            yield from others
        else:
            yield f"{indent}{start}"
            yield from _yaml(one, indent + "  ")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        # A string of JSON is one of YAML, except for surrogate pairs: so no \u for an emoji.
        return json.dumps(printable(value), ensure_ascii=False)
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    # Without a point, YAML 1.1 reads 1e-05 as a string.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text
