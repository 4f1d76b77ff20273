"""Runs the watch over the files of a finished run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from mnistgan.arrays import Images
from mnistgan.config import RunConfig
from mnistgan.evaluation.watch import watch_for
from mnistgan.events import EpochEnded, StepMetrics
from mnistgan.rendering import grids
from mnistgan.rendering.curves import MetricsTable
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory


def warnings(run: RunDirectory, config: RunConfig, metrics: MetricsTable) -> list[str]:
    """The warnings of the watch about all steps and grids of a run, in the order of training.

    Args:
        run: the run.
        config: its config.
        metrics: the columns of its metrics.csv.

    Raises:
        UsageError: a grid cannot be read.
    """
    watch = watch_for(config)
    size = config.data.image_size
    real = run.samples / "real.png"
    if real.is_file():
        watch.begin(_images(real, size))
    columns = [metrics[name].tolist() for name in tables.METRICS_COLUMNS]
    steps = (
        StepMetrics(int(step), int(epoch), *numbers)
        for step, epoch, *numbers in zip(*columns, strict=True)
    )
    epochs = (
        EpochEnded(grid.epoch, grid.step, _images(grid.file, size))
        for grid in tables.existing_samples(run.samples)
    )
    events: Iterator[StepMetrics | EpochEnded] = itertools.chain(steps, epochs)
    # The watch keeps steps and images apart, so their order among each other does not matter.
    found = [(event.step, warning) for event in events for warning in watch.look(event)]
    return [warning for _, warning in sorted(found, key=lambda pair: pair[0])]


def _images(grid: Path, size: int) -> Images:
    return grids.ungrid(grids.read_grid(grid, size), size)
