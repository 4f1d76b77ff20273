"""Curves of runs, from what the runs left on disk. Imports no torch.

:func:`training_panels` and :func:`distance_panel` say which columns are drawn, and
:func:`thin` at how many points; the report's page draws the same.
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
from mnistgan.rendering.grids import check_suffix
from mnistgan.storage import tables
from mnistgan.storage.atomic import atomic_path
from mnistgan.storage.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_FORMATS = (".png", ".svg", ".pdf")

MOST_POINTS = 300
"""Of a curve: about as many as a picture or a page has room for."""

_FEW_POINTS = 40  # each is marked

Column: TypeAlias = npt.NDArray[np.float64]

MetricsTable: TypeAlias = Mapping[str, Column]
"""The columns of a metrics.csv or an evaluations.csv, by name."""


@dataclass(frozen=True)
class Panel:
    """What one pair of axes shows over the steps.

    Attributes:
        key: unique among the panels of a run.
        title: what it shows.
        columns: the table's columns to draw -> what to call them.
        span: least and greatest value of the y axis, where they are known beforehand.
        log: whether the y axis is logarithmic.
    """

    key: str
    title: str
    columns: Mapping[str, str]
    span: tuple[float, float] | None = None
    log: bool = False


def training_panels(kinds: Collection[ScoreKind]) -> list[Panel]:
    """The losses and D's scores of runs with these kinds of scores."""
    real, fake = score_names("critic" if set(kinds) == {"critic"} else "probability")
    span = (0.0, 1.0) if set(kinds) == {"probability"} else None
    return [
        Panel("losses", "Losses", {"loss_D": "loss_D", "loss_G": "loss_G"}),
        Panel("scores", f"{real} and {fake}", {"D(x)": real, "D(G(z1))": fake}, span),
    ]


def distance_panel(evaluations: Iterable[MetricsTable]) -> Panel:
    """The Frechet distance, on a logarithmic axis where it is always above zero."""
    distances = np.concatenate([table["frechet_distance"] for table in evaluations])
    finite = distances[np.isfinite(distances)]
    log = bool(len(finite) and (finite > 0).all())
    return Panel("distance", "Frechet distance", {"frechet_distance": "Frechet distance"}, log=log)


def point_rows(count: int) -> npt.NDArray[np.int64]:
    """The row at which each point of a curve stands: the middle one of several, at last the last.

    Args:
        count: rows of the table.
    """
    starts = _starts(count)
    rows: npt.NDArray[np.int64] = (starts + np.append(starts[1:], count) - 1) // 2
    rows[-1:] = count - 1  # a curve ends where the run did
    return rows


def thin(values: Column) -> tuple[Column, Column, Column]:
    """The mean, least and greatest value of the rows that each point of a curve stands for."""
    starts = _starts(len(values))
    counts = np.diff(np.append(starts, len(values)))
    with np.errstate(all="ignore"):  # some measures can be infinite
        means = np.add.reduceat(values, starts) / counts
    return means, np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)


def _starts(count: int) -> npt.NDArray[np.int64]:
    """Where the points of a curve begin among so many rows."""
    points = min(count, MOST_POINTS)
    return np.linspace(0, count, points, endpoint=False).astype(np.int64)


def smooth(values: Column) -> Column:
    """The running mean over a fiftieth of the series, cut off at its ends."""
    window = np.ones(2 * (len(values) // 100) + 1)
    sums = np.convolve(values, window, "same")
    return np.asarray(sums / np.convolve(np.ones_like(values), window, "same"))


def plot_runs(runs: Sequence[RunDirectory], path: Path) -> None:
    """Draw losses, D's scores and what was measured over the steps; several runs overlay.

    A single run has a color a quantity, several runs a color a run and a line style a quantity.

    Args:
        runs: to draw; each has a metrics.csv.
        path: PNG, SVG or PDF by its ending.

    Raises:
        UsageError: unknown ending, a run without metrics.csv or config.toml, or no step to draw.
    """
    check_suffix(path, CURVE_FORMATS)
    kinds = {run.read_config().train.score_kind for run in runs}
    metrics = {label(run, runs): tables.read_metrics(run.metrics_file) for run in runs}
    if not any(len(table["step"]) for table in metrics.values()):
        raise UsageError("there is no step to plot yet; train on, then plot")
    evaluations = {label(run, runs): tables.read_evaluations(run.evaluations_file) for run in runs}
    panels = [(panel, metrics) for panel in training_panels(kinds)]
    if any(len(table["step"]) for table in evaluations.values()):
        panels.append((distance_panel(evaluations.values()), evaluations))
    _save(path, panels)


def label(run: RunDirectory, runs: Sequence[RunDirectory]) -> str:
    """The folder's name, or its whole path where two runs have the same."""
    name = run.path.resolve().name
    return name if [other.path.resolve().name for other in runs].count(name) == 1 else str(run.path)


def _save(path: Path, panels: Sequence[tuple[Panel, Mapping[str, MetricsTable]]]) -> None:
    """Draw each panel with the tables of the runs, by label."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(panels), 4), layout="constrained", dpi=120)
    for axes, (panel, runs) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        _draw(axes, panel, runs)
    # Without a date and with fixed ids, the same run draws the same file.
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
    axes.grid(alpha=0.25, which="both")
    axes.legend(fontsize=8, loc="upper right")  # "best" looks at every step, for seconds
