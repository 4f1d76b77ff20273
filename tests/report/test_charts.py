"""The charts of a page, made from a run's tables."""

from __future__ import annotations

import json

from support import metrics_table

from mnistgan.rendering import curves
from mnistgan.report import charts


def test_long_histories_are_thinned_without_hiding_a_peak() -> None:
    long = metrics_table(100_000)
    long["loss_D"][77_777] = 9.0
    losses = charts.of_training(long, "probability")[0]
    assert len(losses.steps) == curves.MOST_POINTS
    assert losses.steps == sorted(losses.steps)
    assert losses.steps[-1] == 100_000
    line = losses.lines[0]
    assert max(value for value in line.high if value is not None) == 9.0
    assert all(
        low <= value <= high
        for low, value, high in zip(line.low, line.values, line.high, strict=True)
        if low is not None and value is not None and high is not None
    )
    assert len(json.dumps([chart.to_json() for chart in charts.of_training(long, "critic")])) < 1e5
