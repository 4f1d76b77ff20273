"""Several runs side by side: one table, one figure of grids, one overlay of curves.

Runs that differ by their seed alone are one row of the table, with mean and standard deviation.
Imports no torch: everything comes from what the runs left on disk.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistgan.config import RunConfig, toml
from mnistgan.evaluation import figures
from mnistgan.rendering import curves, grids
from mnistgan.rendering.grids import Picture
from mnistgan.storage import tables
from mnistgan.storage.atomic import write_text
from mnistgan.storage.run_directory import RunDirectory

COMPARED_FIGURES = (
    "frechet_distance",
    "kernel_distance",
    "precision",
    "recall",
    "density",
    "coverage",
    "classifier_score",
    "missing_classes",
    "agreement",
)
_SAME_RECIPE = ("seed", "name", "outputs", "data.root", "checkpoint.", "evaluate.", "watch.")
_GRID_EPOCHS = 5


@dataclass(frozen=True)
class Measured:
    """The figures of one run.

    Attributes:
        run: which.
        config: its recipe.
        steps: updates of G that it has had.
        with_: the classifier and n, where it was measured by ``mnistgan evaluate``.
        figures: by name; empty where it was never measured.
    """

    run: RunDirectory
    config: RunConfig
    steps: int
    with_: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class ComparisonRow:
    """One recipe: the runs that follow it and their figures' mean and standard deviation."""

    label: str
    runs: int
    steps: int
    with_: str
    figures: Mapping[str, tuple[float, float]]


def table(rows: Sequence[ComparisonRow]) -> list[list[str]]:
    """For people: a head, and a line for each row, with the figures that any of them has."""
    names = [name for name in COMPARED_FIGURES if any(name in row.figures for row in rows)]
    head = ["run", "runs", "steps", "measured with", *(name.replace("_", " ") for name in names)]
    lines = [
        [
            row.label,
            str(row.runs),
            f"{row.steps:,}",
            row.with_ or "-",
            *(_cell(row.figures.get(name), row.runs) for name in names),
        ]
        for row in rows
    ]
    return [head, *lines]


def compare(runs: Sequence[RunDirectory]) -> list[ComparisonRow]:
    """The table, in the order of the runs.

    Raises:
        UsageError: one of them is no run directory, or its files cannot be read.
    """
    measured = [_measure(run) for run in runs]
    groups: list[list[Measured]] = []
    for one in measured:
        group = next((group for group in groups if _same_recipe(group[0], one)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    labels = {id(one): curves.label(one.run, runs) for one in measured}
    return [_row(group, ", ".join(labels[id(one)] for one in group)) for group in groups]


def _measure(run: RunDirectory) -> Measured:
    """What is known of a run: by ``mnistgan evaluate``, or else while it was trained."""
    config = run.read_config()
    last = 0
    if run.metrics_file.exists():
        last = int(max(tables.read_metrics(run.metrics_file)["step"], default=0))
    if run.figures_file.exists():
        measured = figures.read(run.figures_file)
        return Measured(run, config, last, measured.measured_with, measured.numbers)
    table = tables.read_evaluations(run.evaluations_file)
    if not len(table["step"]):
        return Measured(run, config, last, "", {})
    numbers = {name: float(table[name][-1]) for name in COMPARED_FIGURES if name in table}
    return Measured(run, config, last, f"while training, n={int(table['n'][-1])}", numbers)


def _same_recipe(one: Measured, other: Measured) -> bool:
    keys = toml.changed_keys(one.config, other.config)
    return one.with_ == other.with_ and all(key.startswith(_SAME_RECIPE) for key in keys)


def _row(group: list[Measured], label: str) -> ComparisonRow:
    names = [name for name in COMPARED_FIGURES if all(name in one.figures for one in group)]
    values = {name: np.array([one.figures[name] for one in group]) for name in names}
    with np.errstate(all="ignore"):  # some measures can be infinite
        spread = {
            name: (float(array.mean()), float(array.std(ddof=1)) if len(group) > 1 else 0.0)
            for name, array in values.items()
        }
    return ComparisonRow(label, len(group), max(one.steps for one in group), group[0].with_, spread)


def _cell(value: tuple[float, float] | None, runs: int) -> str:
    if value is None:
        return "-"
    return f"{value[0]:.4g}" if runs == 1 else f"{value[0]:.4g} ± {value[1]:.2g}"


# Files -----------------------------------------------------------------------------------------


def to_csv(rows: Sequence[ComparisonRow]) -> str:
    """The table for machines: a column for each figure's mean and for its standard deviation."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column for name in COMPARED_FIGURES for column in (name, f"{name}_std")]
    writer.writerow(["run", "runs", "steps", "measured_with", *columns])
    for row in rows:
        pairs = [row.figures.get(name, ("", "")) for name in COMPARED_FIGURES]
        numbers = [number for pair in pairs for number in pair]
        writer.writerow([row.label, row.runs, row.steps, row.with_, *numbers])
    return text.getvalue()


def to_markdown(rows: Sequence[ComparisonRow]) -> str:
    """The table for a README."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    head, *body = table(rows)
    lines = [line(head), line(["---"] * len(head)), *map(line, body)]
    return "\n".join(lines) + "\n"


def save(folder: Path, runs: Sequence[RunDirectory], rows: Sequence[ComparisonRow]) -> list[Path]:
    """Write table.csv, table.md, curves.png and, where runs share epochs, grids.png.

    Raises:
        UsageError: a run has no metrics.csv, or a file cannot be written.
    """
    picture = shared_grids(runs)
    curves.plot_runs(runs, folder / "curves.png")  # before the table: a run may have no numbers
    write_text(folder / "table.csv", to_csv(rows))
    write_text(folder / "table.md", to_markdown(rows))
    files = [folder / name for name in ("table.csv", "table.md", "curves.png")]
    if picture is not None:
        grids.save_png(folder / "grids.png", picture)
        files.append(folder / "grids.png")
    return files


def shared_grids(runs: Sequence[RunDirectory]) -> Picture | None:
    """A row a run, a column an epoch of up to five that all have; None where they share none."""
    indexes = [_grids_of(run) for run in runs]
    shared = sorted(set.intersection(*(set(index) for index in indexes)))
    if not shared:
        return None
    epochs = [shared[place] for place in grids.spread(len(shared), _GRID_EPOCHS)]
    rows = [
        grids.beside(
            [
                grids.caption(
                    grids.read_png(index[epoch]), f"{curves.label(run, runs)}, epoch {epoch}"
                )
                for epoch in epochs
            ]
        )
        for run, index in zip(runs, indexes, strict=True)
    ]
    return grids.stacked(rows)


def _grids_of(run: RunDirectory) -> dict[int, Path]:
    return {grid.epoch: grid.file for grid in tables.read_samples(run.samples)}
