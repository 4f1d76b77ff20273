"""Curves of runs, from what the runs left on disk. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnistgan.rendering import grids
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory


def plot_runs(runs: Sequence[RunDirectory], path: Path) -> None:
    """Draw the losses and scores of one run, or of several over one another.

    Raises:
        UsageError: unknown ending, or a run without metrics.csv or config.toml.
    """
    grids.check_suffix(path, grids.CURVE_FORMATS)
    scores = [run.read_config().train.score_kind for run in runs]
    labels = [label(run, runs) for run in runs]
    metrics = [tables.read_metrics(run.metrics_file) for run in runs]
    measured = [tables.read_evaluations(run.evaluations_file) for run in runs]
    grids.save_curves(
        path,
        dict(zip(labels, metrics, strict=True)),
        scores,
        dict(zip(labels, measured, strict=True)),
    )


def label(run: RunDirectory, runs: Sequence[RunDirectory]) -> str:
    """The folder's name, or its whole path where two runs have the same."""
    name = run.path.resolve().name
    return name if [other.path.resolve().name for other in runs].count(name) == 1 else str(run.path)
