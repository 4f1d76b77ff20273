"""Planning a run: reads and checks its config, outputs and directory.

Imports no torch and writes nothing. So all mistakes are reported together, before anything slow:
``import torch`` alone takes 1.4 s (benchmarks/results/startup.json).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mnistgan import datasets
from mnistgan.config import RunConfig, data_kind, presets, toml
from mnistgan.config.sections import UNNAMED
from mnistgan.datasets import torchvision_sets
from mnistgan.errors import ConfigError, UsageError
from mnistgan.outputs import registry
from mnistgan.storage import run_directory, user_dirs
from mnistgan.storage.atomic import check_folder
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training import ranks


@dataclass(frozen=True)
class Override:
    """A key with its value from a command-line flag, and the name of the flag for messages."""

    key: str
    value: Any
    flag: str


@dataclass(frozen=True)
class Plan:
    """A checked run, to be started or resumed.

    Attributes:
        config: the config, with all options of all outputs.
        outputs: the outputs, in the order in which they receive events.
        directory: the run directory.
        resume: whether the run is already in the directory.
        is_named: whether the user chose the directory; else the run claims the next free name.
    """

    config: RunConfig
    outputs: list[registry.Prepared]
    directory: RunDirectory
    resume: bool
    is_named: bool = True


MAY_CHANGE = (
    "train.epochs",
    "train.max_minutes",
    "train.accelerate",  # this and the next two change only the rounding, and a warning says so
    "train.precision",
    "train.device",  # a machine may lack the card that the run was begun on
    "data.root",
    "data.name",  # the images are compared instead, by their digest
    "data.labels",
    "model.classes",  # follow from the images
    "checkpoint.",
    "evaluate.",
    "watch.",
    "outputs",
    "name",
)
"""Keys, or prefixes of keys, that may change when a run is resumed: its config is the same without
them, and results differ by rounding at most."""


def plan_run(
    source: str | None, overrides: Sequence[Override] = (), directory: Path | None = None
) -> Plan:
    """Plan a new run.

    Args:
        source: name of a preset or path of a TOML file; None for all defaults.
        overrides: changes to the config, applied in order.
        directory: the run directory; by default a new one under runs/.

    Raises:
        ConfigError: with all mistakes of the config and its outputs.
        UsageError: the directory contains a run or is not writable, or a file cannot be read.
    """
    table, label = _read(source)
    config, outputs = _resolve(table, overrides, label)
    return _plan(config, outputs, directory)


def plan_config(config: RunConfig, directory: Path | None = None, resume: bool = False) -> Plan:
    """Plan a run with a config made in Python.

    Raises the errors of :func:`plan_run`, or of :func:`plan_resume` for a run to resume.
    """
    outputs, problems = registry.prepare(config.active_outputs())
    problems += _data_problems(config.data.name)
    if problems:
        raise ConfigError("", problems)
    if not resume:
        return _plan(config, outputs, directory)
    if directory is None:
        raise UsageError("`directory`: is needed to resume a run")
    return _plan_resume(config, outputs, RunDirectory(directory))


def _plan(config: RunConfig, outputs: list[registry.Prepared], directory: Path | None) -> Plan:
    name = config.name or f"{config.model.family}-{datasets.stem(config.data.name)}"
    path = directory or run_directory.new_path(name, datetime.now())
    if ranks.rank() == 0:  # other ranks write nothing, and may find the files of rank 0 here
        if directory:
            refuse_other_run(RunDirectory(path))
        check_folder(path)
    _refuse_own_data(path, config)
    checked, is_named = _spell_out(config, outputs), directory is not None
    return Plan(checked, outputs, RunDirectory(path), resume=False, is_named=is_named)


def plan_resume(path: Path, source: str | None, overrides: Sequence[Override] = ()) -> Plan:
    """Plan to resume the run in a directory.

    Raises:
        ConfigError: with all mistakes of the config and its outputs.
        UsageError: the directory has no run, or the config would change its results; the message
            has the keys.
    """
    run = RunDirectory(path)
    before = run.read_config()
    table, label = _read(source) if source else (toml.to_table(before), str(run.config_file))
    config, outputs = _resolve(table, overrides, label)
    return _plan_resume(config, outputs, run)


def _plan_resume(config: RunConfig, outputs: list[registry.Prepared], run: RunDirectory) -> Plan:
    refuse_other_config(run.path, run.read_config(), config)
    return Plan(_spell_out(config, outputs), outputs, run, resume=True)


def resume_call(path: Path) -> str:
    """How to resume a run, for messages."""
    return f"`mnistgan.train(config, {str(path)!r}, resume=True)`"


def refuse_other_config(path: Path, before: RunConfig, now: RunConfig) -> None:
    """Refuse to resume a run with a config that would change its results.

    Raises:
        UsageError: it would; the message has the keys.
    """
    may_change: tuple[str, ...] = MAY_CHANGE
    if before.train.lr_decay_from < 1:  # the learning rates depend on the number of epochs
        may_change = tuple(key for key in may_change if key != "train.epochs")
    changes = [
        f"{key} was {old!r}, now {new!r}"
        for key, (old, new) in toml.changed_keys(before, now).items()
        if not key.startswith(may_change)
    ]
    if changes:
        raise UsageError(
            f"{path}: cannot continue with another config ({'; '.join(changes)}); resume without "
            "these changes, or train a new run"
        )


def refuse_other_run(run: RunDirectory) -> None:
    """Refuse to overwrite a run.

    Raises:
        UsageError: the directory contains a run.
    """
    if run.exists():
        raise UsageError(
            f"{run.path}: already contains a run; choose another `directory`, or resume it: "
            f"{resume_call(run.path)}"
        )


def _read(source: str | None) -> tuple[toml.Table, str]:
    """A config's table, and its name for messages."""
    if source is None:
        return {}, ""
    if not source or "\0" in source:
        raise UsageError("--config: is empty; give the name of a preset or a TOML file")
    # A plain name means a preset, unless a file of that name exists: then the user most likely
    # wrote it. A path is never a preset, so a mistyped one is not answered with a list of presets.
    is_file = source.endswith(".toml") or Path(source).name != source or Path(source).is_file()
    return toml.read_toml(Path(source) if is_file else presets.path(source)), source


