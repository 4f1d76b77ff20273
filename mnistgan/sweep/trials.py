"""One trial: a run for each seed, measured during training and pruned if it is not promising."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from mnistgan.errors import ConfigError, TrainingError
from mnistgan.events import EpochEnded, Evaluated, RunEnded
from mnistgan.progress import OnProgress, Progress, StopToken
from mnistgan.runs.plan import plan_config
from mnistgan.runs.run import Run
from mnistgan.sweep.plan import SweepPlan

if TYPE_CHECKING:
    from optuna import Trial


class Stopped(Exception):  # noqa: N818
    """A stop was requested before the trial ended."""


def figure_of(
    plan: SweepPlan,
    values: Mapping[str, Any],
    folder: Path,
    trial: Trial,
    stop: StopToken,
    on_progress: OnProgress,
) -> float:
    """Train and measure one trial.

    Args:
        plan: of the sweep.
        values: of the searched keys.
        folder: for the run directories, ``seed-0`` and so on.
        trial: gets each measurement, and decides whether to prune.
        stop: stops the current run.
        on_progress: called after each epoch.

    Returns:
        The figure after the last epoch, averaged over the seeds.

    Raises:
        TrialPruned: by the pruner, because the values contradict each other, or because a loss is
            no longer finite.
        Stopped: a stop was requested.
    """
    from optuna import TrialPruned  # an optional dependency

    figure = plan.sweep.objective.figure
    figures: list[float] = []
    seeds = plan.sweep.objective.seeds
    for number, seed in enumerate(seeds):
        value = 0.0
        try:
            config = plan.config(values, seed)
            first, total = number * config.train.epochs, len(seeds) * config.train.epochs
            # Optuna compares trials at equal steps: epochs are numbered on from seed to seed, and
            # each value is the mean over the seeds so far.
            for event in Run(plan_config(config, folder / f"seed-{seed}"), stop):
                if isinstance(event, EpochEnded):
                    on_progress(Progress(folder.name, first + event.epoch, total, "epochs"))
                elif isinstance(event, Evaluated):
                    value = event.figures[figure]
                    trial.report(fmean([*figures, value]), first + event.epoch)
                    if trial.should_prune():
                        raise TrialPruned(f"worse than the median after epoch {event.epoch}")
                elif isinstance(event, RunEnded) and event.reason == "stopped":
                    raise Stopped
        except (ConfigError, TrainingError) as error:
            raise TrialPruned(str(error)) from error
        figures.append(value)
    return fmean(figures)
