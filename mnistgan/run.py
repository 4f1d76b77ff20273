"""One training run: data, trainer, directory, outputs and checkpoints as a stream of events."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import filelock
import numpy as np
import torch

from mnistgan import __version__, checkpoint, config_io, datasets
from mnistgan.config import RunConfig
from mnistgan.errors import FileFormatError, MnistganError, UsageError
from mnistgan.events import CheckpointSaved, EpochEnded, Event, RunEnded, Warned
from mnistgan.files import write_text
from mnistgan.outputs.dispatch import Dispatcher
from mnistgan.preflight import Plan, plan_config
from mnistgan.progress import StopToken
from mnistgan.training import Trainer


def train(
    config: RunConfig,
    directory: Path | str | None = None,
    *,
    on_event: Callable[[Event], object] = lambda event: None,
    stop: StopToken | None = None,
) -> Path:
    """Train a run from start to end, in a notebook or a program.

    Args:
        config: the recipe; ``RunConfig()`` is the default one.
        directory: where to write; by default a new run directory under runs/.
        on_event: called with each event as it happens.
        stop: request it, from ``on_event`` or another thread, to end after the step at hand.

    Returns:
        The run directory.

    Raises:
        MnistganError: as the ``mnistgan train`` command would say it.
    """
    run = Run(plan_config(config, Path(directory) if directory else None), stop)
    for event in run:
        on_event(event)
    return run.directory.path


class Run:
    """A planned run, with its data loaded and its networks built; iterating trains it.

    Nothing is written before the first event is asked for.

    Attributes:
        trainer: the training itself.
        directory: where the run writes.
        warnings: what was noticed while a checkpoint was looked for.

    Raises:
        DataError: the data is missing, damaged or too small.
        UsageError: the device is not there.
        FileFormatError: no checkpoint of the run to resume can be used.
    """

    def __init__(self, plan: Plan, stop: StopToken | None = None) -> None:
        self.plan = plan
        self.directory = plan.directory
        self.warnings: list[Warned] = []
        self.trainer = Trainer(plan.config, datasets.load(plan.config.data), stop=stop)
        self._saved_step = 0
        if plan.resume:
            self._restore_newest()

    def __iter__(self) -> Iterator[Event]:
        """Train, save, and let the outputs see everything, from the present step to the end.

        Raises:
            UsageError: the directory cannot be written, or another process writes to it.
            TrainingError: a loss or a weight is no longer finite.
            MnistganError: a checkpoint could not be saved.
        """
        self._make_directory()
        lock = filelock.FileLock(self.directory.lock_file, blocking=False)
        try:
            with lock:
                self._write_description()
                yield from self._train()
        except filelock.Timeout as error:
            raise UsageError(
                f"{self.directory.path}: another process is training this run; wait for it, or "
                "choose another --output-dir"
            ) from error

    # Training ----------------------------------------------------------------------------------

    def _train(self) -> Iterator[Event]:
        outputs = Dispatcher(self.plan.outputs, self.directory.path)
        yield from (*self.warnings, *outputs.open())
        try:
            for event in self.trainer:
                yield from self._save_if_due(event, before_outputs=True)
                warnings = outputs.handle(event)
                yield event
                yield from warnings
                yield from self._save_if_due(event, before_outputs=False)
        except MnistganError:
            failed = RunEnded("failed", self.trainer.step, self.trainer.epoch)
            outputs.handle(failed)
            raise
        for name, reason in outputs.failed.items():
            yield Warned(f"the output {name!r} was switched off during this run ({reason})")

    def _save_if_due(self, event: Event, *, before_outputs: bool) -> Iterator[Event]:
        """After an epoch the outputs come first, so that a checkpoint never knows more than they.

        At the end the checkpoint does: whatever goes wrong while drawing, the training is safe.
        """
        match event:
            case EpochEnded() if not before_outputs:
                due = event.epoch % self.plan.config.checkpoint.every == 0
            case RunEnded() if before_outputs:
                due = event.step > self._saved_step
            case _:
                due = False
        if due:
            yield self._save()

    def _save(self) -> CheckpointSaved:
        config, step = self.plan.config, self.trainer.step
        path = self.directory.checkpoint_file(step)
        state = self.trainer.state()
        try:
            checkpoint.save_checkpoint(path, config, state)
            checkpoint.save_generator(self.directory.generator_file, config, state)
        except (OSError, UsageError) as error:
            raise MnistganError(
                f"{path}: could not be saved ({error}); free some space or mend the folder, then "
                f"go on from the last checkpoint: mnistgan train --resume {self.directory.path}"
            ) from error
        self._saved_step = step
        for old in self.directory.checkpoint_files()[config.checkpoint.keep :]:
            old.unlink(missing_ok=True)
        return CheckpointSaved(step, path)

    # Resuming ----------------------------------------------------------------------------------

    def _restore_newest(self) -> None:
        """Take up the newest checkpoint that is whole; without any, the run starts again."""
        for path in (paths := self.directory.checkpoint_files()):
            try:
                self.trainer.restore(checkpoint.load_checkpoint(path).state)
            except FileFormatError as error:
                self.warnings.append(Warned(f"{error} (the one before it is tried)"))
            else:
                self._saved_step = self.trainer.step
                return
        if paths:
            raise FileFormatError(
                f"{self.directory.checkpoints}: none of its {len(paths)} checkpoints is whole; "
                f"train anew with --config {self.directory.config_file}"
            )

    # The run directory -------------------------------------------------------------------------

    def _make_directory(self) -> None:
        try:
            self.directory.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{self.directory.path}: cannot be written ({error.strerror}); choose another "
                "--output-dir"
            ) from error

    def _write_description(self) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        before = self.directory.read_environment()
        environment = before if self.plan.resume and before else {"started": now, "resumed": []}
        if self.plan.resume:
            environment["resumed"] = [*environment.get("resumed", []), now]
        environment |= {
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            "device": str(self.trainer.device),
            "threads": torch.get_num_threads(),
            "mnistgan": __version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        }
        write_text(self.directory.environment_file, json.dumps(environment, indent=2) + "\n")
        write_text(self.directory.config_file, config_io.to_toml(self.plan.config))
