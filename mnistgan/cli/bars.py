"""A progress bar for work other than a training run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress import ProgressColumn as RichColumn
from rich.progress import Task as RichTask
from rich.table import Column
from rich.text import Text

from mnistgan.errors import printable
from mnistgan.progress import OnProgress, no_progress
from mnistgan.progress import Progress as Step


class _CountColumn(RichColumn):
    """The units done and in all, and the rate, as numbers or as bytes."""

    def render(self, task: RichTask) -> Text:
        """The text of one task."""
        show = decimal if task.fields.get("unit") == "bytes" else "{:,}".format
        total = "?" if task.total is None else show(int(task.total))
        rate = f"  {show(int(task.speed))}/s" if task.speed else ""
        return Text(f"{show(int(task.completed))}/{total}{rate}")


@contextlib.contextmanager
def bar() -> Iterator[OnProgress]:
    """A bar on stderr for each piece of work; nothing if stderr is not a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield no_progress
        return
    count = _CountColumn(table_column=Column(no_wrap=True))
    what = TextColumn("{task.description}", markup=False)
    columns = (what, BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, visible=False)

        def on_progress(step: Step) -> None:
            description = printable(step.what)
            if description != progress.tasks[0].description:  # the next piece: restart its clock
                progress.reset(task, description=description, unit=step.unit, visible=True)
            progress.update(task, completed=step.done, total=step.total)

        yield on_progress
