"""What the watch sees in a run that is over, from what the run left on disk."""

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
    """The watch's sentences about every step and every grid of a run, in the order of training.

    Args:
        run: whose grids to look at.
        config: of the run.
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
        for grid in tables.read_samples(run.samples)
    )
    events: Iterator[StepMetrics | EpochEnded] = itertools.chain(steps, epochs)
    # It looks at numbers and at images apart, so one after the other is as good as in turn.
    found = [(event.step, finding.message) for event in events for finding in watch.look(event)]
    return [message for _, message in sorted(found, key=lambda pair: pair[0])]


def _images(grid: Path, size: int) -> Images:
    return grids.ungrid(grids.read_grid(grid, size), size)
