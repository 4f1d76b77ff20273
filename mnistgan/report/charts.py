"""What the curves of a page are drawn from: a run's long tables, thinned out. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistgan.config import ScoreKind
from mnistgan.events import score_names
from mnistgan.rendering import grids
from mnistgan.rendering.curves import MetricsTable

POINTS = 300
"""Of a curve: about as many as a page has room for."""

_ROWS = 12  # of the table that says the same as a chart

_SHARES = {
    "precision": "Precision: the share of fakes that look real.",
    "recall": "Recall: the share of real images that a fake could be.",
    "coverage": "Coverage: the share of real images that have a fake beside them.",
    "agreement": "Agreement: the share of fakes that show the class that was asked for.",
}

Numbers = list[float | None]


@dataclass(frozen=True)
class Line:
    """One curve; where a point stands for several steps, their mean.

    Attributes:
        name: what is drawn.
        values: a number a point, None where there is none.
        low: the least of each point's steps, and so on; empty where each point is one step.
        high: the greatest.
    """

    name: str
    values: Numbers
    low: Numbers
    high: Numbers

    @property
    def last(self) -> float | None:
        """Where it ends."""
        return self.values[-1]


@dataclass(frozen=True)
class Chart:
    """A few curves over the steps.

    Attributes:
        key: of the chart, unique in a page.
        title: what it shows.
        about: how to read it, in a sentence.
        steps: of each point.
        epochs: likewise.
        lines: the curves.
        span: least and greatest value of the axis, where they are known before.
        log: whether the axis is logarithmic.
    """

    key: str
    title: str
    about: str
    steps: list[int]
    epochs: list[int]
    lines: tuple[Line, ...]
    span: tuple[float, float] | None = None
    log: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the page's script."""
        return {
            "steps": self.steps,
            "epochs": self.epochs,
            "span": self.span,
            "log": self.log,
            "lines": [
                {"name": line.name, "values": line.values, "low": line.low, "high": line.high}
                for line in self.lines
            ],
        }

    def rows(self) -> Iterator[tuple[int, int, list[float | None]]]:
        """Some points as a table: epoch, step, and each line's value."""
        for place in grids.spread(len(self.steps), _ROWS):
            values = [line.values[place] for line in self.lines]
            yield self.epochs[place], self.steps[place], values


def of_training(metrics: MetricsTable, kind: ScoreKind) -> list[Chart]:
    """The losses, and D's scores; none where no step was taken."""
    if not len(metrics["step"]):
        return []
    real, fake = score_names(kind)
    meaning = {
        "probability": "D's mean verdict on real images and on fakes: 1 is real, 0 is fake. Where "
        "the two meet, D cannot tell them apart.",
        "output": "D's mean output on real images and on fakes; its targets are 1 and 0.",
        "critic": "The critic's mean score of real images and of fakes. It has no scale: what "
        "counts is the distance between the two.",
    }
    return [
        _chart(
            "losses",
            "Losses",
            "What D and G minimised. A GAN's loss measures the other player, not the images: it "
            "may rise while the images get better.",
            metrics,
            {"loss_D": "loss_D", "loss_G": "loss_G"},
        ),
        _chart(
            "scores",
            f"{real} and {fake}",
            meaning[kind],
            metrics,
            {"D(x)": real, "D(G(z1))": fake},
            span=(0.0, 1.0) if kind == "probability" else None,
        ),
    ]


def of_measuring(evaluations: MetricsTable) -> list[Chart]:
    """What was measured while training; none where nothing was."""
    if not len(evaluations["step"]):
        return []
    distance = evaluations["frechet_distance"]
    shares = {name: about for name, about in _SHARES.items() if name in evaluations}
    return [
        _chart(
            "distance",
            "Frechet distance",
            "How far the fakes' features are from the real images': the lower the better, 0 is "
            "perfect.",
            evaluations,
            {"frechet_distance": "Frechet distance"},
            log=bool((distance > 0).all()),
        ),
        _chart(
            "shares",
            ", ".join(shares).capitalize(),
            " ".join(shares.values()),
            evaluations,
            {name: name for name in shares},
            span=(0.0, 1.0),
        ),
    ]


def _chart(
    key: str,
    title: str,
    about: str,
    table: MetricsTable,
    columns: Mapping[str, str],
    *,
    span: tuple[float, float] | None = None,
    log: bool = False,
) -> Chart:
    """A chart of some columns, column name -> what to call it."""
    starts = _starts(len(table["step"]))
    middle = (starts + np.append(starts[1:], len(table["step"])) - 1) // 2
    if len(middle):
        middle[-1] = len(table["step"]) - 1  # a curve ends where the run did
    return Chart(
        key,
        title,
        about,
        [int(step) for step in table["step"][middle]],
        [int(epoch) for epoch in table["epoch"][middle]],
        tuple(_line(name, table[column], starts) for column, name in columns.items()),
        span,
        log,
    )


def _starts(count: int) -> npt.NDArray[np.int64]:
    """Where the points of a curve begin among so many rows."""
    return np.unique(np.linspace(0, count, min(count, POINTS), endpoint=False).astype(np.int64))


def _line(name: str, values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]) -> Line:
    if len(starts) == len(values):
        return Line(name, _short(values), [], [])
    counts = np.diff(np.append(starts, len(values)))
    with np.errstate(all="ignore"):  # some measures can be infinite
        means = np.add.reduceat(values, starts) / counts
    return Line(
        name,
        _short(means),
        _short(np.minimum.reduceat(values, starts)),
        _short(np.maximum.reduceat(values, starts)),
    )


def _short(values: npt.NDArray[np.float64]) -> Numbers:
    """In four digits, more than anyone sees; None for what is no number."""
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in values]
