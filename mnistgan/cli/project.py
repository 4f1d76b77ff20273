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
    as_json: options.AsJson = False,
    data_root: options.DataRoot = None,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Find the z whose image is most similar to a given image.

    [bold]mnistgan project seven.png[/bold]   both images in projection.png, with the newest run

    [bold]mnistgan project --index 7,12 --ckpt g.pt --out walk.gif[/bold]   a walk between digits

    [bold]mnistgan project seven.png --json > z.json[/bold]   also z and its error
    """
    from mnistgan.cli import console
    from mnistgan.latent.projection_files import project_to_files

    source = options.generator_source(ckpt)
    options.use_threads(threads)
    with console.bar() as on_progress:
        found = project_to_files(
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
            on_progress=on_progress,
        )
    if as_json:
        console.show_json(found.content)
    else:
        # printable(): file names may contain control characters, which a terminal would execute.
        echo(printable("\n".join(found.lines)))
    echo(out, err=as_json)
    for hint in found.hints:
        echo(printable(f"mnistgan: {hint}"), err=True)
