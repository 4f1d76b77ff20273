"""The trials of a sweep, chosen by Optuna and shared by any number of workers.

Akiba et al. 2019, "Optuna: a next-generation hyperparameter optimization framework". The sampler is
the tree-structured Parzen estimator (Bergstra et al. 2011), the pruner is the median rule.
"""

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import filelock

from mnistgan.errors import ConfigError, MnistganError, TrainingError, UsageError
from mnistgan.events import EpochEnded, Evaluated, RunEnded
from mnistgan.progress import OnProgress, Progress, StopToken, no_progress
from mnistgan.runs.plan import plan_config
from mnistgan.runs.run import Run
from mnistgan.storage.atomic import make_folder
from mnistgan.sweep.plan import Range, SweepPlan

try:
    import optuna
    from optuna import Study, Trial, TrialPruned, pruners, samplers, storages
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise MnistganError('sweeps need Optuna; run: pip install "mnistgan[sweep]"') from error

# FAIL is missing: such a trial was stopped or lost its worker, and its retry is counted instead.
_COUNTED = ("COMPLETE", "PRUNED", "RUNNING", "WAITING")
_HEARTBEAT_SECONDS = 30


class Stopped(Exception):  # noqa: N818
    """A stop was requested before the trial ended."""


class Search:
    """One worker of a sweep.

    Args:
        plan: the plan of the sweep.
        folder: folder of the runs and the results.
        storage: where the workers share trials: the URL of a database, for several machines, or the
            path of a journal, for processes that share a disk. By default a journal in the folder.
        stop: stops the current trial, which is then queued again.
        on_progress: called during each trial.

    Raises:
        UsageError: the storage cannot be opened, or belongs to another sweep.
    """

    def __init__(
        self,
        plan: SweepPlan,
        folder: Path,
        storage: str | None = None,
        stop: StopToken | None = None,
        on_progress: OnProgress = no_progress,
    ) -> None:
        self.plan = plan
        self.folder = folder
        self._stop = stop or StopToken()
        self._on_progress = on_progress
        make_folder(folder)
        self._url = storage if storage and "://" in storage else None
        # A journal, not SQLite: Optuna advises against SQLite for parallel workers.
        self._journal = Path(storage) if storage and not self._url else folder / "journal.log"
        self._locks = self._journal.with_name(f".{self._journal.stem}-locks")
        self.study = self._open()

    def work(self, on_trial: Callable[[FrozenTrial], None]) -> None:
        """Run trials until all workers together have run as many as planned.

        Args:
            on_trial: called after each trial of this worker.
        """
        while not self._stop.requested:
            with contextlib.ExitStack() as choosing:
                choosing.enter_context(self._lock("choosing"))
                self._requeue_abandoned()
                if not self._needs_more():
                    return
                # The lock is held until the trial is chosen and locked, see _objective(). So
                # n_trials is 1: each trial needs the lock anew.
                self.study.optimize(
                    lambda trial: self._objective(trial, choosing), n_trials=1,
                    catch=(Stopped,),
                    callbacks=[lambda study, trial: on_trial(trial)],
                )  # fmt: skip

    def finished(self) -> list[FrozenTrial]:
        """The completed trials, best first."""
        found = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        sign = 1 if self.plan.sweep.objective.direction == "minimize" else -1
        return sorted(found, key=lambda trial: (sign * (trial.value or 0.0), trial.number))

    # One trial ---------------------------------------------------------------------------------

    def _objective(self, trial: Trial, choosing: contextlib.ExitStack) -> float:
        with self._lock(f"{trial.number:04}"):
            # Not before this trial is locked: other workers would take it for abandoned.
            choosing.close()
            ranges = self.plan.sweep.search
            values = {key: suggest(trial, key, one) for key, one in ranges.items()}
            try:
                return self._train(trial, values)
            # Pruned, not failed: a failed trial would be retried, and the values are at fault here.
            except (ConfigError, TrainingError, TrialPruned) as error:
                trial.set_user_attr("given up", str(error))
                raise TrialPruned(str(error)) from error
            except Stopped:
                self._retry(trial)
                raise

    def _train(self, trial: Trial, values: Mapping[str, Any]) -> float:
        """Train one run per seed, with measurements that may prune the trial.

        Args:
            trial: receives each measurement, and decides whether to prune.
            values: values of the searched keys.

        Returns:
            The figure after the last epoch, averaged over the seeds.

        Raises:
            ConfigError: the values contradict each other.
            TrainingError: a loss is no longer finite.
            TrialPruned: the pruner stops the trial.
            Stopped: a stop was requested.
        """
        folder = self.folder / "trials" / f"trial-{trial.number:04}"
        objective = self.plan.sweep.objective
        figures: list[float] = []
        for number, seed in enumerate(objective.seeds):
            config, value = self.plan.config(values, seed), 0.0
            # The pruner compares trials at equal step numbers. So epochs are numbered continuously
            # over the seeds, and each reported value is the mean over the seeds so far.
            first, total = (count * config.train.epochs for count in (number, len(objective.seeds)))
            for event in Run(plan_config(config, folder / f"seed-{seed}"), self._stop):
                match event:
                    case EpochEnded(epoch=epoch):
                        self._on_progress(Progress(folder.name, first + epoch, total, "epochs"))
                    case Evaluated(epoch=epoch):
                        value = event.figures[objective.figure]
                        trial.report(fmean([*figures, value]), first + epoch)
                        if trial.should_prune():
                            raise TrialPruned(f"worse than the median after epoch {epoch}")
                    case RunEnded(reason="stopped"):
                        raise Stopped
            figures.append(value)
        return fmean(figures)

    def _retry(self, trial: Trial | FrozenTrial) -> None:
        self.study.enqueue_trial(trial.params, user_attrs={"retries": trial.number})

    def _needs_more(self) -> bool:
        states = [trial.state.name for trial in self.study.get_trials(deepcopy=False)]
        begun = sum(state in _COUNTED for state in states)
        return begun < self.plan.sweep.trials or "WAITING" in states

    # Workers -----------------------------------------------------------------------------------

    def _lock(self, name: str, blocking: bool = True) -> contextlib.AbstractContextManager[object]:
        """A file lock next to the journal; the system releases it when the process dies.

        A database needs no locks: there, Optuna finds dead workers by their heartbeat.

        Args:
            name: ``choosing``, for the only worker that may choose a trial, or the number of a
                trial, whose lock shows the other workers that it is running.
            blocking: whether to wait for another worker to release the lock.
        """
        if self._url:
            return contextlib.nullcontext()
        make_folder(self._locks)
        return filelock.FileLock(self._locks / f"{name}.lock", blocking=blocking)

    def _requeue_abandoned(self) -> None:
        """Queue the trials of killed workers again. With a database, Optuna does this."""
        if self._url:
            return
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            lock = self._lock(f"{trial.number:04}", blocking=False)
            # If the lock of a running trial is free, its worker is dead.
            with contextlib.suppress(filelock.Timeout), lock:
                self.study.tell(trial.number, state=TrialState.FAIL)
                if trial.params:
                    self._retry(trial)

    # Storage -----------------------------------------------------------------------------------

    def _open(self) -> Study:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sweep = self.plan.sweep
        with self._lock("choosing"), warnings.catch_warnings():
            # Optuna warns that the retry of trials of dead workers is experimental.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            try:
                study = optuna.create_study(
                    study_name=sweep.name,
                    storage=self._storage(),
                    direction=sweep.objective.direction,
                    load_if_exists=True,
                    # Workers with equal seeds would try equal values. constant_liar: the sampler
                    # assumes bad results for running trials, so that workers search elsewhere.
                    sampler=samplers.TPESampler(seed=self._seed(), constant_liar=True),
                    pruner=pruners.MedianPruner() if sweep.prune else pruners.NopPruner(),
                )
            except Exception as error:
                where, reason = self._url or self._journal, str(error).partition("\n")[0]
                raise UsageError(
                    f"--storage {where}: cannot be opened ({reason}); give a file, or the URL of a "
                    "database, such as sqlite:///sweep.db"
                ) from error
            self._refuse_another(study)
        return study

    def _seed(self) -> int:
        """A different random seed for each worker; the first gets the sweep's own."""
        if self._url:
            return (self.plan.sweep.seed + time.time_ns()) % 2**32
        workers = self._locks / "workers"
        number = int(workers.read_text()) if workers.exists() else 0
        workers.write_text(str(number + 1))
        return (self.plan.sweep.seed + number) % 2**32

    def _storage(self) -> storages.BaseStorage:
        if self._url is None:
            file = JournalFileBackend(str(self._journal))
            return storages.JournalStorage(file)
        # Optuna 4.9 renamed the callback and its argument; older versions are supported, too.
        retry = getattr(storages, "RetryHeartbeatStaleTrialCallback", None)
        again: dict[str, Any] = (
            {"heartbeat_stale_trial_callback": retry()}
            if retry
            else {"failed_trial_callback": storages.RetryFailedTrialCallback()}
        )
        return storages.RDBStorage(self._url, heartbeat_interval=_HEARTBEAT_SECONDS, **again)

    def _refuse_another(self, study: Study) -> None:
        """Refuse a storage whose trials belong to another search space or objective."""
        described = self.plan.sweep.model_dump(mode="json", exclude={"trials", "name"})
        described["base"] = self.plan.base
        before, now = study.user_attrs.get("sweep"), json.loads(json.dumps(described))
        if before is None:
            study.set_user_attr("sweep", now)
        elif before != now:
            keys = ", ".join(key for key in now if before.get(key) != now[key])
            raise UsageError(
                f"{self.folder}: contains a sweep with another {keys}; choose another --out"
            )


def suggest(trial: Trial, key: str, tried: Range) -> Any:
    """A value for one key, chosen by Optuna."""
    if tried.choices is not None:
        # As JSON, because Optuna stores only scalars, and a choice may be a list, such as widths.
        names = [json.dumps(choice) for choice in tried.choices]
        return json.loads(trial.suggest_categorical(key, names))
    low, high, log = tried.low, tried.high, tried.log
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(key, low, high, step=int(tried.step or 1), log=log)
    assert low is not None
    assert high is not None
    return trial.suggest_float(key, low, high, step=tried.step, log=log)