def _resolve(
    table: toml.Table, overrides: Sequence[Override], label: str
) -> tuple[RunConfig, list[registry.Prepared]]:
    """The config and its outputs, or an error with all mistakes in both."""
    table = toml.override(table, [(one.key, one.value) for one in overrides])
    config, problems = toml.check(table)
    # If the config has mistakes, its outputs are checked all the same, as far as they can be read.
    named = table.get("outputs")
    known = RunConfig(outputs=_tables(named)) if config is None else config
    outputs, output_problems = registry.prepare(known.active_outputs())
    problems += output_problems + _data_problems(_named_data(table))
    if config is None or problems:
        raise ConfigError(label, [_with_flag(problem, overrides) for problem in problems])
    return config, outputs


def _named_data(table: toml.Table) -> str:
    """The name of the data set in a table that may have mistakes; empty if it names none."""
    data = table.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) else ""


def _data_problems(name: str) -> list[str]:
    """What is wrong with the name of a data set, found without importing torchvision."""
    if name == UNNAMED:  # in a generator file, which may have been the source of this config
        return [f"data.name: {name!r} stands for images that are not named; name yours"]
    problem = torchvision_sets.name_problem(name) if data_kind(name) == "torchvision" else ""
    return [f"data.name: {problem}"] if problem else []


def _spell_out(config: RunConfig, outputs: Sequence[registry.Prepared]) -> RunConfig:
    """The config with all options of all outputs, as stored in the run directory."""
    # With today's defaults written out, a resumed run does not change if a later version of an
    # output has other defaults.
    tables = {one.plugin.name: one.options.model_dump(exclude_none=True) for one in outputs}
    return config.model_copy(update={"outputs": config.outputs | tables})


def _tables(outputs: object) -> dict[str, Any]:
    """The well-formed entries of an outputs table that has mistakes."""
    entries = outputs.items() if isinstance(outputs, dict) else ()
    return {name: value for name, value in entries if isinstance(value, dict) or value is False}


def _with_flag(problem: str, overrides: Sequence[Override]) -> str:
    """A mistake, with the flag that set its key, if one did."""
    key = problem.partition(":")[0]
    flags = [one.flag for one in overrides if f"{one.key}.".startswith(f"{key}.")]
    return f"{problem} (from {flags[-1]})" if flags else problem


def _refuse_own_data(path: Path, config: RunConfig) -> None:
    """Refuse to write into the folder of the training images.

    A folder of images is read with its subfolders: a resumed run would train on its own grids.
    """
    data = user_dirs.expand(config.data.name) if data_kind(config.data.name) == "path" else None
    if data is not None and data.is_dir() and path.resolve().is_relative_to(data.resolve()):
        raise UsageError(
            f"{path}: is inside the folder of the training images; choose another `directory`"
        )
