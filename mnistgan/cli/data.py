"""``mnistgan data``: published data sets and your own images."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, BadParameter, Context, Exit, Option, Typer, echo

from mnistgan.cli import options
from mnistgan.cli.plain_help import PlainCommand, PlainGroup
from mnistgan.cli.wording import for_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

_TABLE = 130
"""Columns that the table of data sets needs, so that its last column, the source, is readable."""

# Without a subcommand, `mnistgan data` lists the data sets, so it must not print the help.
app = Typer(cls=PlainGroup, invoke_without_command=True, no_args_is_help=False)

_Name = Annotated[
    str,
    Argument(
        metavar="NAME",
        help="Published data set (see: mnistgan data).",
        autocompletion=options.complete_data_sets,
    ),
]
_Labels = Annotated[
    str | None, Option(metavar="FILE", help="Labels of an IDX file; by default beside it.")
]


@app.callback()
def data(
    ctx: Context,
    as_json: options.AsJson = False,
    data_root: options.DataRoot = None,
    debug: options.Debug = False,
) -> None:
    """List the published data sets; fetch, verify or show one.

    Torchvision's data sets for image classification are available as torchvision:NAME, such as
    torchvision:SVHN or torchvision:CIFAR10.

    To train on your own images, pass their path to mnistgan train --data: a folder of images (one
    subfolder per class, or none), an .npz file or an IDX file.

    [bold]mnistgan data fetch fashion-mnist[/bold]

    [bold]mnistgan data show ./photos --channels 3[/bold]
    """
    if ctx.invoked_subcommand is None:
        _list(data_root, as_json)
    # Typer would accept the option here and the subcommand would not see it.
    elif data_root is not None or as_json:
        name = "--json" if as_json else "--data-root"
        raise BadParameter(f"give {name} after {ctx.invoked_subcommand}, not before it")


@app.command(cls=PlainCommand)
def fetch(
    name: _Name,
    mirror: Annotated[
        list[str] | None, Option(metavar="URL", help="Try this address first; repeatable.")
    ] = None,
    data_root: options.DataRoot = None,
    debug: options.Debug = False,
) -> None:
    """Download a data set. Complete files are kept; broken downloads are resumed.

    [bold]mnistgan data fetch fashion-mnist[/bold]
    """
    from mnistgan import datasets
    from mnistgan.cli.console import bar
    from mnistgan.storage import user_dirs

    with bar() as on_progress:
        folder = datasets.fetch(name, user_dirs.data_root(data_root), mirror or (), on_progress)
    echo(folder or f"{name} is embedded; there is nothing to fetch")


@app.command(cls=PlainCommand)
def verify(
    name: options.DataName,
    labels: _Labels = None,
    as_json: options.AsJson = False,
    data_root: options.DataRoot = None,
    debug: options.Debug = False,
) -> None:
    """Read every file of a data set and report damaged ones.

    Published files are compared with their checksums; for a folder, every image is read.

    [bold]mnistgan data verify mnist[/bold]
    """
    from mnistgan.cli import console
    from mnistgan.config import DataConfig, toml
    from mnistgan.datasets import verification

    config = toml.replace_data(DataConfig(), name=name, root=data_root, labels=labels)
    with console.bar() as on_progress:
        found = verification.verify(config, on_progress)
    if as_json:
        console.show_json(asdict(found) | {"notes": [*map(for_shell, found.notes)]})
    else:
        echo(for_shell("\n".join(found.lines())))
    if not found.is_usable:
        raise Exit(1)


@app.command(cls=PlainCommand)
def show(
    name: options.DataName,
    out: Annotated[Path | None, Option(help="PNG file; by default NAME.png.")] = None,
    columns: Annotated[int, Option(min=1, max=100, help="Images per class.")] = 10,
    part: Annotated[
        Literal["train", "test"], Option(help="Part of a published data set.")
    ] = "train",
    labels: _Labels = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    fit: Annotated[
        Literal["pad", "crop"], options.data(help="Make images square by padding or cropping.")
    ] = "pad",
    background: Annotated[
        str, options.data(metavar="COLOR", help="Padding: black, white or #rrggbb.")
    ] = "black",
    alpha: Annotated[
        Literal["blend", "ink"],
        options.data(help="blend: draw over the background. ink: draw opaque pixels in white."),
    ] = "blend",
    data_root: options.DataRoot = None,
    debug: options.Debug = False,
) -> None:
    """Draw the first images of each class, one row per class, as used in training.

    [bold]mnistgan data show emnist-letters[/bold]
    """
    from mnistgan.cli.console import bar
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
        alpha=alpha,
    )
    with bar() as on_progress:
        path, notes = class_sheet.save(config, part, columns, out, on_progress)
    for note in notes:
        echo(for_shell(f"mnistgan: note: {note}"), err=True)
    echo(path)


def _list(data_root: Path | None, as_json: bool) -> None:
    from mnistgan.catalog import DATA_SETS
    from mnistgan.cli import console
    from mnistgan.datasets import archives
    from mnistgan.storage import user_dirs

    root = user_dirs.data_root(data_root)
    if as_json:
        console.show_json(
            {
                "data_root": root,
                "cache": user_dirs.cache(),
                "data_sets": [archives.describe(one, root) for one in DATA_SETS.values()],
            }
        )
        return
    rows = archives.rows(root)
    columns = console.room()
    # A pipe gets one line per data set, with tabs, so that cut and grep work.
    if columns is None:
        echo("\n".join(map("\t".join, rows)))
    elif columns < _TABLE:
        for row in rows:
            _show_below_one_another(row, columns)
    else:
        console.show_table(archives.HEAD, rows)
    more = "torchvision:NAME: any of torchvision's data sets for image classification"
    echo("\n".join(console.wrapped(more, columns)), err=True)
    echo(f"data root: {root}\ncache: {user_dirs.cache()}", err=True)


def _show_below_one_another(row: "Sequence[str]", columns: int) -> None:
    from mnistgan.cli import console

    name, images, size, classes, license, here, source = row
    echo(f"{name}, here: {here}")
    for text in (f"{images} images, {size}, {classes} classes, license: {license}", source):
        for line in console.wrapped(text, columns - 2):
            echo(f"  {line}")
