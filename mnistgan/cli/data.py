"""``mnistgan data``: published data sets, and your own images."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli import options
from mnistgan.cli.plain_help import PlainCommand, PlainGroup
from mnistgan.errors import printable

app = typer.Typer(cls=PlainGroup, invoke_without_command=True, no_args_is_help=False)

_labels = typer.Option(
    metavar="FILE", help="Labels of an IDX file; by default the file next to it."
)


@app.callback()
def data(
    ctx: typer.Context, data_root: options.DataRoot = None, debug: options.Debug = False
) -> None:
    """List the published data sets; fetch, verify or show one.

    Any image classification set of torchvision can be used as torchvision:NAME, such as
    torchvision:SVHN or torchvision:CIFAR10.

    To train on your own images, give train their path: a folder of pictures (one subfolder per
    class, or flat), an .npz, or an IDX file.

    [bold]mnistgan data fetch fashion-mnist[/bold]

    [bold]mnistgan data show ./photos --channels 3[/bold]
    """
    if ctx.invoked_subcommand is None:
        _list(data_root)
    elif data_root is not None:
        raise typer.BadParameter(f"give --data-root after {ctx.invoked_subcommand}")


@app.command(cls=PlainCommand)
def fetch(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Data set.", autocompletion=options.complete_data_sets),
    ],
    mirror: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Try this address first; repeatable."),
    ] = None,
    data_root: options.DataRoot = None,
    debug: options.Debug = False,
) -> None:
    """Download a data set. Complete files are kept; broken downloads are resumed.

    [bold]mnistgan data fetch fashion-mnist[/bold]
    """
    from mnistgan import datasets
    from mnistgan.cli.bars import bar
    from mnistgan.storage import user_dirs

    root = user_dirs.data_root(data_root)
    with bar() as on_progress:
        folder = datasets.fetch(name, root, mirror or (), on_progress)
    typer.echo(folder or f"{name} is embedded: there is nothing to fetch")


@app.command(cls=PlainCommand)
def verify(
    name: options.DataName,
    labels: Annotated[str | None, _labels] = None,
    data_root: options.DataRoot = None,
    debug: options.Debug = False,
) -> None:
    """Read every file of a data set and report damaged ones.

    Published files are compared with their checksums; of a folder every picture is read.

    [bold]mnistgan data verify mnist[/bold]
    """
    from mnistgan.cli.bars import bar
    from mnistgan.config import DataConfig, toml
    from mnistgan.datasets import verification

    config = toml.replace_data(DataConfig(), name=name, root=data_root, labels=labels)
    with bar() as on_progress:
        lines, all_usable = verification.verify(config, on_progress)
    for line in lines:
        typer.echo(printable(line))
    if not all_usable:
        raise typer.Exit(1)


@app.command(cls=PlainCommand)
def show(
    name: options.DataName,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="By default NAME.png.")
    ] = None,
    columns: Annotated[int, typer.Option(min=1, max=100, help="Images per class.")] = 10,
    part: Annotated[
        Literal["train", "test"], typer.Option(help="Part of a published data set.")
    ] = "train",
    labels: Annotated[str | None, _labels] = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    fit: Annotated[
        Literal["pad", "crop"],
        options.data_option(help="How to make images square."),
    ] = "pad",
    background: Annotated[
        str,
        options.data_option(
            metavar="COLOR", help="black, white or #rrggbb; as padding and behind transparency."
        ),
    ] = "black",
    data_root: options.DataRoot = None,
    debug: options.Debug = False,
) -> None:
    """Draw the first images of each class, one row per class, as training sees them.

    [bold]mnistgan data show emnist-letters[/bold]
    """
    from mnistgan.cli.bars import bar
    from mnistgan.config import DataConfig, toml
    from mnistgan.rendering import class_sheet

    config = toml.replace_data(
        DataConfig(),
        name=name,
        root=data_root,
        labels=labels,
        image_size=image_size,
        channels=channels,
        fit=fit,
        background=background,
    )
    with bar() as on_progress:
        path, notes = class_sheet.save(config, part, columns, out, on_progress)
    for note in notes:
        typer.echo(printable(f"mnistgan: note: {note}"), err=True)
    typer.echo(path)


def _list(data_root: Path | None) -> None:
    from rich.console import Console
    from rich.table import Column

    from mnistgan.cli.tables import table
    from mnistgan.datasets import archives
    from mnistgan.storage import user_dirs

    root = user_dirs.data_root(data_root)
    rows = archives.rows(root)
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(table([Column("name", no_wrap=True), *archives.HEAD[1:]], rows))
    else:
        typer.echo("\n".join("\t".join(row) for row in rows))
    typer.echo("torchvision:NAME is any image classification set of torchvision", err=True)
    typer.echo(f"data root: {root}", err=True)
    typer.echo(f"cache: {user_dirs.cache()}", err=True)
