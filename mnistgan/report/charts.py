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

_ROWS = 12  # rows of the table below a chart

_LOSSES = (
    "The losses that D and G minimize. In a GAN, each loss depends on the other network: it may "
    "rise while the images get better."
)
_SCORES: dict[ScoreKind, str] = {
    "probability": "The mean probability of being real, according to D, for real and generated "
    "images. Where the curves meet, D cannot distinguish them.",
    "output": "D's mean output for real and generated images. The targets are 1 and 0.",
    "critic": "The critic's mean score of real and generated images. The score has no scale: only "
    "the difference between the two is meaningful.",
}
_DISTANCE = (
    "The distance between the features of generated and real images. Lower is better; 0 is perfect."
)
_SHARES = ("precision", "recall", "coverage", "agreement")

Numbers = list[float | None]


@dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
        name: label of the curve.
        values: for each point, the mean over its steps; None if it is not finite.
        low: for each point, the minimum over its steps; empty if each point is a single step.
        high: for each point, the maximum over its steps; empty if each point is a single step.
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
        about: explanation for readers.
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
    # These four are shares in [0, 1], so that they fit one panel.
    title = ", ".join(share.title for share in shares).capitalize()
    about = " ".join(f"{share.title.capitalize()}: {share.explanation}." for share in shares)
    panel = Panel("shares", title, {share.name: share.title for share in shares}, span=(0.0, 1.0))
    return [
        _chart(curves.distance_panel([evaluations]), _DISTANCE, evaluations),
        _chart(panel, about, evaluations),
    ]


def _chart(panel: Panel, about: str, table: MetricsTable) -> Chart:
    # Thinned to a few hundred points: a chart is not wider, and the page would grow with each step.
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
    """The values with four digits, which keeps the page small; None if not finite.

    JSON has no NaN: Python would write one that the page's script cannot read.
    """
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in values]
