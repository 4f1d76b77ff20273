"""Where the files of a run lie, and which run is the newest. Imports no torch."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mnistgan.config import RunConfig, toml
from mnistgan.errors import UsageError
from mnistgan.storage.atomic import read_bytes

RUNS = Path("runs")
"""Where run directories are made, and looked for, unless told otherwise."""


class _Inside:
    """A path below a run directory's own."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get__(self, run: RunDirectory, owner: object) -> Path:
        return run.path.joinpath(*self._names)


@dataclass(frozen=True)
class RunDirectory:
    """The names in a run directory. Nothing here touches the disk until asked."""

    path: Path

    config_file = _Inside("config.toml")
    """The resolved config."""
    environment_file = _Inside("environment.json")
    """Versions, device, threads, command line, start time."""
    checkpoints = _Inside("checkpoints")
    """Folder of the newest checkpoints."""
    generator_file = _Inside("g.pt")
    """The generator to give away."""
    metrics_file = _Inside("metrics.csv")
    """A row a step."""
    best_file = _Inside("g-best.pt")
    """The generator as it measured best."""
    evaluations_file = _Inside("evaluations.csv")
    """A row a measurement made while training."""
    figures_file = _Inside("evaluation", "figures.json")
    """What ``mnistgan evaluate`` measured after it."""
    report_file = _Inside("report.html")
    """The whole run on one page."""
    samples = _Inside("samples")
    """Folder of the grids, with their index.csv."""
    lock_file = _Inside(".lock")
    """Held by the one process that writes here."""

    def exists(self) -> bool:
        """Whether a run has begun here."""
        return self.config_file.exists() or bool(self.checkpoint_files())

    def checkpoint_file(self, step: int) -> Path:
        """The checkpoint of a step."""
        return self.checkpoints / f"step-{step:08d}.pt"

    def checkpoint_files(self) -> list[Path]:
        """All checkpoints, newest first."""
        numbered = [
            (int(match[1]), path)
            for path in self.checkpoints.glob("step-*.pt")
            if (match := re.fullmatch(r"step-(\d{1,18})\.pt", path.name))
        ]
        return [path for _, path in sorted(numbered, reverse=True)]

    def read_config(self) -> RunConfig:
        """The config that the run was started with.

        Raises:
            UsageError: this is no run directory.
            ConfigError: its config.toml is not one this version reads.
        """
        if not self.config_file.is_file():
            raise UsageError(
                f"{self.path}: is no run directory (it has no config.toml); give the folder that "
                "train wrote"
            )
        table = toml.read_toml(self.config_file)
        return toml.validate(table, str(self.config_file))

    def read_environment(self) -> dict[str, Any]:
        """What environment.json says, as far as it is of ours; empty where there is none."""
        content = None
        with contextlib.suppress(OSError, ValueError, RecursionError):
            content = json.loads(read_bytes(self.environment_file).decode("utf-8"))
        entries = content.items() if isinstance(content, dict) else ()
        return {key: value for key, value in entries if _is_plain(value)}


def new_path(name: str, now: datetime, parent: Path = RUNS) -> Path:
    """A fresh directory's path: NAME-TIME, numbered where two runs start in one second."""
    base = parent / f"{name}-{now:%Y%m%d-%H%M%S}"
    path, count = base, 1
    while path.exists():
        count += 1
        path = base.with_name(f"{base.name}-{count}")
    return path


def newest(parent: Path = RUNS) -> RunDirectory:
    """The run that was started last.

    Raises:
        UsageError: there is no run.
    """
    runs = [RunDirectory(path.parent) for path in parent.glob("*/config.toml")]
    if not runs:
        raise UsageError(
            f"there is no run in {parent}/; train one first (mnistgan train --config quickstart), "
            "or name a run directory"
        )
    return max(runs, key=lambda run: (str(run.read_environment().get("started", "")), run.path))


def generator_path(path: Path) -> Path:
    """The file to load a generator from: the path itself, or a run directory's g.pt.

    Raises:
        UsageError: a run directory that has no generator yet, or any other folder.
    """
    if not path.is_dir():
        return path
    run = RunDirectory(path)
    if not run.generator_file.is_file():
        kind = "run has saved no generator yet" if run.exists() else "folder holds no run"
        raise UsageError(f"{path}: this {kind}; give a generator file or another run directory")
    return run.generator_file


def _is_plain(value: object) -> bool:
    """Whether it is what a run writes about itself: a word, a number, or a list of words."""
    words = value if isinstance(value, list) else [value]
    return all(isinstance(word, str | int) for word in words)
