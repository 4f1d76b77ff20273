"""Curves of runs: losses, D's scores and the Frechet distance over the steps.

:func:`training_panels` and :func:`distance_panel` define columns, names and scales; :func:`thin`
reduces the number of points. The report page uses the same functions. Does not import torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from mnistgan.config import ScoreKind
from mnistgan.errors import UsageError
from mnistgan.events import score_names
from mnistgan.storage import tables
from mnistgan.storage.atomic import atomic_path, check_target
from mnistgan.storage.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_FORMATS = (".png", ".svg", ".pdf")

MOST_POINTS = 300
"""Points of a curve: about as many as a plot can show."""

_LOG_FROM = 10  # greatest divided by smallest value; with less, 1-2-5 ticks would be too few
_LEAST_SPAN = 0.05  # of a linear y axis, as a share of its greatest value: less looks like change

_FEW_POINTS = 40  # with fewer points, each one gets a marker

Column: TypeAlias = npt.NDArray[np.float64]

MetricsTable: TypeAlias = Mapping[str, Column]
"""Columns of a metrics.csv or an evaluations.csv, by name."""


@dataclass(frozen=True)
class Panel:
    """The content of one plot over the steps.

    Attributes:
        key: name of the panel, unique within a run.
        title: its title.
        columns: label of each curve, by column of the table.
        span: limits of the y axis; None fits them to the data.
        log: whether the y axis is logarithmic.
    """

    key: str
    title: str
    columns: Mapping[str, str]
    span: tuple[float, float] | None = None
    log: bool = False


def training_panels(kinds: Collection[ScoreKind]) -> list[Panel]:
    """The panels of losses and of D's scores, for runs with these kinds of scores."""
    real, fake = score_names("critic" if set(kinds) == {"critic"} else "probability")
    span = (0.0, 1.0) if set(kinds) == {"probability"} else None
    return [
        Panel("losses", "Losses", {"loss_D": "loss_D", "loss_G": "loss_G"}),
        Panel("scores", f"{real} and {fake}", {"D(x)": real, "D(G(z1))": fake}, span),
    ]


def distance_panel(evaluations: Iterable[MetricsTable]) -> Panel:
    """The panel of the Frechet distance; its axis is logarithmic if that shows more.

    That is if all distances are positive, and the greatest is at least ten times the smallest.
    """
    distances = np.concatenate([table["frechet_distance"] for table in evaluations])
    finite = distances[np.isfinite(distances)]
    log = bool(len(finite) and finite.min() > 0 and finite.max() >= _LOG_FROM * finite.min())
    return Panel("distance", "Frechet distance", {"frechet_distance": "Frechet distance"}, log=log)


def point_rows(count: int) -> npt.NDArray[np.int64]:
    """For each point of a curve, the row whose step is its x, in a table of ``count`` rows."""
    starts = _starts(count)
    rows: npt.NDArray[np.int64] = (starts + np.append(starts[1:], count) - 1) // 2
    rows[-1:] = count - 1  # a curve ends at the run's last step
    return rows


def thin(values: Column) -> tuple[Column, Column, Column]:
    """Mean, minimum and maximum of the rows behind each point of a curve."""
    starts = _starts(len(values))
    counts = np.diff(np.append(starts, len(values)))
    with np.errstate(all="ignore"):  # some figures can be infinite
        means = np.add.reduceat(values, starts) / counts
    return means, np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)


def _starts(count: int) -> npt.NDArray[np.int64]:
    """The first row behind each point of a curve."""
    points = min(count, MOST_POINTS)
    return np.linspace(0, count, points, endpoint=False).astype(np.int64)


