"""``mnistgan sweep``: many runs, to find better settings."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnistgan.cli.options import Debug, Threads, use_threads

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from mnistgan.cli.signals import Caught
    from mnistgan.sweep.search import Search


def sweep(
    config: Annotated[Path, typer.Option(metavar="FILE", help="The sweep's TOML.")],
    trials: Annotated[
        int | None, typer.Option(min=1, help="How many; by default what the TOML says.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            help="Where workers meet: a database, for many machines, or a journal file; by default "
            "one in DIR.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Workers on this machine.")] = 1,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="By default sweeps/NAME.")] = None,
    threads: Threads = None,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
    debug: Debug = False,
) -> None:
    """Try settings and keep the best: the keys, their ranges and the figure stand in a TOML.

    Run the same command again, elsewhere too, to go on or to join.

    [bold]mnistgan sweep --config sweep.toml --trials 50 --jobs 2[/bold]
    """
    from mnistgan.sweep import plan

    planned = plan.read(config, trials)
    folder = out or Path("sweeps") / planned.sweep.name
    from mnistgan.cli import signals
    from mnistgan.cli.bars import bar
    from mnistgan.progress import StopToken
    from mnistgan.sweep.search import Search

    each = threads or (max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else None)
    use_threads(each)
    stop = StopToken()
    command = [sys.executable, "-m", "mnistgan", "sweep", "--config", str(config)]
    command += ["--out", str(folder), "--trials", str(planned.sweep.trials)]
    command += ["--storage", storage] if storage else []
    command += ["--threads", str(each)] if each else []
    with signals.stop_on(stop) as caught, bar() as on_progress:
        search = Search(planned, folder, storage, stop, on_progress)
        with _others(jobs - 1, [*command, "--worker"], caught):
            search.work(lambda trial: _say(_line(trial, search)))
    if caught.signal:
        typer.echo("mnistgan: stopped; run the same command to go on", err=True)
        raise typer.Exit(128 + caught.signal)
    if not worker:
        _tell(search)


def _say(line: str) -> None:
    typer.echo(line, err=True)


@contextlib.contextmanager
def _others(count: int, command: list[str], caught: Caught) -> Iterator[None]:
    """So many workers of their own beside this one; waits for them at the end."""
    # In a session of their own a Ctrl-C reaches them once, from here.
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


def _line(trial: FrozenTrial, search: Search) -> str:
    from mnistgan.sweep.results import settings_of

    figure = search.plan.sweep.objective.figure.replace("_", " ")
    values = "  ".join(
        f"{key} {_short(value)}" for key, value in settings_of(trial, search).items()
    )
    state = trial.state.name.lower()
    value = "" if trial.value is None else f"{figure} {trial.value:.4g}  "
    return f"trial {trial.number} {state}: {value}{values}"


def _tell(search: Search) -> None:
    """The best trials as a table, and what was written."""
    from rich.console import Console
    from rich.table import Table

    from mnistgan.sweep import results

    files = results.write(search)
    finished = search.finished()
    table = Table("trial", search.plan.sweep.objective.figure.replace("_", " "), box=None)
    keys = list(search.plan.sweep.search)
    for key in keys:
        table.add_column(key)
    for trial in finished[:10]:
        values = results.settings_of(trial, search)
        table.add_row(
            str(trial.number), f"{trial.value:.4g}", *(_short(values.get(key)) for key in keys)
        )
    Console(stderr=True, highlight=False).print(table)
    for file in files:
        typer.echo(file)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
