"""Curves of runs, from what the runs left on disk. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from mnistgan.config import ScoreKind
from mnistgan.errors import UsageError
from mnistgan.events import score_names
from mnistgan.rendering.grids import spread
from mnistgan.storage import tables
from mnistgan.storage.atomic import atomic_path, check_target
from mnistgan.storage.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_FORMATS = (".png", ".svg", ".pdf")

MetricsTable: TypeAlias = Mapping[str, npt.NDArray[np.float64]]
"""The columns of a metrics.csv or an evaluations.csv, by name."""


def plot_runs(runs: Sequence[RunDirectory], path: Path) -> None:
    """Draw the losses and scores of one run, or of several over one another.

    Raises:
        UsageError: unknown ending, or a run without metrics.csv or config.toml.
    """
    check_target(path, *CURVE_FORMATS)
    scores = [run.read_config().train.score_kind for run in runs]
    labels = [label(run, runs) for run in runs]
    metrics = [tables.read_metrics(run.metrics_file) for run in runs]
    measured = [tables.read_evaluations(run.evaluations_file) for run in runs]
    save_curves(
        path,
        dict(zip(labels, metrics, strict=True)),
        scores,
        dict(zip(labels, measured, strict=True)),
    )


def label(run: RunDirectory, runs: Sequence[RunDirectory]) -> str:
    """The folder's name, or its whole path where two runs have the same."""
    name = run.path.resolve().name
    return name if [other.path.resolve().name for other in runs].count(name) == 1 else str(run.path)


def save_curves(
    path: Path,
    runs: Mapping[str, MetricsTable],
    scores: Sequence[ScoreKind],
    measured: Mapping[str, MetricsTable] | None = None,
) -> None:
    """Draw losses, D's scores and what was measured over the steps; several runs overlay.

    A single run has a colour a quantity, several runs a colour a run and a line style a quantity.

    Args:
        path: PNG, SVG or PDF by its ending.
        runs: label -> columns of its metrics.csv.
        scores: what D's scores are in each run, which decides their labels and range.
        measured: label -> columns of its evaluations.csv, for runs that were measured.

    Raises:
        UsageError: unknown ending, or no run has a step to draw.
    """
    check_target(path, *CURVE_FORMATS)
    if not any(len(metrics["step"]) for metrics in runs.values()):
        raise UsageError("there is no step to plot yet; train on, then plot")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    real_name, fake_name = score_names("critic" if set(scores) == {"critic"} else "probability")
    measured = {run: table for run, table in (measured or {}).items() if len(table["step"])}
    panels = 3 if measured else 2
    figure = Figure(figsize=(5 * panels, 4), layout="constrained", dpi=120)
    left, right, *third = figure.subplots(1, panels)
    _panel(left, runs, {"loss_D": "loss_D", "loss_G": "loss_G"})
    _panel(right, runs, {"D(x)": real_name, "D(G(z1))": fake_name})
    left.set(title="losses", xlabel="step")
    right.set(title=f"{real_name} and {fake_name}", xlabel="step")
    if set(scores) == {"probability"}:
        right.set_ylim(0, 1)
    if third:
        _measured_panel(third[0], measured, list(runs))
    # Without a date and with fixed ids, the same run draws the same file.
    with atomic_path(path) as temporary, rc_context({"svg.hashsalt": "mnistgan"}):
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        kind = path.suffix.lower()
        figure.savefig(temporary, format=kind[1:], metadata=metadata.get(kind))


def _panel(axes: Axes, runs: Mapping[str, MetricsTable], columns: Mapping[str, str]) -> None:
    for number, (run, metrics) in enumerate(runs.items()):
        for style, (column, label) in enumerate(columns.items()):
            colour = f"C{number if len(runs) > 1 else style}"
            dashes = "--" if len(runs) > 1 and style else "-"
            name = f"{run}: {label}" if len(runs) > 1 else label
            steps, values = metrics["step"], metrics[column]
            keep = spread(len(steps), 4000)
            axes.plot(steps[keep], values[keep], color=colour, alpha=0.2, linewidth=0.6)
            axes.plot(
                steps[keep], smooth(values)[keep], dashes, color=colour, label=name, linewidth=1.4
            )
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="upper right")  # "best" looks at every step, for seconds


def _measured_panel(axes: Axes, measured: Mapping[str, MetricsTable], runs: list[str]) -> None:
    for run, table in measured.items():
        colour = f"C{runs.index(run)}"
        name = run if len(runs) > 1 else None
        axes.plot(table["step"], table["frechet_distance"], "o-", color=colour, label=name)
    above_zero = any((table["frechet_distance"] > 0).any() for table in measured.values())
    scale = "log" if above_zero else "linear"
    axes.set(title="Frechet distance", xlabel="step", yscale=scale)
    axes.grid(alpha=0.25, which="both")
    if len(runs) > 1:
        axes.legend(fontsize=8, loc="upper right")


def smooth(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The running mean over a fiftieth of the series, cut off at its ends."""
    half = len(values) // 100
    sums = np.concatenate(([0.0], np.cumsum(values)))
    index = np.arange(len(values))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return np.asarray((sums[high] - sums[low]) / (high - low))
