"""One trial: a run for each seed, measured as it goes and given up when it is no good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from mnistgan.errors import ConfigError, TrainingError
from mnistgan.events import EpochEnded, Evaluated, RunEnded
from mnistgan.progress import OnProgress, Progress, StopToken
from mnistgan.runs.plan import plan_config
from mnistgan.runs.run import Run
from mnistgan.sweep.plan import SweepPlan

GiveUp: TypeAlias = Callable[[int, float], bool]
"""Told a step and the figure there; says whether the trial is to be given up."""


class GivenUp(Exception):  # noqa: N818  # an outcome, no error
    """The trial is no good, for this reason."""


class Stopped(Exception):  # noqa: N818
    """The sweep was asked to stop before the trial had its figure."""


def figure_of(
    plan: SweepPlan,
    values: Mapping[str, Any],
    folder: Path,
    give_up: GiveUp,
    stop: StopToken,
    on_progress: OnProgress,
) -> float:
    """Train and measure one trial.

    Args:
        plan: of the sweep.
        values: of the keys that are tried.
        folder: for the run directories, ``seed-0`` and so on.
        give_up: asked after each measurement; its steps go on from seed to seed.
        stop: ends the run at hand.
        on_progress: told after each epoch.

    Returns:
        The figure after the last epoch, as the mean over the seeds.

    Raises:
        GivenUp: it was given up, its values do not go together, or a loss did not stay finite.
        Stopped: the stop was requested.
    """
    figure = plan.sweep.objective.figure
    figures: list[float] = []
    seeds = plan.sweep.objective.seeds
    for turn, seed in enumerate(seeds):
        value = 0.0
        try:
            config = plan.config(values, seed)
            first, total = turn * config.train.epochs, len(seeds) * config.train.epochs
            for event in Run(plan_config(config, folder / f"seed-{seed}"), stop):
                if isinstance(event, EpochEnded):
                    on_progress(Progress(folder.name, first + event.epoch, total, "epochs"))
                elif isinstance(event, Evaluated):
                    value = event.figures[figure]
                    if give_up(first + event.epoch, _mean([*figures, value])):
                        raise GivenUp(f"worse than the median after epoch {event.epoch}")
                elif isinstance(event, RunEnded) and event.reason == "stopped":
                    raise Stopped
        except (ConfigError, TrainingError) as error:
            raise GivenUp(str(error)) from error
        figures.append(value)
    return _mean(figures)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
