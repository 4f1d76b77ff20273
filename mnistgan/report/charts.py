"""What the curves of a page are drawn from: a run's long tables, thinned out. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mnistgan.config import ScoreKind
from mnistgan.rendering import curves, grids
from mnistgan.rendering.curves import Column, MetricsTable, Panel

_ROWS = 12  # of the table that says the same as a chart

_LOSSES = (
    "What D and G minimised. A GAN's loss measures the other player, not the images: it may rise "
    "while the images get better."
)
_SCORES: dict[ScoreKind, str] = {
    "probability": "D's mean verdict on real images and on fakes: 1 is real, 0 is fake. Where the "
    "two meet, D cannot tell them apart.",
    "output": "D's mean output on real images and on fakes; its targets are 1 and 0.",
    "critic": "The critic's mean score of real images and of fakes. It has no scale: what counts "
    "is the distance between the two.",
}
_DISTANCE = (
    "How far the fakes' features are from the real images': the lower the better, 0 is perfect."
)
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


@dataclass(frozen=True)
class Chart:
    """A panel of curves over the steps.

    Attributes:
        panel: its title and axes.
        about: how to read it, in a sentence.
        steps: of each point.
        epochs: likewise.
        lines: the curves.
    """

    panel: Panel
    about: str
    steps: list[int]
    epochs: list[int]
    lines: list[Line]

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the page's script."""
        return {
            "steps": self.steps,
            "epochs": self.epochs,
            "span": self.panel.span,
            "log": self.panel.log,
            "lines": [asdict(line) for line in self.lines],
        }

    def rows(self) -> Iterator[tuple[int, int, Numbers]]:
        """Some points as a table: epoch, step, and each line's value."""
        for point in grids.spread(len(self.steps), _ROWS):
            yield self.epochs[point], self.steps[point], [line.values[point] for line in self.lines]


def of_training(metrics: MetricsTable, kind: ScoreKind) -> list[Chart]:
    """The losses, and D's scores; none where no step was taken."""
    if not len(metrics["step"]):
        return []
    losses, scores = curves.training_panels([kind])
    return [_chart(losses, _LOSSES, metrics), _chart(scores, _SCORES[kind], metrics)]


def of_evaluations(evaluations: MetricsTable) -> list[Chart]:
    """What was measured while training; none where nothing was."""
    if not len(evaluations["step"]):
        return []
    shares = {name: about for name, about in _SHARES.items() if name in evaluations}
    title = ", ".join(shares).capitalize()
    panel = Panel("shares", title, {name: name for name in shares}, span=(0.0, 1.0))
    return [
        _chart(curves.distance_panel([evaluations]), _DISTANCE, evaluations),
        _chart(panel, " ".join(shares.values()), evaluations),
    ]


def _chart(panel: Panel, about: str, table: MetricsTable) -> Chart:
    rows = curves.point_rows(len(table["step"]))
    return Chart(
        panel,
        about,
        [int(step) for step in table["step"][rows]],
        [int(epoch) for epoch in table["epoch"][rows]],
        [_line(name, table[column]) for column, name in panel.columns.items()],
    )


def _line(name: str, values: Column) -> Line:
    mean, low, high = map(_short, curves.thin(values))
    is_thinned = len(mean) < len(values)
    return Line(name, mean, low if is_thinned else [], high if is_thinned else [])


def _short(values: Column) -> Numbers:
    """In four digits, more than anyone sees; None for what is no number."""
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in values]
