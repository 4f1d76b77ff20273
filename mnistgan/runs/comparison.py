"""Comparison of runs: verdicts, a table, the image grids of the same epochs, and curves.

Runs that differ only in their seed share a column of the table, with mean and standard deviation.
Everything is read from the run directories. Imports no torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mnistgan.config import RunConfig, toml
from mnistgan.evaluation import figures
from mnistgan.evaluation.verdict import Verdict, judge
from mnistgan.rendering import curves, grids
from mnistgan.rendering.grids import Picture
from mnistgan.runs.equality import WITHOUT_EFFECT
from mnistgan.storage import tables
from mnistgan.storage.atomic import make_folder, write_text
from mnistgan.storage.figures_file import is_outdated
from mnistgan.storage.run_directory import RunDirectory

_LEFT_OUT = ("kernel_distance_std", "confidence", "kl_to_labels", "kl_to_uniform")
COMPARED_FIGURES = [name for name in tables.LABELED_FIGURES if name not in _LEFT_OUT]
_TITLES = {one.name: one.title for one in figures.MEASURES}
_LOW_IS_BEST = ("frechet_distance", "kernel_distance", "missing_classes")
_HIGH_IS_BEST = ("precision", "recall", "coverage", "classifier_score", "agreement")

# Runs that differ in how often they were measured are comparable.
_WITHOUT_EFFECT = (*WITHOUT_EFFECT, "evaluate.")
_UNNAMED = (*_WITHOUT_EFFECT, "model.classes")  # the classes follow from the data
_GRID_EPOCHS = 5  # most columns of grids.png


@dataclass(frozen=True)
class Measured:
    """The figures of one run.

    Attributes:
        label: name of the run in tables and pictures.
        config: config of the run.
        steps: number of steps trained.
        measured_with: how the figures were measured; empty without figures.
        figures: by name.
        verdict: on its images; None if nothing was measured.
    """

    label: str
    config: RunConfig
    steps: int
    measured_with: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict | None = None


@dataclass(frozen=True)
class ComparisonRow:
    """Runs that differ only in their seed; each figure as mean and standard deviation."""

    members: Sequence[Measured]
    figures: Mapping[str, tuple[float, float]]

    @property
    def label(self) -> str:
        """The names of the runs."""
        return ", ".join(one.label for one in self.members)

    @property
    def runs(self) -> int:
        """The number of runs."""
        return len(self.members)

    @property
    def steps(self) -> int:
        """The number of steps of the longest run."""
        return max(one.steps for one in self.members)

    @property
    def measured_with(self) -> str:
        """How the figures were measured; empty without figures."""
        return self.members[0].measured_with


def compare(runs: Sequence[RunDirectory]) -> list[ComparisonRow]:
    """The rows of the comparison, in the order of the runs.

    Raises:
        UsageError: one of the paths is not a run directory, or one of its files cannot be read.
    """
    groups: list[list[Measured]] = []
    for run in runs:
        one = _measure(run, curves.label(run, runs))
        group = next((group for group in groups if _is_other_seed(one, group)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return [_row(group) for group in groups]


def repeated(rows: Sequence[ComparisonRow]) -> list[str]:
    """A sentence about each two runs that have the same config and seed."""
    members = [one for row in rows for one in row.members]
    return [
        f"{one.label} and {other.label} have the same config and seed; they are not averaged"
        for one, other in itertools.combinations(members, 2)
        if not _different_keys(one, other)
    ]


def is_comparable(rows: Sequence[ComparisonRow]) -> bool:
    """Whether all figures were measured in the same way."""
    return len({row.measured_with for row in rows if row.figures}) <= 1


def _measure(run: RunDirectory, label: str) -> Measured:
    """The figures of ``mnistgan evaluate`` or, without these, the last ones of training."""
    config, steps = run.read_config(), 0
    if run.metrics_file.exists():
        steps = int(max(tables.read_metrics(run.metrics_file)["step"], default=0))
    if run.figures_file.exists() and not is_outdated(run.figures_file):
        found = figures.read(run.figures_file)
        how, numbers, verdict = found.measured_with, found.numbers, found.verdict
        return Measured(label, config, steps, how, numbers, verdict)
    last = figures.while_training(run, config.data.image_size)
    if not last:
        return Measured(label, config, steps)
    return Measured(label, config, steps, f"while training, n={int(last['n'])}", last, judge(last))


def _is_other_seed(one: Measured, group: Sequence[Measured]) -> bool:
    """Whether a run differs from each run of a group in its seed alone.

    A run with a seed that the group has already would count as an independent one in its mean and
    standard deviation, and is not.
    """
    return all(
        one.measured_with == other.measured_with and _different_keys(one, other) == {"seed"}
        for other in group
    )


def _different_keys(one: Measured, other: Measured) -> set[str]:
    """The keys that have an effect, and differ."""
    keys = toml.changed_keys(one.config, other.config)
    return {key for key in keys if not key.startswith(_WITHOUT_EFFECT)}


def _row(group: list[Measured]) -> ComparisonRow:
    spread = {}
    for name in COMPARED_FIGURES:
        if all(name in one.figures for one in group):
            values = np.array([one.figures[name] for one in group])
            with np.errstate(all="ignore"):  # figures can be infinite
                # ddof=1: the runs are a sample of all seeds, so the mean is estimated from them,
                # too.
                std = float(values.std(ddof=1)) if len(group) > 1 else 0.0
                spread[name] = (float(values.mean()), std)
    return ComparisonRow(group, spread)


# The table -------------------------------------------------------------------------------------


def verdicts(rows: Sequence[ComparisonRow]) -> list[tuple[str, str]]:
    """The name of each run, and the verdict on it."""
    members = [one for row in rows for one in row.members]
    return [(one.label, str(one.verdict or "Not measured.")) for one in members]


def table(rows: Sequence[ComparisonRow]) -> list[list[str]]:
    """The table as text, header first: a column for each row of the comparison.

    It has the figures that at least one of them has, with ``*`` at the best.
    """
    names = [name for name in COMPARED_FIGURES if any(name in row.figures for row in rows)]
    lines = [["", *(row.label for row in rows)]]
    if any(row.runs > 1 for row in rows):
        lines.append(["runs", *(str(row.runs) for row in rows)])
    lines.append(["steps", *(f"{row.steps:,}" for row in rows)])
    lines.append(["measured with", *(row.measured_with or "-" for row in rows)])
    for name in names:
        best = _best(rows, name)
        cells = (("*" if row in best else "") + _cell(row, name) for row in rows)
        lines.append([_TITLES.get(name, name.replace("_", " ")), *cells])
        if best:
            lines[0][0] = "* is best"
    return lines


def settings(rows: Sequence[ComparisonRow]) -> list[list[str]]:
    """The keys in which the configs differ, with their values: text, header first."""
    lines = [["config", *(row.label for row in rows)]]
    for key, values in _differing(rows).items():
        cells = (dict.fromkeys(map(_setting, row)) for row in values)
        lines.append([key, *(", ".join(cell) for cell in cells)])
    return lines


def _differing(rows: Sequence[ComparisonRow]) -> dict[str, list[list[Any]]]:
    """The keys in which the configs differ, each with its values by row and by member."""
    flat = [[toml.flatten(toml.to_table(one.config)) for one in row.members] for row in rows]
    every = list(itertools.chain(*flat))
    return {
        key: [[one.get(key) for one in row] for row in flat]
        for key in dict.fromkeys(itertools.chain(*every))
        if not key.startswith(_UNNAMED) and any(one.get(key) != every[0].get(key) for one in every)
    }


def _best(rows: Sequence[ComparisonRow], name: str) -> list[ComparisonRow]:
    """The rows with the best value of a figure; none if that cannot be said.

    A collapsed generator has none: its precision may be 1.
    """
    if name not in _LOW_IS_BEST + _HIGH_IS_BEST or not is_comparable(rows):
        return []
    values = [row.figures[name][0] for row in rows if name in row.figures]
    if len(set(values)) < 2:
        return []
    sound = [
        row
        for row in rows
        if name in row.figures
        and not any(one.verdict is not None and one.verdict.is_failure for one in row.members)
    ]
    choose = min if name in _LOW_IS_BEST else max
    best = choose((row.figures[name][0] for row in sound), default=None)
    return [row for row in sound if row.figures[name][0] == best]


def _cell(row: ComparisonRow, name: str) -> str:
    if name not in row.figures:
        return "-"
    mean, std = row.figures[name]
    return f"{mean:.4g}" if row.runs == 1 else f"{mean:.4g} ± {std:.2g}"


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)


# Files -----------------------------------------------------------------------------------------


def to_json(rows: Sequence[ComparisonRow]) -> dict[str, Any]:
    """The rows as plain values for JSON; the keys are the attributes.

    A standard deviation is None for a single run, and ``settings`` are the keys in which the
    configs differ, with their values.
    """
    # Only these keys: whole configs would hide the few lines in which the runs differ.
    differing = _differing(rows)

    def member(row: int, number: int, one: Measured) -> dict[str, Any]:
        return {
            "label": one.label,
            "steps": one.steps,
            "measured_with": one.measured_with,
            "figures": dict(one.figures),
            "verdict": None if one.verdict is None else str(one.verdict),
            "settings": {key: values[row][number] for key, values in differing.items()},
        }

    return {
        "is_comparable": is_comparable(rows),
        "rows": [
            {
                "label": row.label,
                "runs": row.runs,
                "steps": row.steps,
                "measured_with": row.measured_with,
                "figures": {
                    name: {"mean": mean, "std": std if row.runs > 1 else None}
                    for name, (mean, std) in row.figures.items()
                },
                "members": [member(place, *one) for one in enumerate(row.members)],
            }
            for place, row in enumerate(rows)
        ],
    }


def to_csv(rows: Sequence[ComparisonRow]) -> str:
    """The table as CSV, with a column for the mean and one for the standard deviation."""
    columns = [column for name in COMPARED_FIGURES for column in (name, f"{name}_std")]
    lines: list[Sequence[object]] = [["run", "runs", "steps", "measured_with", *columns]]
    for row in rows:
        pairs = [row.figures.get(name, ("", "")) for name in COMPARED_FIGURES]
        lines.append([row.label, row.runs, row.steps, row.measured_with, *itertools.chain(*pairs)])
    return tables.to_csv(lines)


def to_markdown(rows: Sequence[ComparisonRow]) -> str:
    """The verdicts, the table and the settings in Markdown."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    said = [f"- {name}: {verdict}" for name, verdict in verdicts(rows)]
    rule = ["---", *["---:"] * len(rows)]
    lines = said
    for head, *body in (table(rows), settings(rows)):
        if body:
            lines += ["", line(head), line(rule), *map(line, body)]
    return "\n".join(lines) + "\n"


def save(folder: Path, runs: Sequence[RunDirectory], rows: Sequence[ComparisonRow]) -> list[Path]:
    """Write table.csv, table.md, curves.png and, if the runs have epochs in common, grids.png.

    Raises:
        UsageError: a run has no metrics.csv, or a file cannot be written.
    """
    make_folder(folder)
    picture = shared_grids(runs)
    names = ["table.csv", "table.md", "curves.png", *(["grids.png"] if picture is not None else [])]
    # First, because it fails for runs without steps: no other file is written then.
    curves.plot_runs(runs, folder / "curves.png")
    write_text(folder / "table.csv", to_csv(rows))
    write_text(folder / "table.md", to_markdown(rows))
    if picture is not None:
        grids.save_png(folder / "grids.png", picture)
    return [folder / name for name in names]


def shared_grids(runs: Sequence[RunDirectory]) -> Picture | None:
    """One row per run, one column per epoch: up to five epochs that all runs have, or None."""
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
