"""``mnistgan data``: the data sets that have a name, and images of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mnistgan.cli.options import DataRoot, Debug, data_config, data_sets
from mnistgan.errors import UsageError, printable

if TYPE_CHECKING:
    from mnistgan.catalog import DataSet

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set.", autocompletion=data_sets)]
NameOrPath = Annotated[
    str,
    typer.Argument(
        metavar="NAME|PATH", help="A data set, or images of your own.", autocompletion=data_sets
    ),
]

Labels = Annotated[
    str | None, typer.Option(metavar="FILE", help="Of an IDX file; else the one beside it.")
]


@app.callback()
def data(ctx: typer.Context, data_root: DataRoot = None, debug: Debug = False) -> None:
    """List the data sets that have a name; fetch, verify or show one.

    Images of your own need no name: give train the path of a folder of pictures (one subfolder a
    class, or flat), of an .npz, or of an IDX file.

    [bold]mnistgan data fetch fashion-mnist[/bold]

    [bold]mnistgan data show ./photos --channels 3[/bold]
    """
    if ctx.invoked_subcommand is None:
        _list(data_root)
    elif data_root is not None:
        raise typer.BadParameter(f"--data-root goes behind {ctx.invoked_subcommand}")


@app.command()
def fetch(
    name: Name,
    data_root: DataRoot = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Ask this address first for NAME's files; repeatable."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Download a data set; what is there and whole stays, what broke off goes on.

    [bold]mnistgan data fetch fashion-mnist[/bold]
    """
    import dataclasses
    import re

    from mnistgan.cli.bars import bar
    from mnistgan.datasets import archives, fetching
    from mnistgan.storage import user_dirs

    data_set, root = _find(name), user_dirs.data_root(data_root)
    addresses = [address.rstrip("/") + "/" for address in mirror or []]
    for address in addresses:
        if not re.match(r"https?://[^/]", address):
            raise UsageError(f"--mirror: {address!r} must begin with http:// or https://")
    data_set = dataclasses.replace(data_set, mirrors=(*addresses, *data_set.mirrors))
    folder = archives.folder(data_set, root)
    with bar() as on_progress:
        for archive in data_set.archives:
            if archives.inspect(archive, data_set, root).state in ("missing", "damaged"):
                fetching.fetch(data_set, archive, folder, on_progress)
    typer.echo(folder if data_set.archives else f"{name} is embedded: there is nothing to fetch")


@app.command()
def verify(
    name: NameOrPath, labels: Labels = None, data_root: DataRoot = None, debug: Debug = False
) -> None:
    """Read every file of a data set, and say which are not as they should be.

    A published set is held against its checksums; of a folder every picture is read.

    [bold]mnistgan data verify mnist[/bold]
    """
    from mnistgan.cli.bars import bar
    from mnistgan.datasets import verifying

    with bar() as on_progress:
        verdict = verifying.verify(data_config(name, data_root, labels=labels), on_progress)
    for line in verdict.lines:
        typer.echo(printable(line))
    if not verdict.whole:
        raise typer.Exit(1)


@app.command()
def show(
    name: NameOrPath,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default NAME.png.")] = None,
    columns: Annotated[int, typer.Option(min=1, max=100, help="Images a class.")] = 10,
    part: Annotated[Literal["train", "test"], typer.Option(help="Of a published set.")] = "train",
    labels: Labels = None,
    data_root: DataRoot = None,
    image_size: Annotated[int, typer.Option(help="Side of the images, pixels.")] = 28,
    channels: Annotated[int, typer.Option(help="1 (grey) or 3 (colour).")] = 1,
    fit: Annotated[
        Literal["pad", "crop"], typer.Option(help="For images that are not square.")
    ] = "pad",
    background: Annotated[
        str, typer.Option(help="Behind transparent pixels and in the padding.")
    ] = "black",
    debug: Debug = False,
) -> None:
    """Draw the first images of each class, one row a class, as training would see them.

    [bold]mnistgan data show emnist-letters[/bold]
    """
    from mnistgan import datasets
    from mnistgan.cli.bars import bar
    from mnistgan.rendering import grids
    from mnistgan.storage import user_dirs
    from mnistgan.storage.atomic import check_target

    config = data_config(
        name,
        data_root,
        labels=labels,
        image_size=image_size,
        channels=channels,
        fit=fit,
        background=background,
    )
    path = user_dirs.expand(name).resolve()
    target = out or Path(f"{path.stem or 'data'}.png")
    check_target(target, ".png")
    if path.is_dir() and target.resolve().is_relative_to(path):
        raise UsageError(f"{target}: would lie among the pictures it shows; choose another --out")
    with bar() as on_progress:
        images = datasets.load(config, part, on_progress)
    for note in images.notes:
        typer.echo(printable(f"mnistgan: note: {note}"), err=True)
    grids.save_png(target, grids.class_grid(images.images, images.labels, images.classes, columns))
    typer.echo(target)


# The list --------------------------------------------------------------------------------------


def _list(data_root: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from mnistgan.catalog import DATA_SETS
    from mnistgan.storage import user_dirs

    root = user_dirs.data_root(data_root)
    head = ("name", "images", "size", "classes", "licence", "here", "source")
    rows = [_row(data_set, root) for data_set in DATA_SETS.values()]
    console = Console(highlight=False)
    if console.is_terminal:
        table = Table(*head, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        for row in rows:
            typer.echo("\t".join(row))
    typer.echo(f"the data root is {root}", err=True)
    typer.echo(f"what can be made again is kept in {user_dirs.cache()}", err=True)


def _row(data_set: DataSet, root: Path) -> tuple[str, ...]:
    from mnistgan.datasets import archives

    test = f" + {data_set.test.count:,}" if data_set.test else ""
    if not data_set.archives:
        here = "yes"
    elif archives.missing(data_set, root):
        here = f"no ({data_set.megabytes:,.0f} MB)"
    else:
        here = "yes"
    return (
        data_set.name,
        f"{data_set.train.count:,}{test}",
        f"{data_set.side}x{data_set.side}",
        str(len(data_set.classes)),
        data_set.licence,
        here,
        f"{data_set.about}; {data_set.source}",
    )


def _find(name: str) -> DataSet:
    from mnistgan.catalog import DATA_SETS
    from mnistgan.errors import did_you_mean

    if name not in DATA_SETS:
        hint = did_you_mean(name, DATA_SETS)
        raise UsageError(f"{name!r} is no data set{hint}; see: mnistgan data")
    return DATA_SETS[name]
