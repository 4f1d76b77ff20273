"""What the outputs for experiment trackers share: how a run's numbers are named there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from mnistgan.config import ScoreKind
from mnistgan.events import StepMetrics, score_names
from mnistgan.storage import tables

Scalars: TypeAlias = dict[str, float]
"""Name in the tracker -> value; what comes before the slash is a group of charts."""


class ScalarNames:
    """The names of a step's numbers, of the scores by their kind."""

    def __init__(self, kind: ScoreKind) -> None:
        real, fake = score_names(kind)
        self._by_column = {
            "loss_D": "loss/D",
            "loss_G": "loss/G",
            "D(x)": f"scores/{real}",
            "D(G(z1))": f"scores/{fake.replace('z', 'z1')}",
            "D(G(z2))": f"scores/{fake.replace('z', 'z2')}",
            "images/s": "speed/images per second",
        }

    def of_row(self, row: Mapping[str, float]) -> Scalars:
        """A row of metrics.csv, by column."""
        return {name: row[column] for column, name in self._by_column.items()}

    def of_step(self, event: StepMetrics) -> Scalars:
        """The same numbers as they come."""
        return self.of_row(
            dict(zip(tables.METRICS_COLUMNS, tables.metrics_row(event), strict=True))
        )


def measures(figures: Mapping[str, float]) -> Scalars:
    """What was measured, in a group of its own."""
    known = (name for name in tables.LABELED_FIGURES if name in figures)
    return {f"measures/{name}": figures[name] for name in known}
