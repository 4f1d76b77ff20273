"""Evaluation of a generator during training."""

import math
from collections.abc import Mapping
from typing import Any

from mnistgan.config import RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.evaluation import reference, results
from mnistgan.evaluation.verdict import Verdict
from mnistgan.events import Evaluated
from mnistgan.progress import OnProgress, no_progress
from mnistgan.sampling import blocks
from mnistgan.sampling.generator import Generator


class Monitor:
    """Evaluates the generator of one run, and keeps the best result.

    Attributes:
        best: Frechet distance of the best generator so far; infinite before the first measurement.
        last: the step of the last measurement; 0 before the first.

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
        self.best = math.inf
        self._has_failed = True  # whether the verdict on the best one is a failure
        self.last = 0

    @property
    def has_measured(self) -> bool:
        """Whether the run was ever measured."""
        return self.last > 0

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint: the best Frechet distance and the last measured step."""
        # Without it, a resumed run would replace its best generator by a worse one.
        return {"best": self.best, "has_failed": self._has_failed, "last": self.last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state` returned.

        Raises:
            LookupError, TypeError, ValueError, ArithmeticError: the state is invalid.
        """
        self.best, self.last = float(state["best"]), int(state["last"])
        # Older checkpoints lack it.
        self._has_failed = bool(state.get("has_failed", math.isinf(self.best)))

    def is_due(self, epoch: int, step: int) -> bool:
        """Whether to measure after an epoch that ended with this step."""
        return epoch % self._config.evaluate.every == 0 and step != self.last

    def measure(self, generator: Generator) -> tuple[Evaluated, Verdict]:
        """Generate images with the run's seed, and measure them.

        Changes nothing, so a stop may interrupt it at any point. Give what it returns
        to :meth:`remember`.
        """
        # The same seed each time: figures of one run differ by the weights alone, not by the noise.
        count, seed = self._config.evaluate.n, self._config.seed
        images, labels = blocks.sample_labeled(generator, count, blocks.SamplingOptions(seed))
        predictions = self._reference.classifier.network.predict(images)
        figures = results.measure(predictions, self._reference, seed, labels=labels, images=images)
        numbers, verdict = figures.numbers(), figures.verdict()
        rank = (verdict.is_failure, numbers["frechet_distance"])
        measured = Evaluated(
            epoch=generator.epoch,
            step=generator.step,
            n=count,
            measured_with=f"{self._reference.classifier.name}, n={count}",
            figures=numbers,
            is_best=rank < (self._has_failed, self.best),
            verdict=str(verdict),
        )
        return measured, verdict

    def remember(self, measured: Evaluated, verdict: Verdict) -> None:
        """Add a measurement to the state that a checkpoint saves."""
        if measured.is_best:
            self._has_failed, self.best = verdict.is_failure, measured.figures["frechet_distance"]
        self.last = measured.step
