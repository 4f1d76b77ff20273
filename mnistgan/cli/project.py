"""``mnistgan project``: find given images in a generator's latent space."""

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from mnistgan.cli import options
from mnistgan.errors import printable

_search = partial(Option, rich_help_panel="Search")


def project(
    ckpt: options.Ckpt = None,
    images: Annotated[
        list[Path] | None, Argument(metavar="IMAGE", help="PNG, JPEG, WebP or GIF of any size.")
    ] = None,
    index: Annotated[
        str | None, Option(metavar="7,12", help="Images of the data set, by number.")
    ] = None,
    out: Annotated[Path, Option(help="Picture (.png) or walk (.gif, .webp, .mp4).")] = Path(
        "projection.png"
    ),
    json_file: Annotated[
        Path | None, Option("--json", help="Also write each z and its error.")
    ] = None,
    invert: Annotated[
        bool | None,
        Option(
            "--invert/--no-invert",
            help="Invert the pictures, or never; by default those whose negative fits better.",
        ),
    ] = None,
    seed: options.Seed = 0,
    digit: Annotated[
        str | None, _search(metavar="CLASS", help="Class of the images; by default the best fit.")
    ] = None,
    restarts: Annotated[int, _search(min=1, max=1000, help="Random starts per image.")] = 8,
    steps: Annotated[int, _search(min=1, max=100_000, help="Steps from each start.")] = 300,
    data_root: options.DataRoot = None,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Find the z whose image is most similar to a given image.

    [bold]mnistgan project seven.png[/bold]   both images in projection.png, with the newest run

    [bold]mnistgan project --index 7,12 --ckpt g.pt --out walk.gif[/bold]   a walk between digits
    """
    from mnistgan.cli.console import bar
    from mnistgan.latent.projection_files import project_to_files

    source = options.generator_source(ckpt)
    options.use_threads(threads)
    with bar() as on_progress:
        lines, hints = project_to_files(
            source,
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
    # printable(): file names may contain control characters, which a terminal would execute.
    echo(printable("\n".join(lines)))
    echo(out)
    for hint in hints:
        echo(printable(f"mnistgan: {hint}"), err=True)
