"""``mnistgan project``: where in a generator's latent space an image lies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli.options import (
    Checkpoint,
    DataRoot,
    Debug,
    Seed,
    Threads,
    use_threads,
    whole_numbers,
)
from mnistgan.errors import printable


def project(
    ckpt: Checkpoint,
    images: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[IMAGE]...", help="Pictures of any size: PNG, JPEG, WebP, GIF."),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(
            metavar="I,I,...",
            help="Or images of the generator's data set, of its test part if it has one.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.png|.gif|.mp4|.webp",
            help="What was given beside what was found; or the walk from image to image.",
        ),
    ] = Path("projection.png"),
    digit: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Of a conditional generator; by default the class that fits best.",
        ),
    ] = None,
    invert: Annotated[
        bool, typer.Option("--invert", help="The pictures are dark on bright: turn them round.")
    ] = False,
    restarts: Annotated[int, typer.Option(min=1, max=1000, help="Descents for each image.")] = 8,
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="Of each descent.")] = 300,
    seed: Seed = 0,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Also write each z and its error there."),
    ] = None,
    data_root: DataRoot = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Find the z of which a generator makes an image most like a given one.

    [bold]mnistgan project seven.png --ckpt g.pt[/bold]   beside what was found: projection.png

    [bold]mnistgan project --index 7,12 --ckpt g.pt --out walk.gif[/bold]   from digit to digit
    """
    from mnistgan.cli.bars import bar
    from mnistgan.latent.projection_files import project_to_files

    use_threads(threads)
    with bar() as on_progress:
        lines, hints = project_to_files(
            ckpt,
            out,
            pictures=images or (),
            indices=whole_numbers("--index", index),
            invert=invert,
            digit=digit,
            restarts=restarts,
            steps=steps,
            seed=seed,
            data_root=data_root,
            json_file=json_file,
            on_progress=on_progress,
        )
    for line in lines:
        typer.echo(printable(line))
    typer.echo(out)
    for hint in hints:
        typer.echo(printable(f"mnistgan: {hint}"), err=True)
