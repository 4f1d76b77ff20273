"""Options and arguments that several commands share, each declared once."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnistgan.errors import UsageError

if TYPE_CHECKING:
    from mnistgan.storage.run_directory import RunDirectory

data_option = partial(typer.Option, rich_help_panel="Data")
latent_option = partial(typer.Option, rich_help_panel="Latent space and classes")
machine_option = partial(typer.Option, rich_help_panel="Machine")
"""Options in the panels of the help that several commands have."""


def complete_presets(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion: the presets that begin with this text, with a description."""
    from mnistgan.config import presets

    return [
        (name, presets.summary(name)) for name in presets.names() if name.startswith(incomplete)
    ]


def complete_data_sets(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion: the data sets that begin with this text, with a description."""
    from mnistgan.catalog import DATA_SETS

    return [(one.name, one.about) for one in DATA_SETS.values() if one.name.startswith(incomplete)]


def use_threads(count: int | None) -> None:
    """Apply ``--threads``, before anything is computed."""
    from mnistgan.models import devices

    devices.use_threads(count)


def integers(option: str, text: str | None) -> tuple[int, ...]:
    """The numbers in ``1,5,9``; empty if the option was not given.

    Raises:
        UsageError: the text is not a list of integers from 0 to 2**63 - 1.
    """
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts) or any(
        int(part) >= 2**63 for part in parts
    ):
        raise UsageError(f"{option} {text}: give integers separated by commas, such as 1,5,9")
    return tuple(map(int, parts))


def run_or_newest(run: Path | None) -> "RunDirectory":
    """The run directory that was named, or else the newest one.

    Raises:
        UsageError: no run was named, and there is none.
    """
    from mnistgan.storage import run_directory

    return run_directory.RunDirectory(run) if run else run_directory.newest()


def _remember(ctx: typer.Context, debug: bool) -> bool:
    ctx.meta["debug"] = debug  # read by the application's error handler
    return debug


RunOrNewest = Annotated[
    Path | None,
    typer.Argument(metavar="RUN", help="Run directory; by default the newest in runs/."),
]
DataName = Annotated[
    str,
    typer.Argument(
        metavar="NAME|PATH",
        help="Data set, torchvision:NAME, or path of your images.",
        autocompletion=complete_data_sets,
    ),
]
Ckpt = Annotated[
    Path, typer.Option(metavar="FILE", help="Generator file, checkpoint or run directory.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, metavar="INTEGER", help="Random seed.")]
Digits = Annotated[
    str | None,
    latent_option(
        "--digits",
        "--digit",
        metavar="0-9|1,3|7",
        help="Classes to draw in turn, by name or number. Conditional generators only.",
    ),
]
ImageSize = Annotated[int | None, data_option(help="Side of the images in pixels.")]
Channels = Annotated[int | None, data_option(metavar="1|3", help="1 for gray, 3 for color.")]
DataRoot = Annotated[
    Path | None,
    machine_option(
        metavar="DIR",
        help="Folder of the data sets; by default $MNISTGAN_DATA or the user's data folder.",
    ),
]
Threads = Annotated[
    int | None, machine_option(min=1, max=1024, help="CPU threads; by default all cores.")
]
Debug = Annotated[
    bool,
    typer.Option("--debug", callback=_remember, is_eager=True, help="Show tracebacks of errors."),
]
