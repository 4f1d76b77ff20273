"""The results of a sweep: a table of the trials, the best config, and Optuna's plots."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial
from optuna.visualization import matplotlib as plots

from mnistgan.config import toml
from mnistgan.storage import tables
from mnistgan.storage.atomic import atomic_path, write_text
from mnistgan.sweep.search import Search


def write(search: Search) -> list[Path]:
    """Write all results to the sweep's folder, and return their paths."""
    files = [_table(search)]
    if best := search.finished():
        files.append(_best_config(search, best[0]))
        files += _plots(search)
    return files


def settings_of(trial: FrozenTrial, search: Search) -> dict[str, Any]:
    """The searched values of a trial, as in a config."""
    # Choices are stored as JSON, see suggest().
    ranges = search.plan.sweep.search
    return {
        key: json.loads(value) if ranges[key].choices is not None else value
        for key, value in trial.params.items()
    }


def _table(search: Search) -> Path:
    """Write trials.csv: one row per finished trial with its state, figure, time and values."""
    keys = list(search.plan.sweep.search)
    figure = search.plan.sweep.objective.figure
    rows: list[list[Any]] = [["trial", "state", figure, "seconds", *keys]]
    for trial in search.study.get_trials(deepcopy=False):
        if trial.state.is_finished():
            seconds = "" if trial.duration is None else round(trial.duration.total_seconds(), 1)
            values = settings_of(trial, search)
            row = [trial.number, trial.state.name.lower(), trial.value, seconds]
            rows.append([*row, *map(values.get, keys)])
    path = search.folder / "trials.csv"
    write_text(path, tables.to_csv(rows))
    return path


def _best_config(search: Search, trial: FrozenTrial) -> Path:
    """Write best.toml: the run config of the best trial with the first seed."""
    sweep = search.plan.sweep
    values = settings_of(trial, search) | {"seed": sweep.objective.seeds[0]}
    # From the base, without the measurements and the disabled animation of trials.
    config = toml.replace(search.plan.base, values, "the best trial")
    found = f"{sweep.objective.figure} {trial.value}"
    head = f"# Trial {trial.number} of the sweep {sweep.name!r}: {found}\n"
    path = search.folder / "best.toml"
    write_text(path, head + toml.to_toml(config))
    return path


def _plots(search: Search) -> list[Path]:
    """Write Optuna's plots of the best figure over time and of the importance of each key."""
    drawn: dict[str, Callable[..., Axes]] = {"history.png": plots.plot_optimization_history}
    # Importance can only be estimated from trials with different values of two keys or more.
    values = {tuple(sorted(trial.params.items())) for trial in search.finished()}
    if len(values) > 1 and len(search.plan.sweep.search) > 1:
        drawn["importance.png"] = plots.plot_param_importances
    files = []
    for name, plot in drawn.items():
        # Optuna sets a style for all of matplotlib, and warns that these plots are experimental.
        with warnings.catch_warnings(), matplotlib.rc_context():
            warnings.simplefilter("ignore", ExperimentalWarning)
            plot(search.study).set_title("")
        path = search.folder / name
        with atomic_path(path) as temporary:
            pyplot.savefig(temporary, dpi=120, bbox_inches="tight")
        pyplot.close()
        files.append(path)
    return files
