"""Reads a run directory into the variables of the template page.html."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from mnistgan.config import RunConfig, toml
from mnistgan.errors import UsageError
from mnistgan.evaluation import figures
from mnistgan.evaluation.figures import MEASURES
from mnistgan.evaluation.verdict import judge
from mnistgan.rendering.curves import MetricsTable
from mnistgan.rendering.grids import read_grid
from mnistgan.report import charts, embedded_images, replay, words
from mnistgan.report.by_class import by_class
from mnistgan.report.charts import Chart
from mnistgan.report.embedded_images import Grid, is_own_file
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import tables
from mnistgan.storage.figures_file import is_outdated
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.text import without_folders

_PACKAGES = {"mnistgan": "mnistgan", "torch": "PyTorch", "numpy": "NumPy", "python": "Python"}


def gather(run: RunDirectory) -> dict[str, Any]:
    """Read a run directory. All files except config.toml may be missing.

    Raises:
        UsageError: the path is not a run directory, or one of its files cannot be read.
    """
    config = run.read_config()
    shown = toml.for_others(config)
    size = config.data.image_size
    metrics = _metrics(run)
    evaluations = tables.read_evaluations(run.evaluations_file)
    path = run.figures_file
    measurement = figures.read(path) if path.is_file() and not is_outdated(path) else None
    last = figures.while_training(run, size)
    verdict = measurement.verdict if measurement else judge(last)
    warnings = replay.warnings(run, config, metrics)
    curves = charts.of_training(metrics, config.train.score_kind)
    measured = charts.of_evaluations(evaluations)
    grids = embedded_images.grids(run, size)
    path = run.samples / "real.png"
    real = embedded_images.still(read_grid(path, size)) if is_own_file(path) else None
    has_gif = is_own_file(gif := run.path / "training.gif")
    moving = embedded_images.moving(gif) if has_gif else None
    epochs = _epochs(run, metrics)
    return {
        # Not the path: the page must not change when the run is moved, nor contain user names.
        "name": run.path.resolve().name,
        "config": shown,
        "toml": toml.to_toml(shown),
        "environment": _environment(run.read_environment()),
        "steps": int(max(metrics["step"], default=0)),
        "epochs": epochs,
        "is_finished": epochs >= config.train.epochs,
        "seconds": _seconds(metrics, config),
        "verdict": str(verdict or ""),
        "warnings": warnings,
        "shows_collapse": bool(warnings) or (verdict is not None and verdict.is_collapse),
        "curves": curves,
        "measured": measured,
        "measured_count": int(evaluations["n"][-1]) if measured else None,
        "growth": words.growth(evaluations, _best_epoch(run)),
        "measurement": measurement,
        "measures": MEASURES,
        "shares": _shares(measurement.shares) if measurement else [],
        "grids": grids,
        "real": real,
        "moving": moving,
        "has_large_moving": has_gif and moving is None,
        "by_class": by_class(run, config),
        "script_data": _script_data(config, grids, [*curves, *measured]),
    }


def _metrics(run: RunDirectory) -> MetricsTable:
    if not run.metrics_file.exists():
        return {name: np.empty(0) for name in tables.METRICS_COLUMNS}
    return tables.read_metrics(run.metrics_file)


def _best_epoch(run: RunDirectory) -> int | None:
    """The epoch of g-best.pt; None if the file is missing or cannot be loaded."""
    with contextlib.suppress(UsageError):
        if is_own_file(run.best_file):
            return load_generator(run.best_file).epoch
    return None


def _epochs(run: RunDirectory, metrics: MetricsTable) -> int:
    """The number of complete epochs: the last one counts if it has as many steps as the first."""
    epochs = metrics["epoch"]
    if not len(epochs):
        return 0
    last = int(epochs.max())
    # There is no other epoch to compare with, but the grid of an epoch is saved when it ends.
    if last == 1:
        drawn = tables.read_samples(run.samples)
        return int(not drawn or drawn[0].epoch == 1)
    return last if (epochs == last).sum() >= (epochs == epochs[0]).sum() else last - 1


def _seconds(metrics: MetricsTable, config: RunConfig) -> float:
    """The training time, from the images per second of each step in metrics.csv.

    Not from the times in environment.json: a run may have been stopped and resumed days later.
    """
    rates = metrics["images/s"]
    per_step = config.train.batch_size * config.train.d_steps
    return float(per_step * (1 / rates[rates >= 0.1]).sum())  # rates below 0.05 are stored as 0.0


def _shares(shares: Mapping[str, float]) -> list[dict[str, str]]:
    """One bar per class. The largest share has the full width."""
    # NaN and values outside [0, 1] come only from an edited file, and would break the layout.
    sane = {name: min(max(share, 0.0), 1.0) for name, share in shares.items() if share == share}
    most = max(sane.values(), default=0.0) or 1.0
    return [
        {"name": name, "width": f"{100 * share / most:.1f}", "percent": f"{100 * share:.1f}"}
        for name, share in sane.items()
    ]


def _environment(environment: Mapping[str, Any]) -> dict[str, str]:
    """The hardware and software of the run, as labels and texts."""
    known = {key: value for key, value in environment.items() if value not in ("", [])}
    versions = [f"{name} {known[key]}" for key, name in _PACKAGES.items() if key in known]
    device = [str(known["device"])] if "device" in known else []
    device += [f"in {known['precision']}"] if "precision" in known else []
    for key, thing in (("threads", "thread"), ("ranks", "process")):
        if isinstance(number := known.get(key), int):
            device.append(words.count(number, thing))
    rows = {
        "Device": ", ".join(device),
        "Versions": ", ".join(versions),
        "Platform": str(known.get("platform", "")),
        "Started": _readable_time(known.get("started", "")),
        "Resumed": ", ".join(map(_readable_time, _as_list(known.get("resumed")))),
        "Command": " ".join(without_folders(str(word)) for word in _as_list(known.get("command"))),
    }
    return {label: text for label, text in rows.items() if text}


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _readable_time(text: object) -> str:
    """An ISO time in readable form; any other value unchanged."""
    try:
        return f"{datetime.fromisoformat(str(text)):%Y-%m-%d %H:%M %Z}"
    except ValueError:
        return str(text)


def _script_data(
    config: RunConfig, grids: Sequence[Grid], drawn: Sequence[Chart]
) -> dict[str, Any]:
    """The data for the page's script."""
    data = [
        {"epoch": grid.epoch, "step": grid.step, "source": grid.picture.source} for grid in grids
    ]
    # The last grid is an image of the page already, where it also shows without a script.
    if data:
        data[-1]["source"] = None
    return {"grids": data, "charts": {chart.panel.key: chart.to_json() for chart in drawn}}
