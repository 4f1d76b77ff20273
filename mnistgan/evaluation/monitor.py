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
    """Evaluates the generator of one run, and keeps the best result.

    Args:
        config: run config.
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
        self._best = math.inf
        self._has_failed = True  # whether the verdict on the best one is a failure
        self._last = 0  # the step of the last measurement

    @property
    def has_measured(self) -> bool:
        """Whether the run was ever measured."""
        return self._last > 0

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint: the best Frechet distance and the last measured step."""
        # Without it, a resumed run would replace its best generator by a worse one.
        return {"best": self._best, "has_failed": self._has_failed, "last": self._last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state` returned.

        Raises:
            LookupError, TypeError, ValueError, ArithmeticError: the state is invalid.
        """
        self._best, self._last = float(state["best"]), int(state["last"])
        # Older checkpoints lack it.
        self._has_failed = bool(state.get("has_failed", math.isinf(self._best)))

    def is_due(self, epoch: int, step: int) -> bool:
        """Whether to measure after an epoch that ended with this step."""
        return epoch % self._config.evaluate.every == 0 and step != self._last

    def measure(self, generator: Generator) -> Evaluated:
        """Generate images with the run's seed, and measure them."""
        # The same seed each time: figures of one run differ by the weights alone, not by the noise.
        count, seed = self._config.evaluate.n, self._config.seed
        images, labels = sampler.sample_labeled(generator, count, sampler.SamplingOptions(seed))
        predictions = self._reference.classifier.network.predict(images)
        figures = results.measure(predictions, self._reference, seed, labels=labels, images=images)
        numbers, verdict = figures.numbers(), figures.verdict()
        distance = numbers["frechet_distance"]
        is_best = (verdict.is_failure, distance) < (self._has_failed, self._best)
        if is_best:
            self._has_failed, self._best = verdict.is_failure, distance
        self._last = generator.step
        return Evaluated(
            epoch=generator.epoch,
            step=generator.step,
            n=count,
            measured_with=f"{self._reference.classifier.name}, n={count}",
            figures=numbers,
            is_best=is_best,
            verdict=str(verdict),
        )
