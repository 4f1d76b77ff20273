"""Measuring a generator while it is trained."""

from __future__ import annotations

import math

import numpy as np

from mnistgan import history, sampling
from mnistgan.config import RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.evaluation import reference, report
from mnistgan.events import Evaluated
from mnistgan.progress import OnProgress, no_progress
from mnistgan.rundir import RunDirectory
from mnistgan.sampling import Generator


class Measuring:
    """The measurements of one run.

    Args:
        config: of the run.
        data: that it is trained on.
        on_progress: called while the real images are seen.

    Raises:
        DataError: the data has no labels, so that no classifier can be trained.
    """

    def __init__(
        self, config: RunConfig, data: ImageSet, on_progress: OnProgress = no_progress
    ) -> None:
        self._config = config
        self._reference = reference.load(config.data, on_progress, data)
        self._best = math.inf
        self._measured: set[int] = set()  # steps, of the run before it was resumed

    def resume(self, run: RunDirectory, step: int) -> None:
        """Take up what was measured up to a step, so that the best stays the best."""
        table = history.read_evaluations(run.evaluations_file)
        before = table["frechet_distance"][table["step"] <= step]
        self._best = min(before.tolist(), default=math.inf)
        self._measured = set(table["step"].astype(int).tolist())

    def is_due(self, epoch: int, step: int) -> bool:
        """Whether an epoch that ended with this step is one to measure after."""
        return epoch % self._config.evaluate.every == 0 and step not in self._measured

    def measure(self, generator: Generator) -> Evaluated:
        """Draw images by the run's seed, and measure them."""
        count, seed = self._config.evaluate.n, self._config.seed
        images = np.concatenate(list(sampling.sample_blocks(generator, count, seed)))
        seen = self._reference.classifier.see(images)
        figures = report.figures(seen, self._reference, seed).numbers()
        is_best = figures["frechet_distance"] < self._best
        self._best = min(self._best, figures["frechet_distance"])
        return Evaluated(
            epoch=generator.epoch,
            step=generator.step,
            n=count,
            measured_with=f"{self._reference.classifier.name}, n={count}",
            figures=figures,
            is_best=is_best,
        )
