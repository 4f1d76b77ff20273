"""A sweep's trials, chosen by Optuna and shared by as many workers as like to join.

Akiba et al. 2019, "Optuna: a next-generation hyperparameter optimization framework"; the sampler is
the tree-structured Parzen estimator (Bergstra et al. 2011), the pruner the median rule.
"""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import filelock

from mnistgan.errors import MnistganError, UsageError
from mnistgan.progress import OnProgress, StopToken, no_progress
from mnistgan.sweep import trials
from mnistgan.sweep.plan import Range, SweepPlan

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

OnTrial: TypeAlias = Callable[["FrozenTrial"], None]
"""Told each trial that this worker ended."""

_COUNTED = ("COMPLETE", "PRUNED", "RUNNING", "WAITING")
_HEARTBEAT_SECONDS = 30


class Search:
    """A sweep in its folder.

    Args:
        plan: what to try.
        folder: for the runs and the results.
        storage: where workers meet: a database's URL, for many machines, or a journal file, for
            all processes that reach it; by default one in the folder.
        stop: ends the trial at hand, which will be tried again.
        on_progress: told how far the trial at hand is.

    Raises:
        MnistganError: Optuna is not installed.
        UsageError: the storage cannot be opened, or holds the trials of another sweep.
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
        folder.mkdir(parents=True, exist_ok=True)
        self._url = storage if storage and "://" in storage else None
        self._journal = None if self._url else Path(storage or folder / "journal.log")
        self.study = self._open()

    def work(self, on_trial: OnTrial) -> None:
        """Make trials until there are enough, together with all others that work on them."""
        while not self._stop.requested:
            with contextlib.ExitStack() as choosing:
                choosing.enter_context(self._alone())
                self._take_up_the_dead()
                if not self._is_one_wanted():
                    return
                self.study.optimize(
                    lambda trial: self._objective(trial, choosing), n_trials=1,
                    catch=(trials.Stopped,),
                    callbacks=[lambda study, trial: on_trial(trial)],
                )  # fmt: skip

    def finished(self) -> list[FrozenTrial]:
        """The trials that have their figure, the best first."""
        from optuna.trial import TrialState

        found = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        sign = 1 if self.plan.sweep.objective.direction == "minimize" else -1
        return sorted(found, key=lambda trial: (sign * (trial.value or 0.0), trial.number))

    # One trial ---------------------------------------------------------------------------------

    def _objective(self, trial: Trial, choosing: contextlib.ExitStack) -> float:
        import optuna

        folder = self.folder / "trials" / f"trial-{trial.number:04}"
        with self._alive(trial.number):
            choosing.close()  # others may choose now: this trial is known to be alive
            ranges = self.plan.sweep.search
            values = {key: suggest(trial, key, one) for key, one in ranges.items()}
            try:
                return trials.figure_of(
                    self.plan,
                    values,
                    folder,
                    lambda step, figure: _give_up(trial, step, figure),
                    self._stop,
                    self._on_progress,
                )
            except trials.GivenUp as error:
                trial.set_user_attr("given up", str(error))
                raise optuna.TrialPruned(str(error)) from error
            except trials.Stopped:
                self.study.enqueue_trial(trial.params, user_attrs={"retries": trial.number})
                raise

    def _is_one_wanted(self) -> bool:
        states = [trial.state.name for trial in self.study.get_trials(deepcopy=False)]
        begun = sum(state in _COUNTED for state in states)
        return begun < self.plan.sweep.trials or "WAITING" in states

    # Workers -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other worker of this folder chooses a trial meanwhile."""
        with self._locked("choosing"):
            yield

    @contextlib.contextmanager
    def _alive(self, number: int) -> Iterator[None]:
        """While this lasts, the others see that someone works on the trial; a crash ends it."""
        with self._locked(f"{number:04}"):
            yield

    def _locked(
        self, name: str, blocking: bool = True
    ) -> contextlib.AbstractContextManager[object]:
        """A lock beside the journal; a database has none, but a heartbeat of its own."""
        if self._journal is None:
            return contextlib.nullcontext()
        locks = self._journal.with_name(f".{self._journal.stem}-locks")
        locks.mkdir(exist_ok=True)
        return filelock.FileLock(locks / f"{name}.lock", blocking=blocking)

    def _take_up_the_dead(self) -> None:
        """Queue the trials of killed workers again; a database's heartbeat does that itself."""
        from optuna.trial import TrialState

        if self._journal is None:
            return
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            lock = self._locked(f"{trial.number:04}", blocking=False)
            with contextlib.suppress(filelock.Timeout), lock:
                self.study.tell(trial.number, state=TrialState.FAIL)
                if trial.params:
                    attributes = {"retries": trial.number}
                    self.study.enqueue_trial(trial.params, user_attrs=attributes)

    # Storage -----------------------------------------------------------------------------------

    def _open(self) -> Study:
        try:
            import optuna
        except ImportError as error:
            raise MnistganError(
                'sweeps need Optuna, which is not installed; pip install "mnistgan[sweep]"'
            ) from error
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sweep = self.plan.sweep
        with self._alone(), warnings.catch_warnings():
            # Optuna calls the retrying of a dead worker's trial experimental.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            try:
                study = optuna.create_study(
                    study_name=sweep.name,
                    storage=self._storage(),
                    direction=sweep.objective.direction,
                    load_if_exists=True,
                    # Workers that draw alike would try alike: each begins elsewhere.
                    sampler=optuna.samplers.TPESampler(seed=self._seed(), constant_liar=True),
                    pruner=optuna.pruners.MedianPruner()
                    if sweep.prune
                    else optuna.pruners.NopPruner(),
                )
            except MnistganError:
                raise
            except Exception as error:
                where = self._url or self._journal
                raise UsageError(
                    f"--storage {where}: cannot be opened ({str(error).splitlines()[0]}); give a "
                    "database's URL, such as sqlite:///sweep.db, or a file for a journal"
                ) from error
            self._refuse_another(study)
        return study

    def _seed(self) -> int:
        """The sweep's own for the first worker, another one for each that follows."""
        if self._journal is None:
            return (self.plan.sweep.seed + time.time_ns()) % 2**32
        workers = self._journal.with_name(f".{self._journal.stem}-locks") / "workers"
        number = int(workers.read_text()) if workers.exists() else 0
        workers.write_text(str(number + 1))
        return (self.plan.sweep.seed + number) % 2**32

    def _storage(self) -> BaseStorage:
        from optuna import storages
        from optuna.storages.journal import JournalFileBackend

        if self._url is None:
            return storages.JournalStorage(JournalFileBackend(str(self._journal)))
        retry = getattr(storages, "RetryHeartbeatStaleTrialCallback", None)
        again: dict[str, Any]
        if retry is None:  # Optuna before 4.9
            again = {"failed_trial_callback": storages.RetryFailedTrialCallback()}
        else:
            again = {"heartbeat_stale_trial_callback": retry()}
        return storages.RDBStorage(self._url, heartbeat_interval=_HEARTBEAT_SECONDS, **again)

    def _refuse_another(self, study: Study) -> None:
        """What was tried under other settings tells nothing about these."""
        described = self.plan.sweep.model_dump(mode="json", exclude={"trials", "name"})
        described["base"] = self.plan.base
        before, now = study.user_attrs.get("sweep"), json.loads(json.dumps(described))
        if before is None:
            study.set_user_attr("sweep", now)
        elif before != now:
            keys = [key for key in now if before.get(key) != now[key]]
            raise UsageError(
                f"{self.folder}: holds a sweep with another {', '.join(keys)}; choose another name "
                "or --out"
            )


def suggest(trial: Trial, key: str, tried: Range) -> Any:
    """A value of one key, chosen by the study."""
    if tried.choices is not None:
        names = [json.dumps(choice) for choice in tried.choices]  # Optuna keeps plain values only
        return json.loads(trial.suggest_categorical(key, names))
    assert tried.low is not None
    assert tried.high is not None
    if tried.is_whole:
        step = int(tried.step or 1)
        return trial.suggest_int(key, int(tried.low), int(tried.high), step=step, log=tried.log)
    return trial.suggest_float(key, tried.low, tried.high, step=tried.step, log=tried.log)


def _give_up(trial: Trial, step: int, figure: float) -> bool:
    trial.report(figure, step)
    return trial.should_prune()
