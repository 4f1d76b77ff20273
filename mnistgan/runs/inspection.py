"""What a file or a run directory holds, as plain values; nothing found in a file is ever run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mnistgan.config import RunConfig, toml
from mnistgan.errors import FileFormatError
from mnistgan.models import networks
from mnistgan.storage import checkpoint
from mnistgan.storage.checkpoint import Checkpoint
from mnistgan.storage.run_directory import RunDirectory


def inspect(path: Path) -> dict[str, Any]:
    """Describe a generator file, a checkpoint, or a run directory, after verifying it.

    Raises:
        UsageError: it is none of these, or is damaged.
    """
    return _inspect_run(RunDirectory(path)) if path.is_dir() else _inspect_file(path)


def _inspect_file(path: Path) -> dict[str, Any]:
    file = checkpoint.load_generator(path)
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
        path.name: _look_at(path, checkpoint.load_checkpoint) for path in run.checkpoint_files()
    }
    newest = next((name for name, (step, _) in found.items() if step is not None), None)
    generator = "none yet"
    if run.generator_file.exists():
        _, generator = _look_at(run.generator_file, checkpoint.load_generator)
    return {
        "run": str(run.path),
        "newest_valid_checkpoint": newest,
        "step": found[newest][0] if newest else 0,
        "checkpoints": {name: state for name, (_, state) in found.items()},
        "generator": generator,
        "environment": run.read_environment(),
        "config": toml.to_table(config),
    }


def _look_at(path: Path, load: Callable[[Path], Checkpoint]) -> tuple[int | None, str]:
    """The step that a file holds and "valid", or no step and what is wrong with it."""
    try:
        return load(path).step, "valid"
    except FileFormatError as error:
        return None, str(error)


def _parameters(config: RunConfig) -> int:
    """How many numbers G learned, counted without making them."""
    with torch.device("meta"):
        return networks.count_parameters(networks.build_generator(config))
