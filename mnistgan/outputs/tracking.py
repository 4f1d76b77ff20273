"""The names of metrics and figures in experiment trackers, shared by their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from mnistgan.config import ScoreKind
from mnistgan.events import StepMetrics, score_names
from mnistgan.storage import tables

Scalars: TypeAlias = dict[str, float]
"""Values by name in the tracker; the part before the slash is the group of charts."""


def row_scalars(row: Mapping[str, float], kind: ScoreKind) -> Scalars:
    """The scalars of one row of metrics.csv."""
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
    """The scalars of a step event."""
    row = dict(zip(tables.METRICS_COLUMNS, tables.metrics_row(event), strict=True))
    return row_scalars(row, kind)


def measures(figures: Mapping[str, float]) -> Scalars:
    """The scalars of an evaluation."""
    known = (name for name in tables.LABELED_FIGURES if name in figures)
    return {f"measures/{name}": figures[name] for name in known}
