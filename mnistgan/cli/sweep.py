"""``mnistgan sweep``: search for better settings with many runs."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option, echo

from mnistgan.cli import options

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from mnistgan.cli.signals import Caught
    from mnistgan.sweep.search import Search


def sweep(
    config: Annotated[Path, Option(help="TOML file of the sweep.")],
    trials: Annotated[
        int | None, Option(min=1, help="Number of trials; overrides the TOML.")
    ] = None,
    storage: Annotated[
        str | None,
        Option(
            metavar="URL|FILE",
            help="Database or journal file of the trials; by default a journal in --out.",
        ),
    ] = None,
    jobs: Annotated[int, Option(min=1, max=256, help="Number of workers on this machine.")] = 1,
    out: Annotated[
        Path | None, Option(metavar="DIR", help="Results; by default sweeps/NAME.")
    ] = None,
    threads: Annotated[
        int | None,
        options.machine(min=1, max=1024, help="CPU threads per worker; by default cores / jobs."),
    ] = None,
    as_json: options.AsJson = False,
    worker: Annotated[bool, Option("--worker", hidden=True)] = False,
    debug: options.Debug = False,
) -> None:
    """Search for better settings with many runs.

    The TOML contains the keys to search, their ranges, and the figure to optimize. Run the same
    command again to resume the search; run it on other machines, with a shared --storage, to add
    workers.

    [bold]mnistgan sweep --config sweep.toml --trials 50 --jobs 2[/bold]
    """
    from mnistgan.sweep import plan

    planned = plan.read(config, trials)
    from mnistgan.cli import console, signals
    from mnistgan.progress import StopToken
    from mnistgan.sweep.search import Search

    folder = out or Path("sweeps") / planned.sweep.name
    # Workers that each use all cores slow each other down.
    each = threads or (max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else None)
    options.use_threads(each)
    command = [sys.executable, "-m", "mnistgan", "sweep", "--worker", "--config", str(config)]
    command += ["--out", str(folder), "--trials", str(planned.sweep.trials)]
    command += ["--storage", storage] if storage else []
    command += ["--threads", str(each)] if each else []
    stop = StopToken()
    with signals.stop_on(stop.request) as caught, console.bar() as on_progress:
        search = Search(planned, folder, storage, stop, on_progress)
        with _workers(jobs - 1, command, caught):
            search.work(lambda trial: echo(_describe(trial, search), err=True))
    if caught.signal:
        echo("mnistgan: stopped; run the same command to resume", err=True)
        raise Exit(128 + caught.signal)
    if not worker:
        _show(search, as_json)


@contextlib.contextmanager
def _workers(count: int, command: Sequence[str], caught: "Caught") -> Iterator[None]:
    """Run more workers besides this one; at the end, forward a signal and wait for them."""
    # A terminal sends Ctrl-C to all processes of a session. In sessions of their own, the workers
    # get it only once, from here. A second signal would end them without a checkpoint.
    workers = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for worker in workers:
            if caught.signal:
                worker.send_signal(caught.signal)
            worker.wait()


def _describe(trial: "FrozenTrial", search: "Search") -> str:
    """One line about a finished trial."""
    from mnistgan.sweep.results import settings_of

    figure = search.plan.sweep.objective.figure.replace("_", " ")
    value = {} if trial.value is None else {figure: trial.value}
    parts = [f"{key} {_short(one)}" for key, one in {**value, **settings_of(trial, search)}.items()]
    return f"trial {trial.number} {trial.state.name.lower()}: {'  '.join(parts)}"


def _show(search: "Search", as_json: bool) -> None:
    """Write the results, and print the ten best trials as a table, or all trials as JSON."""
    from mnistgan.cli import console
    from mnistgan.sweep import results

    files = results.write(search)
    if as_json:
        console.show_json(results.to_json(search))
    keys = list(search.plan.sweep.search)
    head = ["trial", search.plan.sweep.objective.figure.replace("_", " "), *keys]
    rows = []
    for trial in search.finished()[:10]:
        values = results.settings_of(trial, search)
        cells = [trial.number, trial.value, *map(values.get, keys)]
        rows.append([_short(cell) for cell in cells])
    console.show_table(head, rows, stderr=True)
    for file in files:
        echo(file, err=as_json)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
