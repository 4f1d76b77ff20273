"""The events of a training run.

A run is a stream of these events: first :class:`RunStarted`, then :class:`StepMetrics` for every
step and :class:`EpochEnded` after each epoch's last step, with :class:`Evaluated`,
:class:`CheckpointSaved` and :class:`Warned` in between, and :class:`RunEnded` last. If a run fails,
its outputs receive RunEnded, too; its caller receives the exception instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

from mnistgan import arguments
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

# Outputs outside this package import these names and match on these classes, so a field is never
# removed or renamed. Images are read-only arrays: all outputs receive the same one.

EndReason: TypeAlias = Literal["finished", "stopped", "max_minutes", "collapsed", "failed"]


_Class = TypeVar("_Class", bound=type)


def _shows(*names: str) -> Callable[[_Class], _Class]:
    """Shorten a class's repr to some fields, so that ``on_event=print`` can be read."""

    def shortened(kind: _Class) -> _Class:
        def text(self: object) -> str:
            shown = (f"{name}={_brief(getattr(self, name))}" for name in names)
            return f"{kind.__name__}({', '.join(shown)})"

        kind.__repr__ = text  # type: ignore[assignment,method-assign]
        return kind

    return shortened


def _brief(value: object) -> str:
    """A number with three digits; of figures, the Frechet distance."""
    if isinstance(value, Mapping):
        distance = value.get("frechet_distance", math.nan)
        return f"{{'frechet_distance': {_brief(distance)}, ...}}"
    return f"{value:.3g}" if isinstance(value, float) else repr(value)


@_shows("step", "total_steps", "device", "data_source")
@dataclass(frozen=True)
class RunStarted:
    """The run is about to take its first step, or to continue after ``step`` if that is not 0."""

    config: RunConfig
    step: int
    steps_per_epoch: int
    total_steps: int
    device: str
    precision: str
    """Number format of matrix products: ``float32`` or ``bfloat16``."""
    acceleration: str
    """``graph`` if steps are replayed as CUDA graphs, else ``none``."""
    ranks: int
    """Number of processes that train together."""
    data_source: str
    data_count: int
    parameters_g: int
    parameters_d: int
    real_images: Images
    """The first training images, at most 64: uint8, N x C x H x W."""


@_shows("step", "loss_d", "loss_g", "d_real", "d_fake_before")
@dataclass(frozen=True)
class StepMetrics:
    """The metrics of one step. A step is one update of G; steps and epochs are counted from 1."""

    step: int
    epoch: int
    loss_d: float
    """The loss of D, including penalties."""
    loss_g: float
    d_real: float
    """D(x): a probability or a logit, see ``TrainConfig.score_kind``."""
    d_fake_before: float
    """D(G(z1)): the same for fakes, before D's update."""
    d_fake_after: float
    """D(G(z2)): for the same fakes, after D's update."""
    images_per_second: float
    """Real images per second, averaged over the steps whose metrics were fetched together."""


@_shows("epoch", "step")
@dataclass(frozen=True)
class EpochEnded:
    """An epoch has ended; ``images`` are those of the fixed noise, uint8 64 x C x H x W."""

    epoch: int
    step: int
    images: Images


@_shows("epoch", "step", "figures", "is_best", "verdict")
@dataclass(frozen=True)
class Evaluated:
    """The generator was measured after an epoch.

    Attributes:
        epoch: number of the epoch.
        step: its last step.
        n: number of images measured.
        measured_with: classifier and n, which must be reported with a Frechet distance.
        figures: the figures by name; see :class:`mnistgan.evaluation.results.Figures`.
        is_best: whether this is the best generator of the run so far: the smallest Frechet
            distance, but never a collapsed generator while another has not collapsed.
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
    """A checkpoint of the state after ``step`` was written to ``path``."""

    step: int
    path: Path


@dataclass(frozen=True)
class Warned:
    """A warning for the user, in one sentence; the run continues."""

    message: str


@dataclass(frozen=True)
class RunEnded:
    """The run has ended, at ``step`` of ``epoch``.

    Attributes:
        reason: why it ended.
        step: the last step.
        epoch: the last epoch.
        verdict: of the last measurement; if nothing was measured, what the watch found. May be
            empty.
    """

    reason: EndReason
    step: int
    epoch: int
    verdict: str = ""


Event: TypeAlias = (
    RunStarted | StepMetrics | EpochEnded | Evaluated | CheckpointSaved | Warned | RunEnded
)


def score_names(kind: ScoreKind) -> tuple[str, str]:
    """Labels for the scores of real and of fake images.

        events.score_names("probability")  # ("D(x)", "D(G(z))")

    Args:
        kind: ``TrainConfig.score_kind``.

    Raises:
        UsageError: the value is not one of those allowed.
    """
    if not isinstance(kind, str) or kind not in get_args(ScoreKind):
        raise arguments.wrong("kind", f"one of {', '.join(get_args(ScoreKind))}", kind)
    return ("critic(x)", "critic(G(z))") if kind == "critic" else ("D(x)", "D(G(z))")
