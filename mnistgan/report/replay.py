"""Applies the watch to the files of a run."""

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
    """The warnings of the watch about all steps and grids of a run, in order of training.

    Args:
        run: the run.
        config: config of the run.
        metrics: columns of its metrics.csv.

    Raises:
        UsageError: a grid cannot be read.
    """
    # Computed again, because warnings are printed but not stored: a page can be made of any run.
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
    # The watch handles steps and images separately, so all steps may come before all images.
    found = [(event.step, warning) for event in events for warning in watch.look(event)]
    return [warning for _, warning in sorted(found, key=lambda pair: pair[0])]


def _images(grid: Path, size: int) -> Images:
    return grids.ungrid(grids.read_grid(grid, size), size)
