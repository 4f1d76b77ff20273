"""One training run as a stream of events: trains, saves checkpoints, and runs the outputs."""

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

from mnistgan import __version__, arguments, datasets
from mnistgan.config import RunConfig, toml
from mnistgan.errors import MnistganError, TrainingError, UsageError
from mnistgan.evaluation.monitor import Monitor
from mnistgan.evaluation.watch import watch_for
from mnistgan.events import (
    CheckpointSaved,
    EpochEnded,
    Evaluated,
    Event,
    RunEnded,
    RunStarted,
    Warned,
)
from mnistgan.models import devices
from mnistgan.outputs.dispatch import Dispatcher
from mnistgan.progress import CutOff, OnProgress, StopToken, no_progress
from mnistgan.runs import damage, resumption
from mnistgan.runs.plan import Plan, plan_config, refuse_other_run, resume_call
from mnistgan.sampling.generator import Generator
from mnistgan.storage import checkpoint, run_directory
from mnistgan.storage.atomic import remove_leftovers, write_text
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.training import ranks
from mnistgan.training.trainer import Trainer


def train(
    config: RunConfig,
    directory: Path | str | None = None,
    *,
    on_event: Callable[[Event], object] = lambda event: None,
    stop: StopToken | None = None,
    resume: bool = False,
) -> Path:
    """Train a run, in a program or a notebook.

        config = mnistgan.RunConfig(data={"name": "digits"}, train={"epochs": 1})
        mnistgan.train(config, "my-run", on_event=print)

    Args:
        config: config of the run; ``RunConfig()`` has all defaults.
        directory: the run directory; by default a new one under runs/.
        on_event: called with each event as it happens.
        stop: call its ``request()``, in ``on_event`` or another thread, to save and end after the
            current step.
        resume: whether to continue the run in the directory. The config may differ from that of the
            run in what does not change its results, and in a larger number of epochs.

    Returns:
        The run directory.

    Raises:
        MnistganError: an argument is not as described, or the run cannot be trained; with the
            message that ``mnistgan train`` prints, in the words of Python.
    """
    arguments.instance("config", config, RunConfig, "a RunConfig")
    arguments.function("on_event", on_event)
    arguments.instance("stop", stop, (StopToken, type(None)), "a StopToken")
    arguments.instance("resume", resume, bool, "True or False")
    path = None if directory is None else arguments.path("directory", directory)
    run = Run(plan_config(config, path, resume), stop)
    for event in run:
        on_event(event)
    return run.directory.path


