"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _remember(ctx: typer.Context, debug: bool) -> bool:
    ctx.meta["debug"] = debug  # shared with the group, which prints the errors
    return debug


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
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the noise.")]
