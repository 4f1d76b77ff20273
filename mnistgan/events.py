"""What a run tells the world, in the order in which it happens.

A run is a stream of these events: first :class:`RunStarted`, then :class:`StepMetrics` for every
step and :class:`EpochEnded` after each epoch's last step, with :class:`Evaluated`,
:class:`CheckpointSaved` and :class:`Warned` in between, and :class:`RunEnded` last. Of a run that
fails the outputs see RunEnded too; its caller gets the exception instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from mnistgan.arrays import Images
from mnistgan.config import RunConfig, ScoreKind

__all__ = [
    "Images",
    "RunStarted",
    "StepMetrics",
    "EpochEnded",
    "Evaluated",
    "CheckpointSaved",
    "Warned",
    "RunEnded",
    "Event",
    "EndReason",
    "score_names",
]

EndReason: TypeAlias = Literal["finished", "stopped", "max_minutes", "collapsed", "failed"]


@dataclass(frozen=True)
class RunStarted:
    """The run is about to take its first step, or, when ``step`` > 0, to go on after that step."""

    config: RunConfig
    step: int
    steps_per_epoch: int
    total_steps: int
    device: str
    precision: str
    """The format in which the layers multiply: ``float32`` or ``bfloat16``."""
    acceleration: str
    """How a step is carried out: ``none`` or ``graph``."""
    ranks: int
    """How many processes train together."""
    data_source: str
    data_count: int
    parameters_g: int
    parameters_d: int
    real_images: Images
    """A first few training images."""


@dataclass(frozen=True)
class StepMetrics:
    """One step's numbers. A step is one update of G; steps and epochs count from 1."""

    step: int
    epoch: int
    loss_d: float
    """What D minimised, penalties included."""
    loss_g: float
    d_real: float
    """D(x), of the kind that ``TrainConfig.score_kind`` says."""
    d_fake_before: float
    """D(G(z1)): the same on fakes, before D's update."""
    d_fake_after: float
    """D(G(z2)): on the same fakes, after D's update."""
    images_per_second: float
    """Real images per second, averaged since the numbers were last read back."""


@dataclass(frozen=True)
class EpochEnded:
    """An epoch's last step is done; the fixed noise gives these images now."""

    epoch: int
    step: int
    images: Images


@dataclass(frozen=True)
class Evaluated:
    """The generator was measured after an epoch.

    Attributes:
        epoch: after which.
        step: its last one.
        n: how many images were drawn.
        measured_with: what must stand beside the Frechet distance: the classifier's name, and n.
        figures: the measures by name; see :class:`mnistgan.evaluation.results.Figures`.
        is_best: whether it is the best generator of this run so far: the one with the smallest
            Frechet distance, but none that has collapsed while there is one that has not.
        verdict: one sentence about the images; see :mod:`mnistgan.evaluation.verdict`.
    """

    epoch: int
    step: int
    n: int
    measured_with: str
    figures: Mapping[str, float]
    is_best: bool
    verdict: str = ""


@dataclass(frozen=True)
class CheckpointSaved:
    """The training state after a step is safe on disk."""

    step: int
    path: Path


@dataclass(frozen=True)
class Warned:
    """Something that the user should know, in one sentence; the run goes on."""

    message: str


@dataclass(frozen=True)
class RunEnded:
    """The run takes no more steps.

    Attributes:
        reason: why.
        step: the last one.
        epoch: the last one.
        verdict: the verdict of the last measurement; if nothing was measured, what the watch found.
            Empty if neither has something to say.
    """

    reason: EndReason
    step: int
    epoch: int
    verdict: str = ""


Event: TypeAlias = (
    RunStarted | StepMetrics | EpochEnded | Evaluated | CheckpointSaved | Warned | RunEnded
)


def score_names(kind: ScoreKind) -> tuple[str, str]:
    """How to label the scores of real and of fake images."""
    return ("critic(x)", "critic(G(z))") if kind == "critic" else ("D(x)", "D(G(z))")