class Run:
    """A planned run with its data loaded and its networks built. Iterating trains it.

    Nothing is written before the first event is requested.

    Attributes:
        plan: the checked config, outputs and directory.
        directory: the run directory; its name is final after :meth:`make_directory`.
        trainer: trains the networks.

    Raises:
        DataError: the data is missing, damaged or too small.
        UsageError: the device is not available.
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
        self._monitor = None
        if plan.config.evaluate.every and self._ranks.rank == 0:
            self._monitor = Monitor(plan.config, data, on_progress)
        self._collapsed = False
        self._measured: Evaluated | None = None
        self._saved_step = 0
        self._has_directory = False

    def __iter__(self) -> Iterator[Event]:
        """Train to the end, from the newest checkpoint of a run to resume, else from the start.

        With several ranks, only rank 0 yields events and writes files.

        Raises:
            UsageError: the directory cannot be written, another process writes to it, or the run in
                it was trained with another config.
            FileFormatError: the run to resume has checkpoints, but none is intact.
            TrainingError: a loss or a weight is no longer finite.
            MnistganError: a checkpoint could not be saved.
        """
        if self._ranks.rank > 0:
            # Rank 0 restores the checkpoint; align() sends its state to the other ranks.
            self.trainer.align()
            for _ in self.trainer:
                pass
            return
        with self._locked():
            warnings = [Warned(note) for note in self.trainer.data.notes]
            if self.plan.resume:
                # Under the lock: another process could otherwise save or prune in the meantime.
                warnings += self.restore()
                # A finished run saves nothing more, unless its generator has been lost.
                if damage.is_intact(self.directory.generator_file):
                    self._saved_step = self.trainer.step
            self.trainer.align()
            self._write_description()
            outputs = Dispatcher(self.plan.outputs, self.directory.path)
            yield from (*warnings, *outputs.open())
            yield from self._train(outputs)

    def restore(self) -> list[Warned]:
        """Load the newest checkpoint of a run to resume; see :func:`resumption.restore`."""
        return resumption.restore(self.directory, self.plan.config, self.trainer, self._monitor)

    # Training ----------------------------------------------------------------------------------

    def _train(self, outputs: Dispatcher) -> Iterator[Event]:
        """Pass events to the outputs, then to the caller; measure and save when it is time."""
        # After an epoch, the outputs come before the checkpoint: the tables of a run that is
        # resumed from it must be complete. At the end, the checkpoint comes first: the last
        # drawings may take long or fail.
        ended = False
        try:
            for event in self.trainer:
                if isinstance(event, RunEnded):
                    if event.step > self._saved_step:
                        yield self._save()
                    elif self._saved_step:
                        self._prune()  # the run was perhaps killed after its last save, before this
                    ended = True
                    last = replace(event, verdict=self._verdict(event))
                    if self._collapsed:
                        last = replace(last, reason="collapsed")
                    yield from self._finish(last, outputs)
                else:
                    warnings = outputs.handle(event)
                    yield event
                    yield from warnings + self._look(event)
                    if isinstance(event, RunStarted) and self._is_between_epochs():
                        yield from self._measure(outputs)  # a stop perhaps interrupted it
                    if isinstance(event, EpochEnded):
                        yield from self._after_epoch(event, outputs)
        finally:
            if not ended:  # let the outputs close their files
                outputs.handle(RunEnded("failed", self.trainer.step, self.trainer.epoch))

    def _verdict(self, end: RunEnded) -> str:
        """The last measurement's verdict, or else what the watch found."""
        measured = self._measured
        if measured is None:
            was_measured = self._monitor is not None and self._monitor.has_measured  # before a stop
            return self._watch.finding() if self._watch and not was_measured else ""
        since = f" (Measured after epoch {measured.epoch}.)" if measured.step < end.step else ""
        return measured.verdict + since

    def _is_between_epochs(self) -> bool:
        step = self.trainer.step
        return step > 0 and step % self.trainer.steps_per_epoch == 0

    def _after_epoch(self, event: EpochEnded, outputs: Dispatcher) -> Iterator[Event]:
        yield from self._measure(outputs)
        if event.epoch % self.plan.config.checkpoint.every == 0:
            yield self._save()

    def _measure(self, outputs: Dispatcher) -> Iterator[Event]:
        """Measure if it is time. A stop interrupts the measurement, and resuming repeats it."""
        trainer = self.trainer
        if self._monitor is None or not self._monitor.is_due(trainer.epoch, trainer.step):
            return
        # G's moving average, which is also what g.pt contains and samples are drawn from.
        generator = Generator(trainer.sampled, trainer.config, trainer.step, trainer.epoch)
        try:
            with self._stop.cutting_off():
                measured, verdict = self._monitor.measure(generator)
        except CutOff:
            return
        # Only now: a stop could otherwise leave a checkpoint that says "measured" without the row
        # in the table.
        self._monitor.remember(measured, verdict)
        self._measured = measured
        if measured.is_best:
            self._guard(self.directory.best_file, checkpoint.save_generator)
        warnings = outputs.handle(measured)
        yield measured
        yield from warnings

    def _finish(self, last: RunEnded, outputs: Dispatcher) -> Iterator[Event]:
        """Let the outputs finish. Everything is saved, so a stop may interrupt them."""
        # If a stop ended the training, it must not also interrupt the outputs: they would then
        # never draw the curves and the animation of a stopped run.
        stopped = self._stop.requested
        warnings = outputs.handle(
            last, contextlib.nullcontext if stopped else self._stop.cutting_off
        )
        if self._stop.requested and not stopped:
            last = replace(last, reason="stopped")
        yield from warnings + outputs.reminders()
        yield last

    def _look(self, event: Event) -> list[Warned]:
        """The warnings of the watch. With ``watch.action = "stop"``, they also end the run."""
        if self._watch is None:
            return []
        warnings = self._watch.look(event)
        if warnings and self.plan.config.watch.action == "stop":
            self._collapsed = True
            self._stop.request()
        return [Warned(warning) for warning in warnings]

    def _save(self) -> CheckpointSaved:
        step = self.trainer.step
        path = self.directory.checkpoint_file(step)
        # g.pt first: a run with its last checkpoint counts as finished, and is not trained again to
        # write a missing g.pt.
        self._guard(self.directory.generator_file, checkpoint.save_generator)
        self._guard(path, checkpoint.save_checkpoint)
        self._saved_step = step
        self._prune()
        return CheckpointSaved(step, path)

    def _guard(
        self, path: Path, save: Callable[[Path, RunConfig, Mapping[str, Any]], None]
    ) -> None:
        """Save the state; if that fails, raise an error that says how to continue."""
        try:
            save(path, self.trainer.config, self._state())
        except TrainingError:
            raise
        except (OSError, MnistganError) as error:
            run = self.directory
            if run.exists():
                then = f"resume from the last checkpoint: {resume_call(run.path)}"
            else:
                then = f"start a new run: {run.path} no longer exists"
            raise MnistganError(f"{error}, then {then}") from error

    def _state(self) -> dict[str, Any]:
        state = self.trainer.state()
        if self._monitor is not None:
            state["measuring"] = self._monitor.state()
        return state

    def _prune(self) -> None:
        """Remove all but the newest checkpoints, and damaged ones of later steps."""
        # Errors are ignored: the folder may be gone, and the next save tries again. The files are
        # sorted, newest first. Those of later steps are damaged: the run was restored from this
        # one.
        with contextlib.suppress(OSError, ValueError):
            files = self.directory.checkpoint_files()
            here = files.index(self.directory.checkpoint_file(self._saved_step))
            for file in files[:here] + files[here + self.plan.config.checkpoint.keep :]:
                file.unlink(missing_ok=True)

    # The run directory -------------------------------------------------------------------------

    def make_directory(self) -> None:
        """Create the run directory, of a run that got no name under the next free one.

        Iterating does so, too; call it before to know :attr:`directory` before the first event.

        Raises:
            UsageError: it cannot be written.
        """
        if self._has_directory:
            return
        path = self.directory.path
        try:
            if self.plan.is_named:
                path.mkdir(parents=True, exist_ok=True)
            else:
                self.directory = RunDirectory(run_directory.claim(path))
        except OSError as error:
            raise _not_writable(path, error) from error
        self._has_directory = True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Make the directory, and lock it against other processes."""
        self.make_directory()
        path = self.directory.path
        try:
            run = self.directory
            # A run directory from an untrusted source could contain links, through which a resumed
            # run would overwrite files elsewhere.
            for place in (run.checkpoints, run.samples, run.lock_file):
                if place.is_symlink():
                    raise UsageError(
                        f"{place}: is a link; remove it, a run writes only to its own folder"
                    )
            self.directory.checkpoints.mkdir(exist_ok=True)
            # The operating system releases this lock when the process dies, so a killed run can be
            # resumed at once. A file that merely exists would have to be removed by hand.
            lock = filelock.FileLock(self.directory.lock_file, blocking=False)
            lock.acquire()
        except filelock.Timeout as error:
            raise UsageError(
                f"{path}: another process is training this run; wait for it, or choose another "
                "`directory`"
            ) from error
        except OSError as error:
            raise _not_writable(path, error) from error
        try:
            if not self.plan.resume:  # another process may have started a run here since the plan
                refuse_other_run(self.directory)
            for folder in (path, self.directory.checkpoints, self.directory.samples):
                remove_leftovers(folder)
            yield
        finally:
            lock.release()

    def _write_description(self) -> None:
        """Write config.toml and environment.json, which keeps the times of all resumptions."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        before = self.directory.read_environment()
        environment = before if self.plan.resume and before else {"started": now, "resumed": []}
        if self.plan.resume:
            resumed = environment.get("resumed")
            environment["resumed"] = [*(resumed if isinstance(resumed, list) else []), now]
        environment |= {
            "command": [Path(sys.argv[0]).name.replace("__main__.py", "mnistgan"), *sys.argv[1:]],
            **self.trainer.arithmetic(),
            "mnistgan": __version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        }
        write_text(self.directory.environment_file, json.dumps(environment, indent=2) + "\n")
        write_text(self.directory.config_file, toml.to_toml(self.trainer.config))


def _not_writable(path: Path, error: OSError) -> UsageError:
    reason = f"cannot be written ({error.strerror}); choose another `directory`"
    return UsageError(f"{path}: {reason}")
