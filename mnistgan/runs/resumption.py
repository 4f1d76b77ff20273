"""Resuming a run from its newest intact checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mnistgan.config import RunConfig
from mnistgan.errors import FileFormatError, UsageError
from mnistgan.evaluation.monitor import Monitor
from mnistgan.events import Warned
from mnistgan.runs import damage
from mnistgan.runs.plan import refuse_other_config
from mnistgan.storage import checkpoint
from mnistgan.storage.checkpoint import Checkpoint
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training.trainer import Trainer


def restore(
    run: RunDirectory, config: RunConfig, trainer: Trainer, monitor: Monitor | None
) -> list[Warned]:
    """Load a run's newest intact checkpoint; do nothing if the run has no checkpoints.

    A damaged checkpoint is skipped with a warning: the one before it loses only a few epochs.

    Args:
        run: the run directory.
        config: config of the run to resume.
        trainer: receives the weights, the state of the optimizers and the step.
        monitor: receives the best measurement so far; None if the run is not measured.

    Returns:
        Warnings for the user.

    Raises:
        UsageError: the checkpoint was trained with another config or on other images, or for more
            epochs than the config has.
        FileFormatError: there are checkpoints, but none is intact.
    """
    warnings: list[Warned] = []
    for path in (paths := run.checkpoint_files()):
        try:
            saved = checkpoint.load_checkpoint(path)
            # A renamed file would break the order of the checkpoints, by which old ones are
            # removed.
            if run.checkpoint_file(saved.step) != path:
                raise FileFormatError(f"{path}: contains step {saved.step}")
            # The plan compared config.toml, which can be edited. This is the config of the weights.
            refuse_other_config(path, saved.config, config)
            _refuse_other_data(run, saved, trainer)
            trainer.restore(saved.state)
            _restore_monitor(path, saved.state, monitor)
        except FileFormatError as error:
            warnings.append(Warned(f"{error} (trying the checkpoint before it)"))
            continue
        if trainer.step > trainer.total_steps:
            raise UsageError(
                f"{run.path}: was trained for {trainer.epoch} epochs, which is more than "
                f"train.epochs = {config.train.epochs}; set a larger number"
            )
        epochs = trainer.step // trainer.steps_per_epoch
        lost = damage.missing(run, run.read_config(), trainer.step, epochs, monitor)
        return [*warnings, *map(Warned, lost), *_other_arithmetic(saved, trainer)]
    if paths:
        raise FileFormatError(
            f"{run.checkpoints}: none of its {len(paths)} checkpoints is intact; train a new run "
            f"with the config in {run.config_file}"
        )
    return [Warned(f"{run.checkpoints}: has no checkpoint; training starts at the first step")]


def _other_arithmetic(saved: Checkpoint, trainer: Trainer) -> list[Warned]:
    """A warning if this process may round differently from that which saved the checkpoint."""
    now = trainer.arithmetic() | {"torch": str(torch.__version__)}
    # Checkpoints of earlier versions lack the acceleration, which they did not have.
    before = {"acceleration": "none", **saved.state, **saved.versions}
    changes = [
        f"{key} was {before.get(key)}, now {value}"
        for key, value in now.items()
        if value != before.get(key)
    ]
    if not changes:
        return []
    # In bfloat16 a product has three significant digits, so more than the last ones may differ.
    where = "" if now["precision"] != before.get("precision") else " in their last digits"
    return [Warned(f"{'; '.join(changes)}: results may differ{where}")]


def _refuse_other_data(run: RunDirectory, saved: Checkpoint, trainer: Trainer) -> None:
    # A folder of images may have changed since, and training on other images would go unnoticed.
    # Checkpoints of earlier versions have no digest.
    data = trainer.data
    if saved.state.get("data", data.digest) != data.digest:
        raise UsageError(
            f"{data.source}: does not contain the images that {run.path} was trained on; restore "
            "them, or train a new run"
        )


def _restore_monitor(path: Path, state: Mapping[str, Any], monitor: Monitor | None) -> None:
    if monitor is None or "measuring" not in state:  # the run was not measured so far
        return
    try:
        monitor.restore(state["measuring"])
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise FileFormatError(
            f"{path}: its measurements are damaged; use an older checkpoint"
        ) from error
