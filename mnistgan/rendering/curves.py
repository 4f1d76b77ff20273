"""Curves of runs: losses, D's scores and the Frechet distance over the steps.

:func:`training_panels` and :func:`distance_panel` define columns, names and scales; :func:`thin`
reduces the number of points. The report page uses the same functions. Does not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from mnistgan.config import ScoreKind
from mnistgan.errors import UsageError
from mnistgan.events import score_names
from mnistgan.rendering import equilibrium, plots
from mnistgan.storage import tables
from mnistgan.storage.atomic import check_target
from mnistgan.storage.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MOST_POINTS = 300
"""Points of a curve: about as many as a plot can show."""

_FEW_POINTS = 40  # with fewer points, each one gets a marker

_SPIKES = 20  # one point in 20 of a curve may be a spike, at either side
_REACH = 1.5  # ranges of the others at which spikes are clipped that are twice as far

_BAND, _GUIDE, _LINE = 1.1, 1.2, 2.1  # order of drawing, above the grid at 0.5

Column: TypeAlias = npt.NDArray[np.float64]

MetricsTable: TypeAlias = Mapping[str, Column]
"""Columns of a metrics.csv or an evaluations.csv, by name."""


_SCORE_UNITS: dict[ScoreKind, str] = {
    "probability": "mean probability of real",
    "output": "mean output of D",
    "critic": "mean score of the critic",
}


@dataclass(frozen=True)
class Panel:
    """The content of one plot over the steps.

    Attributes:
        key: name of the panel, unique within a run.
        title: its title.
        columns: label of each curve, by column of the table.
        span: limits of the y axis; None fits them to the data.
        log: whether the y axis is logarithmic.
        unit: label of the y axis.
        guide: what the guides of this panel mark.
    """

    key: str
    title: str
    columns: Mapping[str, str]
    span: tuple[float, float] | None = None
    log: bool = False
    unit: str = ""
    guide: str = "equilibrium"


def training_panels(kinds: Collection[ScoreKind]) -> list[Panel]:
    """The panels of losses and of D's scores, for runs with these kinds of scores."""
    real, fake = score_names("critic" if set(kinds) == {"critic"} else "probability")
    span = (0.0, 1.0) if set(kinds) == {"probability"} else None
    scores = {"D(x)": real, "D(G(z1))": fake}
    unit = _SCORE_UNITS[next(iter(kinds))] if len(set(kinds)) == 1 else "mean score"
    return [
        Panel("losses", "Losses", {"loss_D": "loss_D", "loss_G": "loss_G"}, unit="loss"),
        Panel("scores", f"{real} and {fake}", scores, span, unit=unit, guide="D undecided"),
    ]


def distance_panel(evaluations: Iterable[MetricsTable]) -> Panel:
    """The panel of the Frechet distance; its axis is logarithmic if that shows more.

    That is if all distances are positive, and the greatest is at least ten times the smallest.
    """
    distances = np.concatenate([table["frechet_distance"] for table in evaluations])
    log = plots.is_wide(distances)
    name = "Frechet distance"
    return Panel("distance", name, {"frechet_distance": name}, log=log, unit=name)


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
    a line style. Dotted guides show the equilibrium of the losses, see :mod:`.equilibrium`.

    Args:
        runs: the runs to plot together.
        path: file with the extension .png, .svg or .pdf.

    Raises:
        UsageError: the extension is unknown, a run has no config.toml or metrics.csv, or no run has
            taken a step.
    """
    check_target(path, *plots.FORMATS)
    configs = {label(run, runs): run.read_config().train for run in runs}
    metrics = {label(run, runs): tables.read_metrics(run.metrics_file) for run in runs}
    if not any(len(table["step"]) for table in metrics.values()):
        raise UsageError("no steps to plot yet; train first")
    evaluations = {label(run, runs): tables.read_evaluations(run.evaluations_file) for run in runs}
    kinds = {train.score_kind for train in configs.values()}
    panels = [(panel, metrics) for panel in training_panels(kinds)]
    if any(len(table["step"]) for table in evaluations.values()):
        panels.append((distance_panel(evaluations.values()), evaluations))
    equilibria = {name: equilibrium.values(train) for name, train in configs.items()}
    with plots.style():
        plots.save(_figure(panels, equilibria), path)


def label(run: RunDirectory, runs: Sequence[RunDirectory]) -> str:
    """The name of the run's folder, or its path if two runs have the same name."""
    name = run.path.resolve().name
    return name if [other.path.resolve().name for other in runs].count(name) == 1 else str(run.path)


