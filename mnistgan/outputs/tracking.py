"""What the outputs for experiment trackers share: how a run's numbers are named there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from mnistgan.config import ScoreKind
from mnistgan.events import StepMetrics, score_names
from mnistgan.storage import tables

Scalars: TypeAlias = dict[str, float]
"""Name in the tracker -> value; what comes before the slash is a group of charts."""


def row_scalars(row: Mapping[str, float], kind: ScoreKind) -> Scalars:
    """A row of metrics.csv, by column; its scores are named by their kind."""
    real, fake = score_names(kind)
    return {
        "loss/D": row["loss_D"],
        "loss/G": row["loss_G"],
        f"scores/{real}": row["D(x)"],
        f"scores/{fake.replace('z', 'z1')}": row["D(G(z1))"],
        f"scores/{fake.replace('z', 'z2')}": row["D(G(z2))"],
        "speed/images per second": row["images/s"],
    }


def step_scalars(event: StepMetrics, kind: ScoreKind) -> Scalars:
    """The same numbers as they come."""
    row = dict(zip(tables.METRICS_COLUMNS, tables.metrics_row(event), strict=True))
    return row_scalars(row, kind)


def measures(figures: Mapping[str, float]) -> Scalars:
    """What was measured, in a group of its own."""
    known = (name for name in tables.LABELLED_FIGURES if name in figures)
    return {f"measures/{name}": figures[name] for name in known}
