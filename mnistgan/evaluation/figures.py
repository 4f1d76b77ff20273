"""The figures in a ``figures.json``, and the meaning of each.

Does not import torch, so that tables and pages are fast.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mnistgan.errors import UsageError, printable
from mnistgan.evaluation.verdict import Verdict, judge
from mnistgan.evaluation.watch import distinct
from mnistgan.rendering import grids
from mnistgan.storage import tables
from mnistgan.storage.atomic import read_bytes
from mnistgan.storage.run_directory import RunDirectory


class Measure(NamedTuple):
    """The description of a measure.

    Attributes:
        name: name in files.
        title: name in tables and pages.
        explanation: meaning of its figures, or the perfect figure.
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
    Measure("variety", "variety", "distinct images, as a share of as many real ones"),
    Measure("nearest_distance", "nearest training image", "RMS difference of the pixels"),
    Measure("copies", "copies of training images", "share"),
    Measure("agreement", "agreement", "share classified as the requested class"),
)


@dataclass(frozen=True)
class Measurement:
    """The content of a figures.json.

    Attributes:
        measured_with: classifier and number of images, on which a Frechet distance depends, such as
            ``mnistgan-lenet-v1, n=10000``.
        count: number of images measured.
        numbers: the figures by name, including the number of missing classes.
        floor: the same figures for held-out real images; empty if the file has none.
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

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, from all of these; None if the file has no precision."""
        return judge(self.numbers, self.floor, self.shares, self.missing)


def read(path: Path) -> Measurement:
    """Read a figures.json.

    Raises:
        UsageError: the file cannot be read, or is not a figures.json.
    """
    try:
        content = json.loads(read_bytes(path))
        figures, floor = content["figures"], content.get("floor", {})
        name, count = printable(str(content["classifier"]["name"])), int(content["n"])
        shares = figures.get("shares", {})
        return Measurement(
            measured_with=f"{name}, n={count}",
            count=count,
            numbers=numbers(figures),
            floor=numbers(floor) if floor else {},
            floor_count=int(content.get("floor_n", 0)),
            shares={printable(str(key)): float(share) for key, share in shares.items()},
            missing=tuple(printable(str(key)) for key in figures.get("missing", ())),
        )
    # The file may be of unknown origin: any mistake in it becomes this error, and names are made
    # safe to print.
    except Exception as error:
        raise UsageError(f"{path}: is not a file of mnistgan evaluate ({error})") from error


def numbers(table: Mapping[str, Any]) -> dict[str, float]:
    """The figures that are single numbers, and the number of missing classes."""
    table = {**table, "missing_classes": len(table.get("missing", ()))}
    return {key: float(one) for key, one in table.items() if isinstance(one, int | float)}


def while_training(run: RunDirectory, size: int) -> dict[str, float]:
    """The figures of a run's last measurement during training; empty if there was none.

    The variety, which evaluations.csv lacks, is that of the grid of the same epoch.

    Args:
        run: the run.
        size: side of its images.

    Raises:
        UsageError: one of the files cannot be read.
    """
    table = tables.read_evaluations(run.evaluations_file)
    if not len(table["step"]):
        return {}
    last = {name: float(column[-1]) for name, column in table.items()}
    drawn = tables.existing_samples(run.samples)
    grid = next((one for one in drawn if one.step == last["step"]), None)
    real = run.samples / "real.png"
    if grid is not None and real.is_file() and not real.is_symlink():
        images = [grids.ungrid(grids.read_grid(file, size), size) for file in (grid.file, real)]
        count = min(map(len, images))
        fakes, reals = (distinct(one[:count]) for one in images)
        last["variety"] = fakes / max(1, reals)
    return last
