"""``mnistgan sample``: images out of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli.options import Checkpoint, Debug, Seed, Threads, use_threads


def sample(
    ckpt: Checkpoint,
    count: Annotated[int, typer.Option("-n", min=1, help="How many images.")],
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="By default samples.png, samples.npz or samples/."),
    ] = None,
    format: Annotated[
        Literal["grid", "png", "npz"],
        typer.Option(help="One grid, a folder of numbered images, or one array file."),
    ] = "grid",
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Draw images from a trained generator.

    Image i depends on the seed and i alone, whatever -n is.

    [bold]mnistgan sample --ckpt g.pt -n 100[/bold]   a 10x10 grid

    [bold]mnistgan sample --ckpt g.pt -n 1000000 --format npz[/bold]   streamed, in constant memory
    """
    from mnistgan import image_files

    target = out or Path({"grid": "samples.png", "npz": "samples.npz", "png": "samples"}[format])
    image_files.check_target(target, format, count)

    from mnistgan import networks, sampling
    from mnistgan.cli.bars import bar

    use_threads(threads)
    generator = sampling.load_generator(ckpt)
    with bar() as on_progress:
        blocks = sampling.sample_blocks(generator, count, seed, on_progress)
        shape = networks.image_shape(generator.config)
        image_files.write_images(target, format, blocks, count, shape)
    typer.echo(target)
