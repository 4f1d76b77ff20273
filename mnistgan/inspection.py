"""What a file or a run directory holds, as plain values; nothing found in a file is ever run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mnistgan import checkpoint, config_io, networks
from mnistgan.config import RunConfig
from mnistgan.errors import FileFormatError
from mnistgan.rundir import RunDirectory


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
        "config": config_io.to_table(file.config),
    }


def _inspect_run(run: RunDirectory) -> dict[str, Any]:
    config = run.read_config()
    checkpoints = {path.name: _state_of(path) for path in run.checkpoint_files()}
    valid = [name for name, state in checkpoints.items() if state == "valid"]
    steps = {name: int(name.removeprefix("step-").removesuffix(".pt")) for name in valid}
    return {
        "run": str(run.path),
        "newest_valid_checkpoint": valid[0] if valid else None,
        "step": max(steps.values(), default=0),
        "checkpoints": checkpoints,
        "generator": _state_of(run.generator_file) if run.generator_file.exists() else "none yet",
        "environment": run.read_environment(),
        "config": config_io.to_table(config),
    }


def _parameters(config: RunConfig) -> int:
    """How many numbers G learned, counted without making them."""
    with torch.device("meta"):
        return networks.count_parameters(networks.build_generator(config))


def _state_of(path: Path) -> str:
    try:
        checkpoint.load_generator(path)
    except FileFormatError as error:
        return str(error)
    return "valid"
