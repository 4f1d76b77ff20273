"""The figures of a measurement as they stand in a file, and what each of them says.

Imports no torch: tables and pages are made of them where nothing is measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mnistgan.errors import UsageError, printable


class Measure(NamedTuple):
    """A measure for people.

    Attributes:
        name: as in a file.
        title: as in a table.
        explanation: what its figures mean, or which one is perfect.
    """

    name: str
    title: str
    explanation: str


MEASURES = (
    Measure("frechet_distance", "Frechet distance", "0 is perfect"),
    Measure("kernel_distance", "kernel distance", "0 is perfect"),
    Measure("precision", "precision", "share of the fakes that look real"),
    Measure("recall", "recall", "share of the real ones that could be fakes"),
    Measure("density", "density", "1 is as dense as real images"),
    Measure("coverage", "coverage", "share of the real ones with a fake beside them"),
    Measure("classifier_score", "classifier score", "from 1 to the number of classes"),
    Measure("confidence", "mean confidence", "of the classifier in its verdicts"),
    Measure("kl_to_labels", "KL to the labels' shares", "nats; 0 is perfect"),
    Measure("kl_to_uniform", "KL to equal shares", "nats; 0 is as many of each class"),
    Measure(
        "nearest_distance",
        "nearest training image",
        "root mean square of the pixels' difference",
    ),
    Measure("copies", "copies of training images", "share"),
    Measure("agreement", "agreement", "share that the classifier sees as the class asked for"),
)
"""In the order in which people read them; see :class:`mnistgan.evaluation.results.Figures`."""


@dataclass(frozen=True)
class Measurement:
    """What ``mnistgan evaluate`` left in a figures.json.

    Attributes:
        measured_with: what must stand beside a Frechet distance: ``mnistgan-lenet-v1, n=10000``.
        count: how many images were measured.
        numbers: the figures by name; of the missing classes how many.
        floor: the same of held-back real images; empty where the file has none.
        floor_count: how many of those there were.
        shares: of each class among the images, in [0, 1], by its name.
        missing: the classes that hardly come.
    """

    measured_with: str
    count: int
    numbers: Mapping[str, float]
    floor: Mapping[str, float]
    floor_count: int
    shares: Mapping[str, float]
    missing: tuple[str, ...]


def read(path: Path) -> Measurement:
    """Read a figures.json.

    Raises:
        UsageError: it is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        metrics, floor = content["metrics"], content.get("floor", {})
        name, count = printable(str(content["features"]["name"])), int(content["n"])
        return Measurement(
            measured_with=f"{name}, n={count}",
            count=count,
            numbers=numbers(metrics),
            floor=numbers(floor) if floor else {},
            floor_count=int(floor.get("n", 0)),
            shares={
                printable(str(key)): float(one) for key, one in metrics.get("shares", {}).items()
            },
            missing=tuple(printable(str(key)) for key in metrics.get("missing", ())),
        )
    except (OSError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError,
            RecursionError) as error:  # fmt: skip
        raise UsageError(f"{path}: is no file of mnistgan evaluate ({error})") from error


def numbers(table: Mapping[str, Any]) -> dict[str, float]:
    """The single numbers among the figures of a file, and how many classes are missing."""
    table = {**table, "missing_classes": len(table.get("missing", ()))}
    return {key: float(one) for key, one in table.items() if isinstance(one, int | float)}
