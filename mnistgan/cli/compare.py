"""``mnistgan compare``: several runs side by side."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Exit, Option, echo

from mnistgan.cli import options
from mnistgan.errors import printable

if TYPE_CHECKING:
    from mnistgan.storage.run_directory import RunDirectory

_WIDEST = 15  # of a column; longer cells are folded


def compare(
    runs: Annotated[list[Path], Argument(metavar="RUN", help="Run directories.")],
    out: Annotated[Path, Option(metavar="DIR", help="Folder for the results.")] = Path(
        "comparison"
    ),
    exact: Annotated[
        bool,
        Option("--exact", help="Only say whether two runs are equal; the exit code is 1 if not."),
    ] = False,
    as_json: options.AsJson = False,
    debug: options.Debug = False,
) -> None:
    """Compare runs in a table, with their curves and their samples at the same epochs.

    The table is also written as CSV and Markdown. Runs that differ only in their seed share a
    column, with mean ± standard deviation; * marks the best. The figures are those of
    [bold]mnistgan evaluate[/bold], or else the last ones measured during training.

    [bold]mnistgan compare runs/a runs/b[/bold]

    [bold]mnistgan compare --exact runs/a runs/b[/bold]   are numbers, images and weights the same?
    """
    from mnistgan.cli import console
    from mnistgan.runs import comparison
    from mnistgan.storage.run_directory import RunDirectory

    directories = [RunDirectory(run) for run in runs]
    if exact:
        _say_whether_equal(directories, as_json)
        return
    rows = comparison.compare(directories)
    files = comparison.save(out, directories, rows)
    if as_json:
        console.show_json(comparison.to_json(rows))
    else:
        _show(
            comparison.verdicts(rows),
            [comparison.table(rows), comparison.settings(rows)],
            comparison.to_markdown(rows),
        )
    for note in comparison.repeated(rows):
        echo(printable(note), err=True)
    if not all(row.figures for row in rows):
        echo("some runs have no figures; measure them with: mnistgan evaluate RUN", err=True)
    if not comparison.is_comparable(rows):
        echo("the runs were measured in different ways; use the same -n and --data", err=True)
    echo(f"written: {', '.join(map(str, files))}", err=True)


def _say_whether_equal(runs: "Sequence[RunDirectory]", as_json: bool) -> None:
    if len(runs) != 2:
        raise BadParameter("--exact compares two runs; give their directories")
    from mnistgan.cli import console
    from mnistgan.runs import equality

    differences = equality.differences(*runs)
    if as_json:
        console.show_json({"is_equal": not differences, "differences": differences})
    else:
        equal = (
            "equal: all numbers, images and weights are the same; rates and times are not compared"
        )
        echo(printable("\n".join(differences or [equal])))
    if differences:
        raise Exit(1)


def _show(
    verdicts: Sequence[tuple[str, str]], tables: Sequence[Sequence[Sequence[str]]], markdown: str
) -> None:
    """Print verdicts and tables; runs that do not fit beside the others are printed below."""
    from rich.console import Console
    from rich.table import Column

    from mnistgan.cli import console

    terminal = Console()
    if not terminal.is_terminal:
        echo(printable(markdown), nl=False)
        return
    console.show_table(["run", "verdict"], verdicts)
    for table in (table for table in tables if len(table) > 1):
        for columns in _blocks(table, terminal.width):
            echo()
            head, *body = [[line[0], *(line[column] for column in columns)] for line in table]
            right = [Column(printable(name), justify="right") for name in head[1:]]
            console.show_table([head[0], *right], body)


def _blocks(table: Sequence[Sequence[str]], width: int) -> Iterator[list[int]]:
    """The columns of each part of a table that fits into this width, beside the first column."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = width - min(widths[0], width // 2)
    left, block = room, list[int]()
    for column in range(1, len(widths)):
        needed = min(_WIDEST, widths[column]) + 2
        if block and needed > left:
            yield block
            left, block = room, []
        block.append(column)
        left -= needed
    yield block
