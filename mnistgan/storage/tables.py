"""The tables of a run: metrics.csv, evaluations.csv, samples/index.csv. Does not import torch.

Users' scripts read these files, so the columns have the same names and order for every loss.
"""

import csv
import dataclasses
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from mnistgan import arguments
from mnistgan.errors import UsageError
from mnistgan.events import Evaluated, StepMetrics
from mnistgan.storage.atomic import read_bytes, write_text
from mnistgan.text import decoded

METRICS_COLUMNS = ("step", "epoch", "loss_D", "loss_G", "D(x)", "D(G(z1))", "D(G(z2))", "images/s")
SAMPLES_COLUMNS = ("epoch", "step", "file")
_DISTANCES = ("frechet_distance", "kernel_distance", "kernel_distance_std")
_NEIGHBORS = ("precision", "recall", "density", "coverage")
_CLASSES = ("classifier_score", "confidence", "kl_to_labels", "kl_to_uniform", "missing_classes")
FIGURES = (*_DISTANCES, *_NEIGHBORS, *_CLASSES)
EVALUATIONS_COLUMNS = ("epoch", "step", "n", *FIGURES)
LABELED_FIGURES = (*FIGURES, "agreement")
"""Figures of a conditional generator."""
LABELED_COLUMNS = ("epoch", "step", "n", *LABELED_FIGURES)

_STEP = r"[0-9]{1,18}"

_GREATEST = float(np.finfo(np.float32).max)
"""Metrics are computed in float32. Sums of larger numbers could overflow when curves are drawn."""


@dataclasses.dataclass(frozen=True)
class SampleGrid:
    """One row of samples/index.csv: the grid of fixed-noise images after an epoch."""

    epoch: int
    step: int
    file: Path


def metrics_row(metrics: StepMetrics) -> list[Any]:
    """A step's metrics in the order of METRICS_COLUMNS."""
    # astuple() gives the fields of StepMetrics in their order, which is that of the columns.
    *numbers, speed = dataclasses.astuple(metrics)
    return [*numbers, round(speed, 1)]


def evaluation_row(event: Evaluated, columns: Sequence[str]) -> list[Any]:
    """An evaluation's figures in the order of the columns."""
    values = {"epoch": event.epoch, "step": event.step, "n": event.n, **event.figures}
    return [values[name] for name in columns]


def read_metrics(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Read metrics.csv: column name -> values.

    Raises:
        UsageError: the file is missing, or is not a metrics.csv of mnistgan.
    """
    return _read_numbers(path, METRICS_COLUMNS)


def read_evaluations(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Read evaluations.csv: column name -> values; no rows if the file is missing.

    Raises:
        UsageError: the file is not an evaluations.csv of mnistgan.
    """
    if not path.exists():
        return {name: np.empty(0) for name in EVALUATIONS_COLUMNS}
    return _read_numbers(path, EVALUATIONS_COLUMNS, LABELED_COLUMNS)


def _read_numbers(path: Path, *heads: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Read a table of numbers whose columns are one of the given headers."""
    columns, rows = _read(path, *heads)
    try:
        table = np.array(rows, dtype=np.float64).reshape(-1, len(columns))
        # Some figures may be NaN or infinite, but no other number; a step is never.
        size = np.abs(table)
        size[~np.isfinite(size) & np.isin(columns, LABELED_FIGURES)] = 0
        if (strange := np.flatnonzero(~(size <= _GREATEST).all(axis=1))).size:
            raise ValueError(f"row {strange[0] + 1} contains a number that no run writes")
    except ValueError as error:
        raise UsageError(f"{path}: is not a {path.name} of mnistgan ({error})") from error
    return {name: table[:, column] for column, name in enumerate(columns)}


def read_samples(folder: Path) -> list[SampleGrid]:
    """Read a samples folder's index.csv, ordered by step; an empty list if it is missing.

    Links are ignored: in a run of unknown origin they may lead to any file.

    Raises:
        UsageError: the index is not one of mnistgan, or names a file twice or outside the folder.
    """
    index = folder / "index.csv"
    if not index.exists():
        return []
    _, rows = _read(index, SAMPLES_COLUMNS)
    try:
        grids = [SampleGrid(int(epoch), int(step), folder / name) for epoch, step, name in rows]
    except ValueError as error:
        raise UsageError(f"{index}: is not an index of mnistgan's samples ({error})") from error
    if any(grid.file.parent != folder for grid in grids):
        raise UsageError(f"{index}: names a file outside its folder; do not use it")
    if len({grid.file for grid in grids}) < len(grids):
        raise UsageError(f"{index}: names a file twice; do not use it")
    own = [grid for grid in grids if not grid.file.is_symlink()]
    return sorted(own, key=lambda grid: grid.step)


def existing_samples(folder: Path) -> list[SampleGrid]:
    """What :func:`read_samples` returns, without the grids whose files are missing."""
    return [grid for grid in read_samples(folder) if grid.file.is_file()]


def continue_table(path: Path, columns: Sequence[str], step: int) -> TextIO:
    """Open a table for appending, without its rows after a step; step 0 starts a new table.

        with continue_table(Path("ink.csv"), ("step", "ink"), 0) as table:
            print("7,0.25", file=table)

    Raises:
        UsageError: an argument has another type, there is no column ``step``, or the file cannot be
            written.
    """
    path, step = arguments.path("path", path), arguments.integer("step", step, 0)
    if not isinstance(columns, list | tuple) or "step" not in columns:
        raise arguments.wrong("columns", "a list of names with 'step' among them", columns)
    # A resumed run continues from its checkpoint's step, but may have written later rows before it
    # was killed. Keeping them would give these steps two rows each.
    at = columns.index("step")
    kept = [row for row in _numbered(path, columns) if int(row[at]) <= step] if step else []
    write_text(path, to_csv([columns, *kept]))
    # Line-buffered: a kill must not lose rows from before the checkpoint that the run resumes from.
    return path.open("a", encoding="utf-8", newline="", buffering=1)


def steps(path: Path, columns: Sequence[str]) -> set[int]:
    """The steps of which :func:`continue_table` would keep a row, however the table is damaged."""
    at = columns.index("step")
    return {int(row[at]) for row in _numbered(path, columns)}


def _numbered(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """The complete rows with a step; none if the file is missing or is not a table."""
    try:
        rows = _lines(path)
    except (OSError, ValueError, csv.Error):
        return []
    at = columns.index("step")
    # 18 digits at most: int() refuses very long numbers.
    return [row for row in rows if len(row) == len(columns) and re.fullmatch(_STEP, row[at])]


def to_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as the text of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _read(path: Path, *heads: Sequence[str]) -> tuple[Sequence[str], list[list[str]]]:
    """The table's columns, which must be one of the given headers, and its rows."""
    try:
        rows = _lines(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path}: is not a CSV file ({error})") from error
    if not rows or tuple(rows[0]) not in heads:
        raise UsageError(f"{path}: does not begin with the columns {','.join(heads[0])}")
    return rows[0], rows[1:]


def _lines(path: Path) -> list[list[str]]:
    """The complete rows of a CSV file."""
    # A full disk or a kill may leave half a row after the last line break.
    # The half row may end within a character, so its bytes are cut off before decoding.
    raw = read_bytes(path)
    end = max(raw.rfind(b"\n"), raw.rfind(b"\r")) + 1
    return list(csv.reader(io.StringIO(decoded(raw[:end]), newline="")))
