"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnistgan.errors import UsageError

if TYPE_CHECKING:
    from mnistgan.config import DataConfig


def _remember(ctx: typer.Context, debug: bool) -> bool:
    ctx.meta["debug"] = debug  # shared with the group, which prints the errors
    return debug


def presets(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion: the presets that begin so, with what they are."""
    from mnistgan.config import presets as core

    return [(name, core.summary(name)) for name in core.names() if name.startswith(incomplete)]


def data_sets(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion: the data sets that begin so, with what is on them."""
    from mnistgan.catalog import DATA_SETS

    return [(one.name, one.about) for one in DATA_SETS.values() if one.name.startswith(incomplete)]


def use_threads(count: int | None) -> None:
    """What ``--threads`` does, before anything is computed."""
    from mnistgan.models import devices

    devices.use_threads(count)


def whole_numbers(option: str, text: str | None) -> tuple[int, ...]:
    """What ``1,5,9`` lists; nothing where the option is not given.

    Raises:
        UsageError: it is something else.
    """
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts) or any(
        int(part) >= 2**63 for part in parts
    ):
        raise UsageError(f"{option} {text}: give whole numbers with commas between, as 1,5,9")
    return tuple(map(int, parts))


def data_config(name: str, root: Path | None, **keys: object) -> DataConfig:
    """A ``[data]`` section from a command's arguments.

    Raises:
        ConfigError: with all their mistakes.
    """
    from mnistgan.config import DataConfig, toml

    return toml.replace_data(DataConfig(), name=name, root=root and str(root), **keys)


DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        metavar="DIR",
        help="Folder of the data sets; else $MNISTGAN_DATA, else the user's data folder.",
    ),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug", callback=_remember, is_eager=True, help="Show a traceback with an error."
    ),
]
Checkpoint = Annotated[
    Path,
    typer.Option(
        "--ckpt", metavar="FILE", help="A generator file, a checkpoint, or a run directory."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="CPU threads; by default one for each core at hand."),
]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, metavar="N", help="Seed of the noise.")]
