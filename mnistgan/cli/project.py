"""``mnistgan project``: where in a generator's latent space an image lies."""

from __future__ import annotations

import itertools
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
from mnistgan.errors import UsageError, printable


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
    from mnistgan.latent import projection_files

    indices = whole_numbers("--index", index)
    projection_files.check(out, len(images or ()) + len(indices), json_file)

    from mnistgan.cli.bars import bar
    from mnistgan.latent import projection as projecting
    from mnistgan.sampling import conditioning
    from mnistgan.sampling.generator import load_generator
    from mnistgan.storage.atomic import write_text

    use_threads(threads)
    generator = load_generator(ckpt)
    label = None
    if digit is not None:
        label, *more = conditioning.parse(digit, generator.classes).classes
        if more:
            raise UsageError(f"--digit {digit}: name one class, or leave it out to try all")
    search = projecting.ProjectionOptions(restarts, steps, seed, label)
    data = generator.config.data
    given = projection_files.read(images or (), data, invert)
    turned = projecting.inverted(generator, given, search)
    with bar() as on_progress:
        if indices:
            given += projection_files.from_data(indices, data, data_root, on_progress)
        found = projecting.project(generator, given, search, on_progress)
        projection_files.write(out, generator, found, on_progress)
    if json_file is not None:
        write_text(json_file, projection_files.to_json(ckpt, search, found))
    for one in found:
        typer.echo(printable(projection_files.describe(one)))
    typer.echo(out)
    for image in itertools.compress(given, turned):
        advice = "leave --invert out" if invert else "add --invert"
        typer.echo(
            printable(
                f"mnistgan: {image.name}: its negative is more like what this generator makes; "
                f"{advice} to project that"
            ),
            err=True,
        )
