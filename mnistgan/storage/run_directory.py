"""The names of the files in a run directory, and the newest run. Does not import torch."""

from __future__ import annotations

import contextlib
import itertools
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
"""Default folder of run directories."""

HUB_FILE = "model.safetensors"
"""The generator in a folder for a model hub, in place of a run directory's g.pt."""


class _Inside:
    """A path below :attr:`RunDirectory.path`."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get__(self, run: RunDirectory, owner: object) -> Path:
        return run.path.joinpath(*self._names)


@dataclass(frozen=True)
class RunDirectory:
    """The paths in a run directory. Only the methods touch the disk."""

    path: Path

    config_file = _Inside("config.toml")
    """The resolved config."""
    environment_file = _Inside("environment.json")
    """Versions, device, threads, command line and start time."""
    checkpoints = _Inside("checkpoints")
    """Folder of the newest checkpoints."""
    generator_file = _Inside("g.pt")
    """The generator file to share."""
    metrics_file = _Inside("metrics.csv")
    """One row per step."""
    best_file = _Inside("g-best.pt")
    """The generator file with the smallest Frechet distance so far."""
    evaluations_file = _Inside("evaluations.csv")
    """One row per evaluation during training."""
    figures_file = _Inside("evaluation", "figures.json")
    """Results of ``mnistgan evaluate``."""
    report_file = _Inside("report.html")
    """The report page."""
    samples = _Inside("samples")
    """Folder of the sample grids and their index.csv."""
    lock_file = _Inside(".lock")
    """Lock of the one process that may write to the run."""

    def exists(self) -> bool:
        """Whether the directory holds a run."""
        return self.config_file.exists() or bool(self.checkpoint_files())

    def checkpoint_file(self, step: int) -> Path:
        """The checkpoint of a step."""
        return self.checkpoints / f"step-{step:08d}.pt"

    def checkpoint_files(self) -> list[Path]:
        """All checkpoints, newest first."""
        # Sorted as numbers: step 100,000,000 has one digit more than the pattern's eight.
        files = self.checkpoints.glob("step-*.pt")
        numbered = (path for path in files if re.fullmatch(r"step-\d{1,18}\.pt", path.name))
        return sorted(numbered, key=lambda path: int(path.stem[5:]), reverse=True)

    def read_config(self) -> RunConfig:
        """The config of the run.

        Raises:
            UsageError: this is not a run directory.
            ConfigError: its config.toml is not valid in this version.
        """
        if not self.config_file.is_file():
            run = self.path.absolute().parent.parent
            is_checkpoint = self.path.is_file() and RunDirectory(run).exists()
            advice = run if is_checkpoint else "a folder that train wrote"
            raise UsageError(f"{self.path}: is not a run directory; give {advice}")
        return toml.validate(toml.read_toml(self.config_file), str(self.config_file))

    def read_environment(self) -> dict[str, Any]:
        """The plain values in environment.json; empty if the file is missing or not JSON."""
        # The file only describes a run. Damage to it is not a reason to refuse the run.
        content = None
        with contextlib.suppress(OSError, ValueError, RecursionError):
            content = json.loads(read_bytes(self.environment_file).decode("utf-8"))
        entries = content.items() if isinstance(content, dict) else ()
        return {key: value for key, value in entries if _is_plain(value)}


def new_path(name: str, now: datetime, parent: Path = RUNS) -> Path:
    """The path NAME-TIME of a new run; :func:`claim` appends a number if it is taken."""
    return parent / f"{name}-{now:%Y%m%d-%H%M%S}"


def claim(path: Path) -> Path:
    """Create a new folder, with a number appended to its name if the name is taken.

    Processes that claim the same name at once get different folders.

    Raises:
        OSError: the folder cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for count in itertools.count(1):
        folder = path if count == 1 else path.with_name(f"{path.name}-{count}")
        # mkdir checks and creates in one step. Checked before, a name could be free for two runs.
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


def newest(parent: Path = RUNS, instead: str = "a run directory") -> RunDirectory:
    """The run that was started last.

    Args:
        parent: folder of run directories.
        instead: what to give instead of a run, for the error message.

    Raises:
        UsageError: the folder contains no run.
    """
    runs = [RunDirectory(path.parent) for path in parent.glob("*/config.toml")]
    if not runs:
        raise UsageError(f"{parent}/: contains no run; train one first, or give {instead}")
    # By the recorded start, not by the folder's name or time: both change when a run is copied.
    return max(runs, key=lambda run: (str(run.read_environment().get("started", "")), run.path))


def generator_path(path: Path) -> Path:
    """The file to load a generator from: the path itself, or the one in a folder.

    The folder is a run directory with a g.pt, or one for a model hub with a model.safetensors.

    Raises:
        UsageError: the path is a folder with neither.
    """
    if not path.is_dir():
        return path
    run = RunDirectory(path)
    if is_hub_folder(path):
        return path / HUB_FILE
    if not run.generator_file.is_file():
        why = "this run has not saved a generator yet" if run.exists() else "is not a run directory"
        raise UsageError(f"{path}: {why}; give a generator file or another run directory")
    return run.generator_file


def is_hub_folder(path: Path) -> bool:
    """Whether the path is a folder for a model hub, and not a run directory."""
    return (path / HUB_FILE).is_file() and not RunDirectory(path).generator_file.is_file()


def _is_plain(value: object) -> bool:
    """Whether the value is a string, an integer or a list of these, as in a run's own file."""
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, str | int) for item in items)
