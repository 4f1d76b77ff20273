"""Comparison of runs: a table, the image grids of the same epochs, and curves.

Runs that differ only by their seed are one row of the table, with mean and standard deviation.
Everything is read from the run directories. Imports no torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mnistgan.config import RunConfig, toml
from mnistgan.evaluation import figures
from mnistgan.rendering import curves, grids
from mnistgan.rendering.grids import Picture
from mnistgan.storage import tables
from mnistgan.storage.atomic import make_folder, write_text
from mnistgan.storage.run_directory import RunDirectory

_LEFT_OUT = ("kernel_distance_std", "confidence", "kl_to_labels", "kl_to_uniform")
COMPARED_FIGURES = [name for name in tables.LABELED_FIGURES if name not in _LEFT_OUT]

# Runs that differ only in these keys, of which the seed alone changes the numbers, share a row.
_MAY_DIFFER = ("seed", "name", "outputs", "data.root", "checkpoint.", "evaluate.", "watch.")
_GRID_EPOCHS = 5


@dataclass(frozen=True)
class Measured:
    """The figures of one run.

    Attributes:
        label: name of the run in tables and pictures.
        config: of the run.
        steps: number of steps trained.
        measured_with: how the figures were measured; empty if there are none.
        figures: by name.
    """

    label: str
    config: RunConfig
    steps: int
    measured_with: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonRow:
    """Runs that differ only by their seed; each figure as mean and standard deviation."""

    label: str
    runs: int
    steps: int
    measured_with: str
    figures: Mapping[str, tuple[float, float]]


def compare(runs: Sequence[RunDirectory]) -> list[ComparisonRow]:
    """The rows of the table, in the order of the runs.

    Raises:
        UsageError: one of them is not a run directory, or its files cannot be read.
    """
    groups: list[list[Measured]] = []
    for run in runs:
        one = _measure(run, curves.label(run, runs))
        group = next((group for group in groups if _same_training(group[0], one)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return [_row(group) for group in groups]


def _measure(run: RunDirectory, label: str) -> Measured:
    """The figures of ``mnistgan evaluate``, or else the last ones measured during training."""
    config, steps = run.read_config(), 0
    if run.metrics_file.exists():
        steps = int(max(tables.read_metrics(run.metrics_file)["step"], default=0))
    if run.figures_file.exists():
        measured = figures.read(run.figures_file)
        return Measured(label, config, steps, measured.measured_with, measured.numbers)
    table = tables.read_evaluations(run.evaluations_file)
    if not len(table["step"]):
        return Measured(label, config, steps)
    last = {name: float(column[-1]) for name, column in table.items()}
    return Measured(label, config, steps, f"while training, n={int(last['n'])}", last)


def _same_training(one: Measured, other: Measured) -> bool:
    keys = toml.changed_keys(one.config, other.config)
    return one.measured_with == other.measured_with and all(
        key.startswith(_MAY_DIFFER) for key in keys
    )


def _row(group: list[Measured]) -> ComparisonRow:
    spread = {}
    for name in COMPARED_FIGURES:
        if all(name in one.figures for one in group):
            values = np.array([one.figures[name] for one in group])
            with np.errstate(all="ignore"):  # figures can be infinite
                std = float(values.std(ddof=1)) if len(group) > 1 else 0.0
                spread[name] = (float(values.mean()), std)
    return ComparisonRow(
        label=", ".join(one.label for one in group),
        runs=len(group),
        steps=max(one.steps for one in group),
        measured_with=group[0].measured_with,
        figures=spread,
    )


# The table -------------------------------------------------------------------------------------


def table(rows: Sequence[ComparisonRow]) -> list[list[str]]:
    """The table as text, header first; with the figures that at least one row has."""
    names = [name for name in COMPARED_FIGURES if any(name in row.figures for row in rows)]
    head = ["run", "runs", "steps", "measured with", *(name.replace("_", " ") for name in names)]
    lines = [
        [
            row.label,
            str(row.runs),
            f"{row.steps:,}",
            row.measured_with or "-",
            *(_cell(row.figures.get(name), row.runs) for name in names),
        ]
        for row in rows
    ]
    return [head, *lines]


def _cell(value: tuple[float, float] | None, runs: int) -> str:
    if value is None:
        return "-"
    return f"{value[0]:.4g}" if runs == 1 else f"{value[0]:.4g} ± {value[1]:.2g}"


# Files -----------------------------------------------------------------------------------------


def to_csv(rows: Sequence[ComparisonRow]) -> str:
    """The table as CSV, with a column for the mean and one for the standard deviation."""
    columns = [column for name in COMPARED_FIGURES for column in (name, f"{name}_std")]
    lines: list[Sequence[object]] = [["run", "runs", "steps", "measured_with", *columns]]
    for row in rows:
        pairs = [row.figures.get(name, ("", "")) for name in COMPARED_FIGURES]
        lines.append([row.label, row.runs, row.steps, row.measured_with, *itertools.chain(*pairs)])
    return tables.to_csv(lines)


def to_markdown(rows: Sequence[ComparisonRow]) -> str:
    """The table in Markdown."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    head, *body = table(rows)
    lines = [line(head), line(["---"] * len(head)), *map(line, body)]
    return "\n".join(lines) + "\n"


def save(folder: Path, runs: Sequence[RunDirectory], rows: Sequence[ComparisonRow]) -> list[Path]:
    """Write table.csv, table.md, curves.png and, if the runs have epochs in common, grids.png.

    Raises:
        UsageError: a run has no metrics.csv, or a file cannot be written.
    """
    make_folder(folder)
    picture = shared_grids(runs)
    names = ["table.csv", "table.md", "curves.png", *(["grids.png"] if picture is not None else [])]
    curves.plot_runs(runs, folder / "curves.png")  # first, because it fails for runs without steps
    write_text(folder / "table.csv", to_csv(rows))
    write_text(folder / "table.md", to_markdown(rows))
    if picture is not None:
        grids.save_png(folder / "grids.png", picture)
    return [folder / name for name in names]


def shared_grids(runs: Sequence[RunDirectory]) -> Picture | None:
    """One row per run, one column per epoch, up to five that all runs have; None without any."""
    indexes = [
        {one.epoch: one.file for one in tables.existing_samples(run.samples)} for run in runs
    ]
    shared = sorted(set.intersection(*map(set, indexes)))
    if not shared:
        return None
    epochs = [shared[place] for place in grids.spread(len(shared), _GRID_EPOCHS)]
    rows = []
    for run, index in zip(runs, indexes, strict=True):
        name = curves.label(run, runs)
        pictures = [
            grids.caption(grids.read_png(index[epoch]), f"{name}, epoch {epoch}")
            for epoch in epochs
        ]
        rows.append(grids.beside(pictures))
    return grids.stacked(rows)
