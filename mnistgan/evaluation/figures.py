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


class Meaning(NamedTuple):
    """What a figure is called, and what it says."""

    name: str
    title: str
    says: str


MEANINGS = (
    Meaning("frechet_distance", "Frechet distance", "0 is perfect"),
    Meaning("kernel_distance", "kernel distance", "0 is perfect"),
    Meaning("precision", "precision", "share of the fakes that look real"),
    Meaning("recall", "recall", "share of the real ones that could be fakes"),
    Meaning("density", "density", "1 is as dense as real images"),
    Meaning("coverage", "coverage", "share of the real ones with a fake beside them"),
    Meaning("classifier_score", "classifier score", "from 1 to the number of classes"),
    Meaning("confidence", "mean confidence", "of the classifier in its verdicts"),
    Meaning("kl_to_labels", "KL to the labels' shares", "nats; 0 is perfect"),
    Meaning("kl_to_uniform", "KL to equal shares", "nats; 0 is as many of each class"),
    Meaning(
        "nearest_distance",
        "nearest training image",
        "root mean square of the pixels' difference",
    ),
    Meaning("copies", "copies of training images", "share"),
    Meaning("agreement", "agreement", "share that the classifier sees as the class asked for"),
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
            numbers=_numbers(metrics),
            floor=_numbers(floor) if floor else {},
            floor_count=int(floor.get("n", 0)),
            shares={
                printable(str(key)): float(one) for key, one in metrics.get("shares", {}).items()
            },
            missing=tuple(printable(str(key)) for key in metrics.get("missing", ())),
        )
    except (OSError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError,
            RecursionError) as error:  # fmt: skip
        raise UsageError(f"{path}: is no file of mnistgan evaluate ({error})") from error


def _numbers(table: Mapping[str, Any]) -> dict[str, float]:
    table = {**table, "missing_classes": len(table.get("missing", ()))}
    return {key: float(one) for key, one in table.items() if isinstance(one, int | float)}
