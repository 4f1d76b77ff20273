"""The results of a sweep: a table of the trials, the best config, and two plots."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from optuna.importance import get_param_importances
from optuna.trial import FrozenTrial, TrialState

from mnistgan.config import toml
from mnistgan.evaluation.figures import MEASURES
from mnistgan.rendering import plots
from mnistgan.storage import tables
from mnistgan.storage.atomic import write_text
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


def to_json(search: Search) -> dict[str, Any]:
    """The finished trials as plain values for JSON, in the order of their numbers."""
    sweep, best = search.plan.sweep, search.finished()
    return {
        "name": sweep.name,
        "figure": sweep.objective.figure,
        "direction": sweep.objective.direction,
        "best": best[0].number if best else None,
        "trials": [
            {
                "number": trial.number,
                "state": trial.state.name.lower(),
                "value": trial.value,
                "seconds": _seconds(trial),
                "settings": settings_of(trial, search),
            }
            for trial in _ended(search)
        ],
    }


def _ended(search: Search) -> list[FrozenTrial]:
    """The trials that ended in any way, in the order of their numbers."""
    return [one for one in search.study.get_trials(deepcopy=False) if one.state.is_finished()]


def _seconds(trial: FrozenTrial) -> float | None:
    return None if trial.duration is None else round(trial.duration.total_seconds(), 1)


def _table(search: Search) -> Path:
    """Write trials.csv: one row per finished trial with its state, figure, time and values."""
    keys = list(search.plan.sweep.search)
    figure = search.plan.sweep.objective.figure
    rows: list[list[Any]] = [["trial", "state", figure, "seconds", *keys]]
    for trial in _ended(search):
        values = settings_of(trial, search)
        row = [trial.number, trial.state.name.lower(), trial.value, _seconds(trial)]
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
    """Plot the figure of each trial and, if it can be estimated, the importance of each key."""
    with plots.style():
        figures = {"history.png": _history(search)}
        # Importance can only be estimated from trials with different values of two keys or more.
        values = {tuple(sorted(trial.params.items())) for trial in search.finished()}
        if len(values) > 1 and len(search.plan.sweep.search) > 1:
            figures["importance.png"] = _importance(search)
        for name, figure in figures.items():
            plots.save(figure, search.folder / name)
    return [search.folder / name for name in figures]


def _history(search: Search) -> Figure:
    """The figure of each completed trial, the best so far, and which trials were pruned."""
    objective = search.plan.sweep.objective
    completed = sorted(search.finished(), key=lambda trial: trial.number)
    numbers = [trial.number for trial in completed]
    values = np.array([trial.value for trial in completed], np.float64)
    best = np.minimum if objective.direction == "minimize" else np.maximum
    pruned = [
        trial.number
        for trial in search.study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    ]
    figure = plots.new_figure(1, width=1.5 * plots.WIDTH)
    axes = figure.subplots()
    axes.plot(numbers, values, "o", color=plots.COLORS[0], markersize=4, label="completed trial")
    last = max([*numbers, *pruned])
    axes.step(
        [*numbers, last], [*best.accumulate(values), best.reduce(values)],
        where="post", color=plots.COLORS[1], label="best so far",
    )  # fmt: skip
    if pruned:
        # At the bottom: a pruned trial has no figure that could be compared.
        axes.plot(
            pruned, [0.02] * len(pruned), "x", color=plots.QUIET, markersize=4,
            transform=axes.get_xaxis_transform(), label="pruned trial",
        )  # fmt: skip
    axes.set(xlabel="trial", ylabel=_title(objective.figure))
    plots.count_axis(axes)
    axes.set_ylim(plots.widened(*axes.get_ylim()))
    plots.value_axis(axes, plots.is_wide(values))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return figure


def _importance(search: Search) -> Figure:
    """A bar for each searched key, the most important on top."""
    with warnings.catch_warnings():
        # That its default method is experimental, or that equal trials give equal importance.
        warnings.simplefilter("ignore")
        shares = get_param_importances(search.study)
    keys = list(reversed(shares))
    values = [shares[key] for key in keys]
    figure = plots.new_figure(1, 1.5 * plots.WIDTH, height=0.9 + 0.3 * len(keys))
    axes = figure.subplots()
    bars = axes.barh(keys, values, height=0.6, color=plots.COLORS[0])
    axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=3, fontsize=8)
    name = _title(search.plan.sweep.objective.figure)
    axes.set(xlabel=f"importance for the {name} (sum: 1)", xlim=(0, max([*values, 0.1]) * 1.15))
    axes.grid(visible=False, axis="y")
    return figure


def _title(figure: str) -> str:
    return next((one.title for one in MEASURES if one.name == figure), figure.replace("_", " "))
