"""Whether two runs are equal: the same numbers, images and weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistgan.config import toml
from mnistgan.rendering import grids
from mnistgan.rendering.curves import MetricsTable
from mnistgan.storage import checkpoint, tables
from mnistgan.storage.run_directory import RunDirectory

_RATE = "images/s"

WITHOUT_EFFECT = ("name", "outputs", "data.root", "checkpoint.", "watch.")
"""Keys, or prefixes of keys, that do not change the numbers, images and weights of a run."""


def differences(one: RunDirectory, other: RunDirectory) -> list[str]:
    """In what two runs differ, one sentence for each file; empty if they are equal.

    Rates, times, names and paths are not compared, and neither are checkpoints.

    Raises:
        UsageError: one of them is not a run directory, or its files cannot be read.
    """
    return [*_configs(one, other), *_tables(one, other), *_grids(one, other), *_weights(one, other)]


def _configs(one: RunDirectory, other: RunDirectory) -> Iterator[str]:
    for key, (left, right) in toml.changed_keys(one.read_config(), other.read_config()).items():
        if not key.startswith(WITHOUT_EFFECT):
            yield f"config.toml: {key} is {left} and {right}"


def _tables(one: RunDirectory, other: RunDirectory) -> Iterator[str]:
    for left, right, read in (
        (one.metrics_file, other.metrics_file, tables.read_metrics),
        (one.evaluations_file, other.evaluations_file, tables.read_evaluations),
    ):
        if lack := _lack(left, right):
            yield lack
        elif left.exists() and (difference := _numbers(read(left), read(right))):
            yield f"{left.name}: {difference}"


def _numbers(one: MetricsTable, other: MetricsTable) -> str:
    """The first difference of two tables."""
    if one.keys() != other.keys():
        return "the columns differ"
    both = min(len(one["step"]), len(other["step"]))
    for row in range(both):
        for name in one:
            left, right = one[name][row], other[name][row]
            if name != _RATE and left != right and not (np.isnan(left) and np.isnan(right)):
                return f"{name} is {left:.9g} and {right:.9g} in row {row + 1:,}"
    if len(one["step"]) != len(other["step"]):
        return f"{len(one['step']):,} and {len(other['step']):,} rows"
    return ""


def _grids(one: RunDirectory, other: RunDirectory) -> Iterator[str]:
    ours, theirs = (
        {grid.file.name: grid for grid in tables.read_samples(run.samples)} for run in (one, other)
    )
    for name in dict.fromkeys((*ours, *theirs)):
        if name not in ours or name not in theirs:
            yield f"samples/{name}: only one of the runs has it"
            return
        left, right = (grids.read_png(side[name].file) for side in (ours, theirs))
        if not np.array_equal(left, right):
            yield f"samples/{name}: the images differ"
            return


def _weights(one: RunDirectory, other: RunDirectory) -> Iterator[str]:
    for left, right in (
        (one.generator_file, other.generator_file),
        (one.best_file, other.best_file),
    ):
        if lack := _lack(left, right):
            yield lack
        elif left.exists():
            ours, theirs = (checkpoint.read_file(path).weights for path in (left, right))
            if ours.keys() != theirs.keys() or not all(
                ours[name].equal(theirs[name]) for name in ours
            ):
                yield f"{left.name}: the weights differ"


def _lack(left: Path, right: Path) -> str:
    return f"{left.name}: only one of the runs has it" if left.exists() != right.exists() else ""
