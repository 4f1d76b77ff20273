"""The charts of the page: curves of a run's tables, thinned. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mnistgan.config import ScoreKind
from mnistgan.evaluation.figures import MEASURES
from mnistgan.rendering import curves, grids
from mnistgan.rendering.curves import Column, MetricsTable, Panel

_ROWS = 12  # of the table below a chart

_LOSSES = (
    "What D and G minimized. In a GAN each loss depends on the other network: it may rise while "
    "the images get better."
)
_SCORES: dict[ScoreKind, str] = {
    "probability": "The mean probability of being real that D gives real images and fakes. Where "
    "they meet, D cannot tell them apart.",
    "output": "D's mean output on real images and on fakes; its targets are 1 and 0.",
    "critic": "The critic's mean score of real images and of fakes. It has no scale: only the "
    "difference between the two matters.",
}
_DISTANCE = (
    "How far the features of fakes are from those of real images. Lower is better, 0 is perfect."
)
_SHARES = ("precision", "recall", "coverage", "agreement")

Numbers = list[float | None]


@dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
        name: its label.
        values: the mean of the steps behind each point; None if it is not finite.
        low: their minimum; empty if each point is a single step.
        high: their maximum; likewise.
    """

    name: str
    values: Numbers
    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class Chart:
    """A panel with its curves.

    Attributes:
        panel: title and axes.
        about: how to read the chart.
        steps: step of each point.
        epochs: epoch of each point.
        lines: the curves.
    """

    panel: Panel
    about: str
    steps: list[int]
    epochs: list[int]
    lines: list[Line]

    def to_json(self) -> dict[str, Any]:
        """The chart as plain values, for the page's script."""
        return {
            "steps": self.steps,
            "epochs": self.epochs,
            "span": self.panel.span,
            "log": self.panel.log,
            "lines": [asdict(line) for line in self.lines],
        }

    def rows(self) -> Iterator[tuple[int, int, Numbers]]:
        """Some points as table rows: epoch, step, and the value of each curve."""
        for point in grids.spread(len(self.steps), _ROWS):
            yield self.epochs[point], self.steps[point], [line.values[point] for line in self.lines]


def of_training(metrics: MetricsTable, kind: ScoreKind) -> list[Chart]:
    """The charts of losses and D's scores; empty if no step was taken."""
    if not len(metrics["step"]):
        return []
    losses, scores = curves.training_panels([kind])
    return [_chart(losses, _LOSSES, metrics), _chart(scores, _SCORES[kind], metrics)]


def of_evaluations(evaluations: MetricsTable) -> list[Chart]:
    """The charts of measurements during training; empty if there were none."""
    if not len(evaluations["step"]):
        return []
    shares = [share for share in MEASURES if share.name in _SHARES and share.name in evaluations]
    title = ", ".join(share.title for share in shares).capitalize()
    about = " ".join(f"{share.title.capitalize()}: {share.explanation}." for share in shares)
    panel = Panel("shares", title, {share.name: share.title for share in shares}, span=(0.0, 1.0))
    return [
        _chart(curves.distance_panel([evaluations]), _DISTANCE, evaluations),
        _chart(panel, about, evaluations),
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
    mean, low, high = map(_rounded, curves.thin(values))
    is_thinned = len(mean) < len(values)
    return Line(name, mean, low if is_thinned else [], high if is_thinned else [])


def _rounded(values: Column) -> Numbers:
    """The values in four digits, which keeps the page small; None if not finite."""
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in values]
