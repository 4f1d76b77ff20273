"""``mnistgan sample``: images out of a generator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli.options import Checkpoint, DataRoot, Debug, Seed, Threads, use_threads
from mnistgan.errors import UsageError, one_of

_DEFAULT = {
    "grid": "samples.png",
    "png": "samples",
    "npz": "samples.npz",
    "idx": "synthetic",
    "shards": "shards",
}
_SHARD_SIZE = 100_000
_LABELLED = ("npz", "idx", "shards")
_ONLY_WITH = {
    "--test": ("idx",),
    "--shard-size": ("shards",),
    "--part": ("shards",),
    "--labels": _LABELLED,
    "--min-confidence": _LABELLED,
    "--balanced": _LABELLED,
}


def sample(
    ckpt: Checkpoint,
    count: Annotated[int, typer.Option("-n", min=1, max=10**12, help="How many images.")],
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="By default samples.png, .npz or /; synthetic/; shards/."
        ),
    ] = None,
    format: Annotated[
        Literal["grid", "png", "npz", "idx", "shards"],
        typer.Option(
            help="One grid; a folder of numbered images; one array file; the four files of MNIST; "
            "a folder of array files with a manifest."
        ),
    ] = "grid",
    labels: Annotated[
        bool,
        typer.Option(
            "--labels", help="With the class that the data set's classifier sees; idx always."
        ),
    ] = False,
    min_confidence: Annotated[
        float,
        typer.Option(min=0, max=1, help="Take only images whose class is at least so sure."),
    ] = 0.0,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="As many images of each class.")
    ] = False,
    test: Annotated[
        int | None,
        typer.Option(min=1, help="idx: images of the test part; by default a sixth of -n."),
    ] = None,
    shard_size: Annotated[
        int | None, typer.Option(min=1, help="shards: images in each; by default 100000.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="i/k", help="shards: write i, i+k, ... only; others write the rest."),
    ] = None,
    data_root: DataRoot = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Draw images from a trained generator.

    Image i depends on the seed and i alone, whatever -n is.

    [bold]mnistgan sample --ckpt g.pt -n 100[/bold]   a 10x10 grid

    [bold]mnistgan sample --ckpt g.pt -n 1000000 --format npz[/bold]   streamed, in constant memory

    [bold]mnistgan sample --ckpt g.pt -n 60000 --format idx --balanced[/bold]   labelled, as MNIST's
    own files: torchvision.datasets.MNIST("synthetic")

    [bold]mnistgan sample --ckpt g.pt -n 10000000 --format shards --part 1/4[/bold]   one of four
    processes or machines that write one folder; run again, it goes on
    """
    _refuse_misplaced(
        format,
        {
            "--test": test,
            "--shard-size": shard_size,
            "--part": part,
            "--labels": labels,
            "--min-confidence": min_confidence,
            "--balanced": balanced,
        },
    )
    target = out or Path(_DEFAULT[format])

    from mnistgan import image_files

    if format != "idx" and format != "shards":
        image_files.check_target(target, format, count)

    from mnistgan import labelling, mnist_folder, networks, rundir, sampling, shards
    from mnistgan.cli.bars import bar
    from mnistgan.drawing import Drawing, Rule, Source
    from mnistgan.manifest import Recipe, check_size

    rule, writer = Rule(min_confidence, balanced), shards.Part.parse(part)
    if format == "shards":
        check_size(count, shard_size or _SHARD_SIZE)
    use_threads(threads)
    generator = sampling.load_generator(ckpt)
    if format == "idx":
        mnist_folder.check(target, generator.config)
    with bar() as on_progress:
        labeller = None
        if labels or format == "idx" or not rule.takes_all:
            labeller = labelling.for_data(generator.config.data, data_root, on_progress)
        source = Source(generator, seed, labeller)
        if format == "idx":
            mnist_folder.write(target, source, count, test or max(1, count // 6), rule, on_progress)
        elif format == "shards":
            file = rundir.generator_path(ckpt)
            recipe = Recipe.of(source, file, count, shard_size or _SHARD_SIZE, rule)
            outcome = shards.write(target, source, recipe, writer, on_progress)
        else:
            drawing = Drawing(source, count, 0, rule, on_progress)
            shape = networks.image_shape(generator.config)
            image_files.write_images(target, format, drawing, count, shape)
    if format == "shards":
        typer.echo(f"mnistgan: {outcome}", err=True)
    typer.echo(target)


def _refuse_misplaced(format: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value and format not in _ONLY_WITH[option]:
            raise UsageError(f"{option} is for --format {one_of(_ONLY_WITH[option])}")
