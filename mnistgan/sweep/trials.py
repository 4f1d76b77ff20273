"""One trial: a run for each seed, measured as it goes and given up when it is no good."""

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
    """The sweep was asked to stop before the trial had its figure."""


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
        values: of the keys that are tried.
        folder: for the run directories, ``seed-0`` and so on.
        trial: told each measurement, by epochs that go on from seed to seed; may be pruned by it.
        stop: ends the run at hand.
        on_progress: told after each epoch.

    Returns:
        The figure after the last epoch, as the mean over the seeds.

    Raises:
        TrialPruned: it was pruned, its values do not go together, or a loss did not stay finite.
        Stopped: the stop was requested.
    """
    from optuna import TrialPruned

    figure = plan.sweep.objective.figure
    figures: list[float] = []
    seeds = plan.sweep.objective.seeds
    for number, seed in enumerate(seeds):
        value = 0.0
        try:
            config = plan.config(values, seed)
            first, total = number * config.train.epochs, len(seeds) * config.train.epochs
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