def _figure(
    panels: Sequence[tuple[Panel, Mapping[str, MetricsTable]]],
    equilibria: Mapping[str, Mapping[str, float]],
) -> Figure:
    """The panels side by side, each with the tables of its runs by label."""
    figure = plots.new_figure(len(panels))
    # The same x axis for all: measurements can be compared with the curves at their left.
    every = figure.subplots(1, len(panels), sharex=True)
    for axes, (panel, runs) in zip(every, panels, strict=True):
        _draw(axes, panel, runs, equilibria)
    if len(equilibria) > 1:
        _name_runs(figure, list(equilibria))
    return figure


def _name_runs(figure: Figure, names: Sequence[str]) -> None:
    """A legend of the runs' colors above all panels, which makes the figure higher."""
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches()
    letter, handle = 0.07, 0.5  # inches
    most = int((width - handle) / letter)
    texts = [
        plots.plain_text(name if len(name) <= most else f"...{name[3 - most :]}") for name in names
    ]
    columns = max(1, int(width / (letter * max(map(len, texts)) + handle)))
    rows = -(-len(names) // columns)
    figure.set_size_inches(width, height + 0.17 * rows)
    handles = [Line2D([], [], color=color) for color in plots.colors(len(names))]
    figure.legend(handles, texts, loc="outside upper left", ncols=columns)


@dataclass(frozen=True)
class _Curve:
    """One curve of a panel: for each point, the mean, minimum and maximum of its rows."""

    run: str
    column: str
    color: str
    line: str
    steps: Column
    mean: Column
    low: Column
    high: Column


def _curves(panel: Panel, runs: Mapping[str, MetricsTable]) -> list[_Curve]:
    several = len(runs) > 1
    colors = plots.colors(max(len(runs), len(panel.columns)))
    curves = []
    for number, (run, table) in enumerate(runs.items()):
        steps = table["step"][point_rows(len(table["step"]))]
        for style, column in enumerate(panel.columns if len(steps) else ()):
            mean, low, high = thin(table[column])
            color = colors[number if several else style]
            line = "--" if several and style else "-"
            curves.append(_Curve(run, column, color, line, steps, mean, low, high))
    return curves


def _draw(
    axes: Axes,
    panel: Panel,
    runs: Mapping[str, MetricsTable],
    equilibria: Mapping[str, Mapping[str, float]] | None = None,
) -> None:
    """Draw a panel.

    Args:
        axes: the axes to draw in.
        panel: what to draw.
        runs: the table of each run, by label.
        equilibria: for each run, the value to mark in each column.
    """
    curves = _curves(panel, runs)
    axes.set(xlabel="step", ylabel=panel.unit)
    limits = panel.span or (None if panel.log else _robust_limits(curves))
    guides = _guides(curves, equilibria or {})
    if limits:
        limits = _with_guides(limits, guides)
        margin = 0.04 * (limits[1] - limits[0])
        axes.set_ylim(limits[0] - margin, limits[1] + margin)
        guides = {value: color for value, color in guides.items() if _is_in(value, limits)}
    for curve in curves:
        # Overlapping bands of many runs would hide one another.
        _draw_curve(axes, curve, limits, 0.2 if len(runs) < 3 else max(0.4 / len(runs), 0.02))
    for value, color in guides.items():
        axes.axhline(value, color=color, linestyle=":", linewidth=1.2, zorder=_GUIDE)
    _set_ticks(axes, panel)
    notes = _guide_key(panel, list(guides))
    notes += _mark_clipped(axes, curves, limits) if limits else []
    _legend(axes, _line_keys(panel, len(runs) > 1), notes)


def _legend(axes: Axes, lines: list[Line2D], notes: list[Line2D]) -> None:
    """A legend above the axes, where it covers no curve: a column of lines, and one of notes."""
    from matplotlib.lines import Line2D

    if not lines + notes:
        return
    if lines and notes:
        lines = lines + [Line2D([], [], linestyle="", label=" ")] * (len(notes) - len(lines))
    axes.legend(
        handles=lines + notes, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2
    )


def _draw_curve(
    axes: Axes, curve: _Curve, limits: tuple[float, float] | None, opacity: float
) -> None:
    low, high, mean = curve.low, curve.high, curve.mean
    if limits:
        # The renderer of PNGs cannot fill areas that reach millions of pixels outside.
        height = limits[1] - limits[0]
        low, high = (np.clip(one, limits[0] - height, limits[1] + height) for one in (low, high))
        # Otherwise a spike would pull the line along for as long as it is averaged.
        mean = np.clip(mean, *limits)
    # If each point is one step, the band has no height, and its edge is the raw curve. The bands of
    # all curves are below all lines.
    is_raw = np.array_equal(curve.low, curve.high, equal_nan=True)
    axes.fill_between(
        curve.steps, low, high, color=curve.color, alpha=0.4 if is_raw else opacity,
        linewidth=0.6 if is_raw else 0, zorder=_BAND,
    )  # fmt: skip
    axes.plot(
        curve.steps, smooth(mean), curve.line, color=curve.color, linewidth=1.5, zorder=_LINE,
        marker="o" if len(curve.steps) < _FEW_POINTS else None, markersize=3.5,
    )  # fmt: skip


def _robust_limits(curves: Sequence[_Curve]) -> tuple[float, float] | None:
    """Limits that contain all values except spikes; None if no value is finite."""
    inner, outer = [], []
    for curve in curves:
        low, high = (np.sort(one[np.isfinite(one)]) for one in (curve.low, curve.high))
        if len(low) and len(high):
            inner += [low[len(low) // _SPIKES], high[-1 - len(high) // _SPIKES]]
            outer += [low[0], high[-1]]
    if not outer:
        return None
    least, greatest = float(min(inner)), float(max(inner))
    reach = _REACH * (greatest - least) or math.inf
    bottom, top = float(min(outer)), float(max(outer))
    # What is only a little further is shown: clipping would win little space.
    if bottom < least - 2 * reach:
        bottom = least - reach
    if top > greatest + 2 * reach:
        top = greatest + reach
    return plots.widened(bottom, top)


def _guides(
    curves: Sequence[_Curve], equilibria: Mapping[str, Mapping[str, float]]
) -> dict[float, str]:
    """The values to mark, each with the color of its curve, or gray if it is that of several."""
    colors: dict[float, str] = {}
    for curve in curves:
        value = equilibria.get(curve.run, {}).get(curve.column)
        if value is not None:
            colors[value] = (
                plots.QUIET if colors.get(value, curve.color) != curve.color else curve.color
            )
    return colors


def _with_guides(limits: tuple[float, float], values: Iterable[float]) -> tuple[float, float]:
    """The limits, extended to the values that at most double their range."""
    low, high = limits
    near = [value for value in values if max(high, value) - min(low, value) <= 2 * (high - low)]
    return min([low, *near]), max([high, *near])


def _is_in(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _line_keys(panel: Panel, several: bool) -> list[Line2D]:
    """The legend of the curves; of their line styles only, if colors stand for runs."""
    from matplotlib.lines import Line2D

    if len(panel.columns) == 1:  # the y axis says it
        return []
    return [
        Line2D(
            [], [], label=name,
            color=plots.QUIET if several else plots.COLORS[number],
            linestyle="--" if several and number else "-",
        )
        for number, name in enumerate(panel.columns.values())
    ]  # fmt: skip


def _guide_key(panel: Panel, values: Sequence[float]) -> list[Line2D]:
    from matplotlib.lines import Line2D

    if not values:
        return []
    numbers = f": {', '.join(map(_short, values))}" if len(values) < 4 else ""
    text = f"{panel.guide}{numbers}"
    return [Line2D([], [], color=plots.QUIET, linestyle=":", linewidth=1.2, label=text)]


def _rounded(value: float) -> str:
    return f"{float(f'{value:.5g}'):,.10g}"


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _mark_clipped(
    axes: Axes, curves: Sequence[_Curve], limits: tuple[float, float]
) -> list[Line2D]:
    """Mark the points outside the limits with triangles at the edge, explained in the legend."""
    from matplotlib.lines import Line2D

    keys = []
    for edge, marker, direction in ((1, "^", "up"), (0, "v", "down")):
        extremes = []
        for curve in curves:
            values = curve.high if edge else curve.low
            outside = values > limits[1] if edge else values < limits[0]
            if outside.any():
                extremes.append(values[outside].max() if edge else values[outside].min())
                # x in steps, y as a share of the axes' height
                axes.plot(
                    curve.steps[outside], np.full(outside.sum(), 0.015 + 0.97 * edge), marker,
                    color=curve.color, markersize=4, transform=axes.get_xaxis_transform(),
                    zorder=_LINE,
                )  # fmt: skip
        if extremes:
            furthest = max(extremes) if edge else min(extremes)
            text = f"not shown: {direction} to {_rounded(furthest)}"
            keys.append(
                Line2D(
                    [], [], color=plots.QUIET, linestyle="", marker=marker, markersize=4, label=text
                )
            )
    return keys


def _set_ticks(axes: Axes, panel: Panel) -> None:
    """At least two ticks on each axis, as plain numbers."""
    plots.count_axis(axes)
    first, last = axes.get_xlim()
    if last - first < 2:  # a single step
        axes.set_xlim((first + last) / 2 - 1, (first + last) / 2 + 1)
    plots.value_axis(axes, panel.log)
