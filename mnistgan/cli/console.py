"""Progress bars and tables in a terminal."""

import contextlib
import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from mnistgan.errors import printable
from mnistgan.progress import OnProgress, no_progress
from mnistgan.progress import Progress as Step
from mnistgan.training import ranks

_LEAST = 20
"""Columns that a second column needs, if texts are to be wrapped in it."""


@contextlib.contextmanager
def bar() -> Iterator[OnProgress]:
    """A progress bar on stderr; nothing if stderr is not a terminal, or on ranks above 0."""
    console = Console(stderr=True)
    if not console.is_terminal or ranks.rank():
        yield no_progress
        return
    what = TextColumn("{task.description}", markup=False)
    count = TextColumn("{task.fields[count]}", markup=False)
    columns = (what, BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, visible=False, count="")

        def on_progress(step: Step) -> None:
            description = printable(step.what)
            # A new piece of work restarts the clock; otherwise the rate and the remaining time
            # would include the pieces before it.
            if description != progress.tasks[0].description:
                progress.reset(task, description=description, visible=True, count="")
            text = _count(step, progress.tasks[0].speed)
            progress.update(task, completed=step.done, total=step.total, count=text)

        yield on_progress


def _count(step: Step, speed: float | None) -> str:
    """The units done, their total, and the rate, as numbers or as bytes."""
    show = decimal if step.unit == "bytes" else "{:,}".format
    total = "?" if step.total is None else show(step.total)
    return f"{show(step.done)}/{total}" + (f"  {show(int(speed))}/s" if speed else "")


def show_table(
    head: Sequence[str | Column],
    rows: Iterable[Sequence[str]],
    *,
    piped: str | None = None,
    stderr: bool = False,
) -> None:
    """Print a table without borders under a bold header; no cell is cropped or read as markup.

    Args:
        head: the columns, or their names.
        rows: the cells.
        piped: text to print instead if the output is not a terminal.
        stderr: whether to print to stderr.
    """
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        # Rich assumes 80 columns where there is no terminal, and would wrap lines in a file.
        console.width = 120
        if piped is not None:
            typer.echo(piped)
            return
    table = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    console.print(table)


def room() -> int | None:
    """The columns of the terminal that stdout is; None if it is not a terminal."""
    console = Console()
    return console.width if console.is_terminal else None


def show_entries(entries: Iterable[tuple[str, str]], indent: int = 0) -> None:
    """Print names and texts in two columns; in a terminal, long texts are wrapped.

    Args:
        entries: the names and their texts, which may be from files of unknown origin.
        indent: spaces before each name.
    """
    shown = [[printable(one).replace("\n", "\\n") for one in entry] for entry in entries]
    width = max((len(name) for name, _ in shown), default=0) + 2
    columns = room()
    # Without room for a second column, texts stand below their names.
    is_below = columns is not None and columns - indent - width < _LEAST
    width = 2 if is_below else width
    for name, text in shown:
        lines = wrapped(text, columns and max(columns - indent - width, 1)) or [""]
        lines = ["", *lines] if is_below else lines
        for number, line in enumerate(lines):
            start = " " * indent + (name if number == 0 else "").ljust(width)
            typer.echo(f"{start}{line}".rstrip())


def show_json(content: object) -> None:
    """Print a JSON document, indented; escape sequences in its texts are escaped."""
    # allow_nan=False: NaN and infinity are not JSON, and many parsers refuse them.
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def wrapped(text: str, columns: int | None) -> list[str]:
    """The lines of a text; one line if ``columns`` is None."""
    return [text] if columns is None else textwrap.wrap(text, columns, break_on_hyphens=False)
