"""``mnistgan data``: the data sets that have a name, and images of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mnistgan.cli.options import Debug, data_sets

if TYPE_CHECKING:
    from mnistgan.catalog import DataSet
    from mnistgan.config import DataConfig

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

Root = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        metavar="DIR",
        help="Folder of the data sets; else $MNISTGAN_DATA, else the user's data folder.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set.", autocompletion=data_sets)]
NameOrPath = Annotated[
    str,
    typer.Argument(
        metavar="NAME|PATH", help="A data set, or images of your own.", autocompletion=data_sets
    ),
]


@app.callback()
def data(ctx: typer.Context, data_root: Root = None, debug: Debug = False) -> None:
    """List the data sets that have a name; fetch, verify or show one.

    Images of your own need no name: give train the path of a folder of pictures (one subfolder a
    class, or flat), of an .npz, or of an IDX file.

    [bold]mnistgan data fetch fashion-mnist[/bold]

    [bold]mnistgan data show ./photos --channels 3[/bold]
    """
    if ctx.invoked_subcommand is None:
        _list(data_root)


@app.command()
def fetch(
    name: Name,
    data_root: Root = None,
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

    from mnistgan.cli.bars import bar
    from mnistgan.datasets import archives, fetching

    data_set, root = _find(name), _root(data_root)
    addresses = [address.rstrip("/") + "/" for address in mirror or []]
    data_set = dataclasses.replace(data_set, mirrors=(*addresses, *data_set.mirrors))
    folder = archives.folder(data_set, root)
    with bar() as on_progress:
        for archive in data_set.archives:
            if archives.inspect(archive, data_set, root).state in ("missing", "damaged"):
                fetching.fetch(data_set, archive, folder, on_progress)
    typer.echo(folder if data_set.archives else f"{name} is embedded: there is nothing to fetch")


@app.command()
def verify(name: NameOrPath, data_root: Root = None, debug: Debug = False) -> None:
    """Read every file of a data set, and say which are not as they should be.

    A published set is held against its checksums; of a folder every picture is read.

    [bold]mnistgan data verify mnist[/bold]
    """
    from mnistgan.catalog import DATA_SETS

    if name in DATA_SETS:
        _verify_published(DATA_SETS[name], _root(data_root))
    else:
        _verify_own(_config(name, data_root))


@app.command()
def show(
    name: NameOrPath,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default NAME.png.")] = None,
    columns: Annotated[int, typer.Option(min=1, max=100, help="Images a class.")] = 10,
    part: Annotated[Literal["train", "test"], typer.Option(help="Of a published set.")] = "train",
    data_root: Root = None,
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
    from mnistgan import datasets, rendering
    from mnistgan.cli.bars import bar

    config = _config(
        name,
        data_root,
        image_size=image_size,
        channels=channels,
        fit=fit,
        background=background,
    )
    target = out or Path(f"{Path(name).expanduser().resolve().stem or 'data'}.png")
    rendering.check_suffix(target, (".png",))
    with bar() as on_progress:
        images = datasets.load(config, part, on_progress)
    for note in images.notes:
        typer.echo(f"mnistgan: note: {note}", err=True)
    rendering.save_png(
        target, rendering.class_grid(images.images, images.labels, images.classes, columns)
    )
    typer.echo(target)


# The list --------------------------------------------------------------------------------------


def _list(data_root: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from mnistgan.catalog import DATA_SETS

    root = _root(data_root)
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


# Verifying -------------------------------------------------------------------------------------


def _verify_published(data_set: DataSet, root: Path) -> None:
    from mnistgan.datasets import archives

    bad = 0
    for archive in data_set.archives:
        found = archives.inspect(archive, data_set, root)
        if found.state == "missing":
            says = "is missing"
        elif found.state == "damaged":
            says = f"is damaged: {found.trouble}"
        elif found.state == "unpacked" and not archive.unpacked_md5:
            says = "is there unpacked, for which no checksum is published"
        else:
            says = "is as published"
        bad += found.state in ("missing", "damaged")
        typer.echo(f"{found.path}: {says}")
    if bad:
        typer.echo(f"mnistgan: error: fetch it anew: mnistgan data fetch {data_set.name}", err=True)
        raise typer.Exit(1)
    if not data_set.archives:
        typer.echo(f"{data_set.name} is embedded: there is nothing to verify")


def _verify_own(config: DataConfig) -> None:
    from mnistgan import datasets
    from mnistgan.cli.bars import bar
    from mnistgan.datasets import folder
    from mnistgan.datasets.fitting import Fit

    path = Path(config.name).expanduser()
    with bar() as on_progress:
        if path.is_dir():
            listing = folder.list_pictures(path)
            images, _, bad = folder.decode(listing, Fit.of(config), on_progress)
            count, classes, others = len(images), listing.classes, listing.others
        else:
            images_set = datasets.load(config, on_progress=on_progress)
            count, classes, bad, others = len(images_set), images_set.classes, [], []
    for name in bad:
        typer.echo(f"cannot be read: {name}")
    for name in others:
        typer.echo(f"no picture by name: {name}")
    in_classes = f" in {len(classes)} classes" if classes else ""
    typer.echo(f"{count:,} images{in_classes}")
    if bad:
        raise typer.Exit(1)


def _find(name: str) -> DataSet:
    from mnistgan.catalog import DATA_SETS
    from mnistgan.errors import UsageError, did_you_mean

    if name not in DATA_SETS:
        hint = did_you_mean(name, DATA_SETS)
        raise UsageError(f"{name!r} is no data set{hint}; see: mnistgan data")
    return DATA_SETS[name]


def _config(name: str, root: Path | None, **keys: object) -> DataConfig:
    from mnistgan import config_io

    table = {"name": name, "root": None if root is None else str(root), **keys}
    given = {key: value for key, value in table.items() if value is not None}
    return config_io.validate({"data": given}, "").data


def _root(data_root: Path | None) -> Path:
    from mnistgan.config import DataConfig
    from mnistgan.datasets import data_root as find

    return find(DataConfig(root=None if data_root is None else str(data_root)))
