"""One training run: data, trainer, directory, outputs and checkpoints as a stream of events."""

from __future__ import annotations

import contextlib
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import torch

from mnistgan import __version__, datasets
from mnistgan.config import RunConfig, toml
from mnistgan.errors import FileFormatError, MnistganError, TrainingError, UsageError
from mnistgan.evaluation.monitor import Measuring
from mnistgan.evaluation.watch import watch_for
from mnistgan.events import CheckpointSaved, EpochEnded, Event, RunEnded, RunStarted, Warned
from mnistgan.models import devices
from mnistgan.outputs.dispatch import Dispatcher
from mnistgan.progress import CutOff, OnProgress, StopToken, no_progress
from mnistgan.runs.plan import Plan, plan_config, refuse_other_recipe, refuse_other_run
from mnistgan.sampling.generator import Generator
from mnistgan.storage import checkpoint
from mnistgan.storage.atomic import remove_leftovers, write_text
from mnistgan.training import ranks
from mnistgan.training.trainer import Trainer


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
        plan: what was asked for.
        directory: where the run writes.
        trainer: the training itself.

    Raises:
        DataError: the data is missing, damaged or too small.
        UsageError: the device is not there.
    """

    def __init__(
        self, plan: Plan, stop: StopToken | None = None, on_progress: OnProgress = no_progress
    ) -> None:
        self.plan = plan
        self.directory = plan.directory
        data = datasets.load(plan.config.data, on_progress=on_progress)
        self._stop = stop or StopToken()
        self._ranks = ranks.join(devices.resolve(plan.config.train.device))
        self.trainer = Trainer(plan.config, data, stop=self._stop, ranks=self._ranks)
        self._watch = watch_for(plan.config) if plan.config.watch.action != "off" else None
        self._measuring = None
        if plan.config.evaluate.every and self._ranks.rank == 0:
            self._measuring = Measuring(plan.config, data, on_progress)
        self._collapsed = False
        self._saved_step = 0

    def __iter__(self) -> Iterator[Event]:
        """Train, save, and let the outputs see everything, from the newest checkpoint to the end.

        Of several ranks only the first has anything to tell.

        Raises:
            UsageError: the directory cannot be written, another process writes to it, or what it
                holds was trained with another recipe.
            FileFormatError: no checkpoint of the run to resume is whole.
            TrainingError: a loss or a weight is no longer finite.
            MnistganError: a checkpoint could not be saved.
        """
        if self._ranks.rank > 0:
            self.trainer.align()
            for _ in self.trainer:
                pass
            return
        with self._locked():
            warnings = [Warned(note) for note in self.trainer.data.notes]
            warnings += self.restore() if self.plan.resume else []
            self.trainer.align()
            self._write_description()
            outputs = Dispatcher(self.plan.outputs, self.directory.path)
            yield from (*warnings, *outputs.open())
            yield from self._train(outputs)

    def restore(self) -> list[Warned]:
        """Take up the newest whole checkpoint of a run to resume; without any, it starts again.

        Returns:
            What the user should know about it.
        """
        warnings: list[Warned] = []
        for path in (paths := self.directory.checkpoint_files()):
            try:
                saved = checkpoint.load_checkpoint(path)
                if self.directory.checkpoint_file(saved.step) != path:
                    raise FileFormatError(f"{path}: holds step {saved.step}")
                refuse_other_recipe(path, saved.config, self.plan.config)
                self._refuse_other_data(saved)
                self.trainer.restore(saved.state)
                self._restore_measuring(path, saved.state)
            except FileFormatError as error:
                warnings.append(Warned(f"{error} (the one before it is tried)"))
                continue
            self._saved_step = self.trainer.step
            if self.trainer.step > self.trainer.total_steps:
                raise UsageError(
                    f"{self.directory.path}: has {self.trainer.epoch} epochs behind it, which is "
                    f"more than train.epochs = {self.plan.config.train.epochs}; ask for more"
                )
            return warnings + self._other_arithmetic(saved)
        if paths:
            raise FileFormatError(
                f"{self.directory.checkpoints}: none of its {len(paths)} checkpoints is whole; "
                f"train anew with --config {self.directory.config_file}"
            )
        return warnings

    def _restore_measuring(self, path: Path, state: Mapping[str, Any]) -> None:
        if self._measuring is None or "measuring" not in state:  # it was not measured before
            return
        try:
            self._measuring.restore(state["measuring"])
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise FileFormatError(f"{path}: its measurements are none; use an older one") from error

    def _refuse_other_data(self, saved: checkpoint.Checkpoint) -> None:
        """A folder may have changed since: a run is never silently continued on other images."""
        data = self.trainer.data
        if saved.state.get("data", data.digest) != data.digest:
            raise UsageError(
                f"{data.source}: does not hold the images that {self.directory.path} was trained "
                "on; put them back, or train a new run"
            )

    def _other_arithmetic(self, saved: checkpoint.Checkpoint) -> list[Warned]:
        """Say so when this process may round differently from the one that saved."""
        now = {
            "device": str(self.trainer.device),
            "precision": self.trainer.precision,
            "acceleration": self.trainer.acceleration,
            "threads": torch.get_num_threads(),
            "ranks": self._ranks.size,
            "torch": str(torch.__version__),
        }
        before = {"acceleration": "none", **saved.state, **saved.versions}
        changes = [
            f"{key} was {before.get(key)}, now {value}"
            for key, value in now.items()
            if value != before.get(key)
        ]
        if not changes:
            return []
        return [Warned(f"{'; '.join(changes)}: the numbers may differ in their last digits")]

    # Training ----------------------------------------------------------------------------------

    def _train(self, outputs: Dispatcher) -> Iterator[Event]:
        """Pass the trainer's events on, first to the outputs, and save when it is time.

        After an epoch the outputs come first, so that a checkpoint never knows more than they; at
        the end the checkpoint does, so that the training is safe whatever goes wrong in drawing.
        """
        ended = False
        try:
            for event in self.trainer:
                if isinstance(event, RunEnded):
                    if event.step > self._saved_step:
                        yield self._save()
                    elif self._saved_step:
                        self._prune()  # a kill may have come between the last save and this
                    ended = True
                    last = replace(event, reason="collapsed") if self._collapsed else event
                    yield from self._finish(last, outputs)
                else:
                    warnings = outputs.handle(event)
                    yield event
                    yield from warnings + self._look(event)
                    if isinstance(event, RunStarted) and self._is_between_epochs():
                        yield from self._measure(outputs)  # if a stop came before that
                    if isinstance(event, EpochEnded):
                        yield from self._after_epoch(event, outputs)
        finally:
            if not ended:  # so that the outputs close their files, whatever went wrong
                outputs.handle(RunEnded("failed", self.trainer.step, self.trainer.epoch))

    def _is_between_epochs(self) -> bool:
        step = self.trainer.step
        return step > 0 and step % self.trainer.steps_per_epoch == 0

    def _after_epoch(self, event: EpochEnded, outputs: Dispatcher) -> Iterator[Event]:
        yield from self._measure(outputs)
        if event.epoch % self.plan.config.checkpoint.every == 0:
            yield self._save()

    def _measure(self, outputs: Dispatcher) -> Iterator[Event]:
        """Measure, if it is due, unless a stop cuts it off: then it is made up for on resume."""
        trainer = self.trainer
        if self._measuring is None or not self._measuring.is_due(trainer.epoch, trainer.step):
            return
        generator = Generator(trainer.sampled, trainer.config, trainer.step, trainer.epoch)
        try:
            with self._stop.cutting_off():
                measured = self._measuring.measure(generator)
        except CutOff:
            return
        if measured.is_best:
            self._guard(self.directory.best_file, checkpoint.save_generator)
        warnings = outputs.handle(measured)
        yield measured
        yield from warnings

    def _finish(self, last: RunEnded, outputs: Dispatcher) -> Iterator[Event]:
        """Let the outputs draw what they draw at the end; all is saved, so a stop cuts it off."""
        asked_before = self._stop.requested  # who stopped the run waits for a last look at it
        warnings = outputs.handle(
            last, contextlib.nullcontext if asked_before else self._stop.cutting_off
        )
        if self._stop.requested and not asked_before:
            last = replace(last, reason="stopped")
        yield from warnings + outputs.reminders()
        yield last

    def _look(self, event: Event) -> list[Warned]:
        """What the watch sees, which ends the run where the config wants that."""
        if self._watch is None:
            return []
        found = self._watch.look(event)
        if found and self.plan.config.watch.action == "stop":
            self._collapsed = True
            self._stop.request()
        return [Warned(one.message) for one in found]

    def _save(self) -> CheckpointSaved:
        step = self.trainer.step
        path = self.directory.checkpoint_file(step)
        # In this order: a finished run's last checkpoint says that all is done.
        self._guard(self.directory.generator_file, checkpoint.save_generator)
        self._guard(path, checkpoint.save_checkpoint)
        self._saved_step = step
        self._prune()
        return CheckpointSaved(step, path)

    def _guard(
        self, path: Path, save: Callable[[Path, RunConfig, Mapping[str, Any]], None]
    ) -> None:
        """Save the state, or say what was lost and how to go on."""
        try:
            save(path, self.trainer.config, self._state())
        except TrainingError:
            raise
        except (OSError, MnistganError) as error:
            run = self.directory
            if run.exists():
                then = f"go on from the last checkpoint: mnistgan train --resume {run.path}"
            else:
                then = f"train anew: nothing is left of {run.path}"
            raise MnistganError(f"{error}, then {then}") from error

    def _state(self) -> dict[str, Any]:
        state = self.trainer.state()
        if self._measuring is not None:
            state["measuring"] = self._measuring.state()
        return state

    def _prune(self) -> None:
        """Keep the newest checkpoints; a damaged one past the present step counts for nothing.

        One that cannot be removed harms nobody: the next save tries again.
        """
        with contextlib.suppress(OSError, ValueError):  # the folder may be gone
            files = self.directory.checkpoint_files()
            here = files.index(self.directory.checkpoint_file(self._saved_step))
            for file in files[:here] + files[here + self.plan.config.checkpoint.keep :]:
                file.unlink(missing_ok=True)

    # The run directory -------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """The directory, made if need be, and no other process's while this lasts."""
        path = self.directory.path
        try:
            run = self.directory
            for place in (run.checkpoints, run.samples, run.lock_file):
                if place.is_symlink():
                    raise UsageError(f"{place}: is a link; a run writes only to its own folder")
            self.directory.checkpoints.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.directory.lock_file, blocking=False)
            lock.acquire()
        except filelock.Timeout as error:
            raise UsageError(
                f"{path}: another process is training this run; wait for it, or choose another "
                "--output-dir"
            ) from error
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written ({error.strerror}); choose another --output-dir"
            ) from error
        try:
            if not self.plan.resume:  # another process may have been here since the plan
                refuse_other_run(self.directory)
            for folder in (path, self.directory.checkpoints, self.directory.samples):
                remove_leftovers(folder)
            yield
        finally:
            lock.release()

    def _write_description(self) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        before = self.directory.read_environment()
        environment = before if self.plan.resume and before else {"started": now, "resumed": []}
        if self.plan.resume:
            resumed = environment.get("resumed")
            environment["resumed"] = [*(resumed if isinstance(resumed, list) else []), now]
        environment |= {
            "command": [Path(sys.argv[0]).name.replace("__main__.py", "mnistgan"), *sys.argv[1:]],
            "device": str(self.trainer.device),
            "precision": self.trainer.precision,
            "acceleration": self.trainer.acceleration,
            "threads": torch.get_num_threads(),
            "ranks": self._ranks.size,
            "mnistgan": __version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        }
        write_text(self.directory.environment_file, json.dumps(environment, indent=2) + "\n")
        write_text(self.directory.config_file, toml.to_toml(self.trainer.config))