def smooth(values: Column) -> Column:
    """The moving average over a fiftieth of the series."""
    # At both ends, only values inside the series are averaged: zeros beyond would bend the curve.
    window = np.ones(2 * (len(values) // 100) + 1)
    sums = np.convolve(values, window, "same")
    return np.asarray(sums / np.convolve(np.ones_like(values), window, "same"))


def plot_runs(runs: Sequence[RunDirectory], path: Path) -> None:
    """Plot losses, D's scores and, if measured, Frechet distances of one or several runs.

    For a single run, each quantity has a color. For several, each run has a color and each quantity
    a line style.

    Args:
        runs: the runs to plot together.
        path: file with the extension .png, .svg or .pdf.

    Raises:
        UsageError: the extension is unknown, a run has no config.toml or metrics.csv, or no run has
            taken a step.
    """
    check_target(path, *CURVE_FORMATS)
    kinds = {run.read_config().train.score_kind for run in runs}
    metrics = {label(run, runs): tables.read_metrics(run.metrics_file) for run in runs}
    if not any(len(table["step"]) for table in metrics.values()):
        raise UsageError("no steps to plot yet; train first")
    evaluations = {label(run, runs): tables.read_evaluations(run.evaluations_file) for run in runs}
    panels = [(panel, metrics) for panel in training_panels(kinds)]
    if any(len(table["step"]) for table in evaluations.values()):
        panels.append((distance_panel(evaluations.values()), evaluations))
    _save(path, panels)


def label(run: RunDirectory, runs: Sequence[RunDirectory]) -> str:
    """The name of the run's folder, or its path if two runs have the same name."""
    name = run.path.resolve().name
    return name if [other.path.resolve().name for other in runs].count(name) == 1 else str(run.path)


def _save(path: Path, panels: Sequence[tuple[Panel, Mapping[str, MetricsTable]]]) -> None:
    """Draw the panels, each with the tables of its runs by label, and write the file."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Not pyplot: it keeps global state and may select a window system's backend.
    figure = Figure(figsize=(5 * len(panels), 4), layout="constrained", dpi=120)
    for axes, (panel, runs) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        _draw(axes, panel, runs)
    # Without a date and with a fixed salt for IDs, the same run gives the same file.
    with atomic_path(path) as temporary, rc_context({"svg.hashsalt": "mnistgan"}):
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        kind = path.suffix.lower()
        figure.savefig(temporary, format=kind[1:], metadata=metadata.get(kind))


def _draw(axes: Axes, panel: Panel, runs: Mapping[str, MetricsTable]) -> None:
    several = len(runs) > 1
    for number, (run, table) in enumerate(runs.items()):
        steps = table["step"][point_rows(len(table["step"]))]
        if not len(steps):
            continue
        marker = "o" if len(steps) < _FEW_POINTS else None
        for style, (column, name) in enumerate(panel.columns.items()):
            color = f"C{number if several else style}"
            mean, low, high = thin(table[column])
            # If each point is one step, the band has no height, and its edge is the raw curve.
            axes.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0.6)
            axes.plot(
                steps,
                smooth(mean),
                "--" if several and style else "-",
                color=color,
                label=f"{run}: {name}" if several else name,
                linewidth=1.4,
                marker=marker,
                markersize=4,
            )
    axes.set(title=panel.title, xlabel="step", yscale="log" if panel.log else "linear")
    if panel.span:
        axes.set_ylim(panel.span)
    _set_ticks(axes, panel)
    axes.grid(alpha=0.25, which="both")
    axes.legend(fontsize=8, loc="upper right")  # "best" searches all points, which takes seconds


def _set_ticks(axes: Axes, panel: Panel) -> None:
    """At least two ticks on each axis, as plain numbers."""
    from matplotlib.ticker import (
        FuncFormatter,
        LogLocator,
        MaxNLocator,
        NullLocator,
        ScalarFormatter,
    )

    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    first, last = axes.get_xlim()
    if last - first < 2:  # a single step
        axes.set_xlim((first + last) / 2 - 1, (first + last) / 2 + 1)
    low, high = axes.get_ylim()
    if panel.log:
        few = high / low < 1e4
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
        return
    axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    if panel.span is None and (lack := _LEAST_SPAN * max(abs(low), abs(high)) - (high - low)) > 0:
        axes.set_ylim(low - lack / 2, high + lack / 2)
