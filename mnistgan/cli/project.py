"""``mnistgan project``: where in a generator's latent space an image lies."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mnistgan.cli import options
from mnistgan.errors import printable

_search_option = partial(typer.Option, rich_help_panel="Search")

_pictures = typer.Argument(metavar="IMAGE", help="Pictures of any size: PNG, JPEG, WebP or GIF.")
_index = typer.Option(metavar="7,12", help="Images of the data set instead, by number.")
_out = typer.Option(
    metavar="FILE",
    help=".png: given and found images side by side; .gif, .webp or .mp4: a walk from image "
    "to image.",
)
_json_file = typer.Option("--json", metavar="FILE", help="Also write each z and its error.")
_invert = typer.Option("--invert", help="Invert the pictures, if they are dark on white.")
_digit = _search_option(
    metavar="CLASS",
    help="Class of the images; by default the best fit. Conditional generators only.",
)
_restarts = _search_option(min=1, max=1000, help="Starts per image.")
_steps = _search_option(min=1, max=100_000, help="Steps from each start.")


def project(
    ckpt: options.Ckpt,
    images: Annotated[list[Path] | None, _pictures] = None,
    index: Annotated[str | None, _index] = None,
    out: Annotated[Path, _out] = Path("projection.png"),
    json_file: Annotated[Path | None, _json_file] = None,
    invert: Annotated[bool, _invert] = False,
    seed: options.Seed = 0,
    digit: Annotated[str | None, _digit] = None,
    restarts: Annotated[int, _restarts] = 8,
    steps: Annotated[int, _steps] = 300,
    data_root: options.DataRoot = None,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Find the z whose image is most like a given one.

    [bold]mnistgan project seven.png --ckpt g.pt[/bold]   writes both to projection.png

    [bold]mnistgan project --index 7,12 --ckpt g.pt --out walk.gif[/bold]   from digit to digit
    """
    from mnistgan.cli.bars import bar
    from mnistgan.latent.projection_files import project_to_files

    options.use_threads(threads)
    with bar() as on_progress:
        lines, hints = project_to_files(
            ckpt,
            out,
            pictures=images or (),
            indices=options.integers("--index", index),
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
