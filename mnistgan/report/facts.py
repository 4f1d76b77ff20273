"""What a run directory tells of its run, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistgan.config import RunConfig
from mnistgan.evaluation import figures
from mnistgan.evaluation.figures import Measurement
from mnistgan.rendering.curves import MetricsTable
from mnistgan.report import charts, embedded_images, replay, words
from mnistgan.report.by_class import ByClass, by_class
from mnistgan.report.charts import Chart
from mnistgan.report.embedded_images import Grid, Still
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory


@dataclass(frozen=True)
class Facts:
    """A run, as a page tells of it.

    Attributes:
        name: of its folder, without the folders above: the page is the same wherever it lies.
        config: its recipe.
        environment: versions, device, command line, as far as they are known.
        steps: updates of G.
        epochs: that have ended.
        seconds: that training took; without measuring, drawing and saving.
        warnings: what the watch says.
        curves: of the training.
        measured: curves of what was measured while training.
        measured_count: of how many images each; None where nothing was measured.
        growth: how the quality grew, in sentences.
        measurement: what ``mnistgan evaluate`` measured, or None.
        grids: what the fixed noise gave after each epoch, or after some.
        real: real images, or None.
        moving: the grids as a moving picture, or None.
        has_large_moving: whether there is one that is too large for the page.
        by_class: images of the generator, sorted.
    """

    name: str
    config: RunConfig
    environment: Mapping[str, Any]
    steps: int
    epochs: int
    seconds: float
    warnings: list[str]
    curves: list[Chart]
    measured: list[Chart]
    measured_count: int | None
    growth: list[str]
    measurement: Measurement | None
    grids: list[Grid]
    real: Still | None
    moving: Still | None
    has_large_moving: bool
    by_class: ByClass

    @property
    def is_finished(self) -> bool:
        """Whether it went through all its epochs."""
        return self.epochs >= self.config.train.epochs


def gather(run: RunDirectory) -> Facts:
    """Read a run directory, of which all but the config may be missing.

    Raises:
        UsageError: it is no run directory, or one of its files cannot be read.
    """
    config = run.read_config()
    size = config.data.image_size
    metrics = _metrics(run)
    evaluations = tables.read_evaluations(run.evaluations_file)
    gif = run.path / "training.gif"
    has_gif = gif.is_file() and not gif.is_symlink()  # a stranger's link may lead anywhere
    moving = embedded_images.moving(gif) if has_gif else None
    return Facts(
        name=run.path.resolve().name,
        config=config,
        environment=run.read_environment(),
        steps=int(max(metrics["step"], default=0)),
        epochs=_epochs(run, metrics),
        seconds=_seconds(metrics, config),
        warnings=replay.warnings(run, config, metrics),
        curves=charts.of_training(metrics, config.train.score_kind),
        measured=charts.of_measuring(evaluations),
        measured_count=int(evaluations["n"][-1]) if len(evaluations["n"]) else None,
        growth=words.growth(evaluations, has_best=run.best_file.is_file()),
        measurement=figures.read(run.figures_file) if run.figures_file.is_file() else None,
        grids=embedded_images.grids(run, size),
        real=embedded_images.real(run, size),
        moving=moving,
        has_large_moving=has_gif and moving is None,
        by_class=by_class(run, config),
    )


def _metrics(run: RunDirectory) -> MetricsTable:
    if not run.metrics_file.exists():
        return {name: np.empty(0) for name in tables.METRICS_COLUMNS}
    return tables.read_metrics(run.metrics_file)


def _epochs(run: RunDirectory, metrics: MetricsTable) -> int:
    """How many epochs have ended: the last one if it has as many steps as the first."""
    epochs = metrics["epoch"]
    if not len(epochs):
        return 0
    last = int(epochs.max())
    if last == 1:
        drawn = tables.read_samples(run.samples)
        return int(not drawn or drawn[0].epoch == 1)
    return last if (epochs == last).sum() >= (epochs == epochs[0]).sum() else last - 1


def _seconds(metrics: MetricsTable, config: RunConfig) -> float:
    """From the rates that stand beside the steps, which are written to a tenth."""
    rates = metrics["images/s"]
    per_step = config.train.batch_size * config.train.d_steps
    return float(per_step * (1 / rates[rates >= 0.1]).sum())
