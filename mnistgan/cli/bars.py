"""A progress bar for work that is not a training run."""

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
    """How many of how many, and how many a second, in the work's own unit."""

    def render(self, task: RichTask) -> Text:
        """For one of the works."""
        show = decimal if task.fields.get("unit") == "bytes" else "{:,}".format
        total = "?" if task.total is None else show(int(task.total))
        rate = f"  {show(int(task.speed))}/s" if task.speed else ""
        return Text(f"{show(int(task.completed))}/{total}{rate}")


@contextlib.contextmanager
def bar() -> Iterator[OnProgress]:
    """A bar on stderr for each work that tells of itself; nothing where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield no_progress
        return
    count = _CountColumn(table_column=Column(no_wrap=True))
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        count,
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, visible=False)
        what = ""

        def on_progress(step: Step) -> None:
            nonlocal what
            if step.what != what:
                what = step.what
                progress.reset(task, description=printable(what), unit=step.unit, visible=True)
            progress.update(task, completed=step.done, total=step.total)

        yield on_progress
