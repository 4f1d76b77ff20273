"""Evaluation of a generator during training."""

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


class Monitor:
    """Evaluates the generator of one run, and remembers the best result.

    Attributes:
        best: the smallest Frechet distance so far; infinite before the first measurement.
        last: the step of the last measurement; 0 before the first.

    Args:
        config: of the run.
        data: the training images.
        on_progress: called while the real images are classified.

    Raises:
        DataError: the data has no labels to train a classifier on.
    """

    def __init__(
        self, config: RunConfig, data: ImageSet, on_progress: OnProgress = no_progress
    ) -> None:
        self._config = config
        self._reference = reference.load(config.data, on_progress, data)
        self.best = math.inf
        self.last = 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint saves, so that a resumed run does not forget its best generator."""
        return {"best": self.best, "last": self.last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state` returned.

        Raises:
            LookupError, TypeError, ValueError, ArithmeticError: it is something else.
        """
        self.best, self.last = float(state["best"]), int(state["last"])

    def is_due(self, epoch: int, step: int) -> bool:
        """Whether to measure after an epoch that ended with this step."""
        return epoch % self._config.evaluate.every == 0 and step != self.last

    def measure(self, generator: Generator) -> Evaluated:
        """Draw images with the run's seed, and measure them.

        Changes nothing: a stop may interrupt it at any point. :meth:`remember` what it returns.
        """
        count, seed = self._config.evaluate.n, self._config.seed
        images, labels = sampler.sample_labeled(generator, count, sampler.SamplingOptions(seed))
        predictions = self._reference.classifier.network.predict(images)
        figures = results.measure(predictions, self._reference, seed, labels=labels).numbers()
        return Evaluated(
            epoch=generator.epoch,
            step=generator.step,
            n=count,
            measured_with=f"{self._reference.classifier.name}, n={count}",
            figures=figures,
            is_best=figures["frechet_distance"] < self.best,
        )

    def remember(self, measured: Evaluated) -> None:
        """Take a measurement into the state that a checkpoint saves."""
        self.best = min(self.best, measured.figures["frechet_distance"])
        self.last = measured.step
