"""Reading the figures in a ``figures.json``, and what each of them means.

Imports no torch, so that tables and pages are made quickly.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mnistgan.errors import UsageError, printable
from mnistgan.storage.atomic import read_bytes


class Measure(NamedTuple):
    """A measure as tables show it.

    Attributes:
        name: as in a file.
        title: its name for people.
        explanation: what its figures mean, or which one is perfect.
    """

    name: str
    title: str
    explanation: str


# In the order in which they are shown; see mnistgan.evaluation.results.Figures.
MEASURES = (
    Measure("frechet_distance", "Frechet distance", "0 is perfect"),
    Measure("kernel_distance", "kernel distance", "0 is perfect"),
    Measure("precision", "precision", "share of the fakes that look real"),
    Measure("recall", "recall", "share of the real images that G could draw"),
    Measure("density", "density", "1 is as dense as real images"),
    Measure("coverage", "coverage", "share of the real images with a fake near them"),
    Measure("classifier_score", "classifier score", "from 1 to the number of classes"),
    Measure("confidence", "mean confidence", "of the classifier in its predictions"),
    Measure("kl_to_labels", "KL to the labels' shares", "nats; 0 is perfect"),
    Measure("kl_to_uniform", "KL to equal shares", "nats; 0 is the same number per class"),
    Measure("nearest_distance", "nearest training image", "RMS difference of the pixels"),
    Measure("copies", "copies of training images", "share"),
    Measure("agreement", "agreement", "share classified as the requested class"),
)


@dataclass(frozen=True)
class Measurement:
    """The content of a figures.json.

    Attributes:
        measured_with: classifier and sample size, which a Frechet distance depends on:
            ``mnistgan-lenet-v1, n=10000``.
        count: number of images measured.
        numbers: the figures by name, with the number of missing classes.
        floor: the same for held-out real images; empty if the file has none.
        floor_count: number of held-out images.
        shares: share of each class among the images, in [0, 1], by name.
        missing: names of the missing classes.
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
        UsageError: it cannot be read, or is not one.
    """
    try:
        content = json.loads(read_bytes(path))
        metrics, floor = content["metrics"], content.get("floor", {})
        name, count = printable(str(content["features"]["name"])), int(content["n"])
        shares = metrics.get("shares", {})
        return Measurement(
            measured_with=f"{name}, n={count}",
            count=count,
            numbers=numbers(metrics),
            floor=numbers(floor) if floor else {},
            floor_count=int(floor.get("n", 0)),
            shares={printable(str(key)): float(share) for key, share in shares.items()},
            missing=tuple(printable(str(key)) for key in metrics.get("missing", ())),
        )
    # The file may come from a stranger: whatever is wrong with it is reported, and names are made
    # safe to print.
    except Exception as error:
        raise UsageError(f"{path}: is not a file of mnistgan evaluate ({error})") from error


def numbers(table: Mapping[str, Any]) -> dict[str, float]:
    """The figures that are single numbers, and the number of missing classes."""
    table = {**table, "missing_classes": len(table.get("missing", ()))}
    return {key: float(one) for key, one in table.items() if isinstance(one, int | float)}
