"""What looks at a generator while it is trained: measurements, and the watch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mnistgan.config import RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.evaluation import reference, results
from mnistgan.events import Evaluated
from mnistgan.progress import OnProgress, no_progress
from mnistgan.sampling import sampler
from mnistgan.sampling.generator import Generator


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
        self._last = 0  # step that was measured

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, whichever outputs are on: the best stays the best."""
        return {"best": self._best, "last": self._last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state` was taken.

        Raises:
            LookupError, TypeError, ValueError, ArithmeticError: it was not.
        """
        self._best, self._last = float(state["best"]), int(state["last"])

    def is_due(self, epoch: int, step: int) -> bool:
        """Whether an epoch that ended with this step is one to measure after."""
        return epoch % self._config.evaluate.every == 0 and step != self._last

    def measure(self, generator: Generator) -> Evaluated:
        """Draw images by the run's seed, and measure them."""
        count, seed = self._config.evaluate.n, self._config.seed
        images, labels = sampler.sample_labeled(generator, count, sampler.SamplingOptions(seed))
        seen = self._reference.classifier.see(images)
        figures = results.figures(seen, self._reference, seed, labels=labels).numbers()
        is_best = figures["frechet_distance"] < self._best
        self._best = min(self._best, figures["frechet_distance"])
        self._last = generator.step
        return Evaluated(
            epoch=generator.epoch,
            step=generator.step,
            n=count,
            measured_with=f"{self._reference.classifier.name}, n={count}",
            figures=figures,
            is_best=is_best,
        )
