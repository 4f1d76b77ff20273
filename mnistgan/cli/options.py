"""Options and arguments that several commands share."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Context, Option, echo

from mnistgan.errors import UsageError, did_you_mean, printable

if TYPE_CHECKING:
    from mnistgan.storage.run_directory import RunDirectory

data = partial(Option, rich_help_panel="Data")
latent = partial(Option, rich_help_panel="Latent space and classes")
machine = partial(Option, rich_help_panel="Machine")
"""Make an option in a panel of the help that several commands have."""


def complete_presets(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion: each preset with its description."""
    from mnistgan.config import presets

    return [(name, presets.summary(name)) for name in presets.names()]


def complete_data_sets(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion: each published data set with its description."""
    from mnistgan.catalog import DATA_SETS

    return [(name, data_set.about) for name, data_set in DATA_SETS.items()]


def use_threads(count: int | None) -> None:
    """Apply ``--threads``, before anything is computed."""
    from mnistgan.models import devices

    devices.use_threads(count)


def integers(option: str, text: str | None) -> list[int]:
    """The numbers in ``1,5,9``; empty if the option was not given.

    Raises:
        UsageError: the text is not a list of integers from 0 to 2**63 - 1.
    """
    parts = [] if text is None else text.split(",")
    if not all(re.fullmatch(r" *[0-9]{1,19} *", one) and int(one) < 2**63 for one in parts):
        raise UsageError(f"{option} {text}: give integers separated by commas, such as 1,5,9")
    return [int(one) for one in parts]


def run_or_newest(run: Path | None) -> "RunDirectory":
    """The given run directory, or the newest one if none is given.

    Raises:
        UsageError: no run is given, and runs/ contains none.
    """
    from mnistgan.storage import run_directory

    return run_directory.RunDirectory(run) if run else run_directory.newest()


def generator_source(ckpt: str | None) -> Path:
    """The path to load a generator from: ``--ckpt`` or, if it is not given, the newest run.

    The exact name of an installed generator stands for its file; anything else is a path. If a path
    has the same name, or the newest run is used, one line on stderr says what was taken.

    Raises:
        UsageError: no path is given, and runs/ contains no run, or its newest has no generator yet.
    """
    from mnistgan.generators import named
    from mnistgan.storage import run_directory

    if ckpt is None:
        run = run_directory.newest(instead="a generator file with --ckpt").path
        file = run_directory.generator_path(run)
        echo(printable(f"mnistgan: using {file}, from the newest run"), err=True)
        return run
    if (plugin := named.find(ckpt)) is None:
        return _existing(ckpt)
    if Path(ckpt).exists():
        taken = f"the generator {ckpt} of {plugin.origin}; for the path, give ./{ckpt}"
        echo(printable(f"mnistgan: using {taken}"), err=True)
    return plugin.path


def _existing(ckpt: str) -> Path:
    """The path, if it may be one.

    Raises:
        UsageError: it is a single word that is neither an installed generator nor a path.
    """
    from mnistgan.generators import named

    path = Path(ckpt)
    if path.suffix or len(path.parts) != 1 or path.exists():
        return path  # the core says what is wrong with it
    hint = did_you_mean(ckpt, named.names()) or "; see: mnistgan plugins generators"
    raise UsageError(f"--ckpt {ckpt}: is neither a path nor the name of a generator{hint}")


def complete_generators(incomplete: str) -> list[str]:
    """Shell completion: the names of the installed generators, and paths."""
    from mnistgan.generators import named

    folder, _, start = incomplete.rpartition("/")
    paths = Path(folder or ".").glob(f"{start}*")
    return [*named.names(), *map(str, paths)]


def _remember(ctx: Context, debug: bool) -> bool:
    # For the application's error handler, which does not see the parameters of a command. The
    # option is eager, so that it also applies to errors in the other parameters.
    ctx.meta["debug"] = debug
    return debug


RunOrNewest = Annotated[
    Path | None, Argument(metavar="RUN", help="Run directory; by default the newest in runs/.")
]
DataName = Annotated[
    str,
    Argument(
        metavar="NAME|PATH",
        help="Data set, torchvision:NAME, or path of your images.",
        autocompletion=complete_data_sets,
    ),
]
Ckpt = Annotated[
    str | None,
    Option(
        metavar="NAME|PATH",
        help="Generator by name, such as mnist, or a generator file, checkpoint or run directory; "
        "by default the newest run in runs/.",
        autocompletion=complete_generators,
    ),
]
Seed = Annotated[int, Option(min=0, max=2**63 - 1, help="Random seed.")]
Digits = Annotated[
    str | None,
    latent(
        "--digits",
        "--digit",
        metavar="0-9|1,3|7",
        help="Classes to draw in turn (conditional generators).",
    ),
]
ImageSize = Annotated[int | None, data(help="Side of the images in pixels.")]
Channels = Annotated[int | None, data(metavar="1|3", help="1 for gray, 3 for color.")]
DataRoot = Annotated[
    Path | None,
    machine(
        metavar="DIR",
        help="Folder of data sets; by default $MNISTGAN_DATA or the user data folder.",
    ),
]
Threads = Annotated[int | None, machine(min=1, max=1024, help="CPU threads; by default all cores.")]
AsJson = Annotated[
    bool, Option("--json", help="Print one JSON document to stdout, and nothing else there.")
]
Debug = Annotated[
    bool, Option("--debug", callback=_remember, is_eager=True, help="Show tracebacks of errors.")
]
