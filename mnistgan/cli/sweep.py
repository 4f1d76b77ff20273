"""``mnistgan sweep``: many runs, to find better settings."""

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
    trials: Annotated[int | None, Option(min=1, help="Trials; by default as in the TOML.")] = None,
    storage: Annotated[
        str | None,
        Option(metavar="URL|FILE", help="What the workers share; by default a journal in --out."),
    ] = None,
    jobs: Annotated[int, Option(min=1, max=256, help="Workers on this machine.")] = 1,
    out: Annotated[
        Path | None, Option(metavar="DIR", help="For the results; by default sweeps/NAME.")
    ] = None,
    threads: options.Threads = None,
    worker: Annotated[bool, Option("--worker", hidden=True)] = False,
    debug: options.Debug = False,
) -> None:
    """Search for better settings with many runs.

    The TOML names the keys to try, their ranges, and the figure to optimize. Run the same command
    again, also on other machines, to resume or to join.

    [bold]mnistgan sweep --config sweep.toml --trials 50 --jobs 2[/bold]
    """
    from mnistgan.sweep import plan

    planned = plan.read(config, trials)
    from mnistgan.cli import console, signals
    from mnistgan.progress import StopToken
    from mnistgan.sweep.search import Search

    folder = out or Path("sweeps") / planned.sweep.name
    # Workers that use all cores each would slow each other down.
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
        _show(search)


@contextlib.contextmanager
def _workers(count: int, command: Sequence[str], caught: "Caught") -> Iterator[None]:
    """Run more workers besides this one; at the end, pass on a signal and wait for them."""
    # In a session of their own they get a Ctrl-C once, from here, and not from the terminal too.
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
    """One line about a trial that ended."""
    from mnistgan.sweep.results import settings_of

    figure = search.plan.sweep.objective.figure.replace("_", " ")
    value = {} if trial.value is None else {figure: trial.value}
    parts = [f"{key} {_short(one)}" for key, one in {**value, **settings_of(trial, search)}.items()]
    return f"trial {trial.number} {trial.state.name.lower()}: {'  '.join(parts)}"


def _show(search: "Search") -> None:
    """Write the results, and print the ten best trials as a table."""
    from mnistgan.cli import console
    from mnistgan.sweep import results

    files = results.write(search)
    keys = list(search.plan.sweep.search)
    head = ["trial", search.plan.sweep.objective.figure.replace("_", " "), *keys]
    rows = []
    for trial in search.finished()[:10]:
        values = results.settings_of(trial, search)
        cells = [trial.number, trial.value, *map(values.get, keys)]
        rows.append([_short(cell) for cell in cells])
    console.show_table(head, rows, stderr=True)
    for file in files:
        echo(file)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
