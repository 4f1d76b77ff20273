"""The contents of a file or a run directory as plain values. Executes no code from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnistgan.config import RunConfig, toml
from mnistgan.errors import FileFormatError
from mnistgan.models import networks
from mnistgan.storage import checkpoint, run_directory
from mnistgan.storage.checkpoint import Checkpoint
from mnistgan.storage.run_directory import RunDirectory


def inspect(path: Path) -> dict[str, Any]:
    """Verify a generator file or folder, a checkpoint or a run directory, and describe it.

    Raises:
        UsageError: the path is something else, or the file is damaged.
    """
    if path.is_dir() and not run_directory.is_hub_folder(path):
        return _inspect_run(RunDirectory(path))
    return _inspect_file(run_directory.generator_path(path))


def _inspect_file(path: Path) -> dict[str, Any]:
    file = checkpoint.read_file(path)
    return {
        "file": str(path),
        "kind": file.kind,
        "bytes": path.stat().st_size,
        "epoch": file.epoch,
        "step": file.step,
        "parameters_G": _parameters(file.config),
        "image": "x".join(map(str, networks.image_shape(file.config))),
        "written_by": file.versions,
        "config": toml.to_table(file.config),
    }


def _inspect_run(run: RunDirectory) -> dict[str, Any]:
    config = run.read_config()
    found = {
        path.name: _state_of(path, checkpoint.load_checkpoint) for path in run.checkpoint_files()
    }
    newest = next((name for name, (step, _) in found.items() if step is not None), None)
    generator = "none yet"
    if run.generator_file.exists():
        _, generator = _state_of(run.generator_file, checkpoint.read_file)
    return {
        "run": str(run.path),
        "newest_valid_checkpoint": newest,
        "step": found[newest][0] if newest else 0,
        "checkpoints": {name: state for name, (_, state) in found.items()},
        "generator": generator,
        "environment": run.read_environment(),
        "config": toml.to_table(config),
    }


def _state_of(path: Path, load: Callable[[Path], Checkpoint]) -> tuple[int | None, str]:
    """The step of a file and ``valid``, or None and the error."""
    try:
        return load(path).step, "valid"
    except FileFormatError as error:
        return None, str(error)


def _parameters(config: RunConfig) -> int:
    """The number of G's parameters."""
    return networks.count_parameters(networks.outline_generator(config))
