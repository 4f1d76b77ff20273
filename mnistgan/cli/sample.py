"""``mnistgan sample``: images out of a generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
    count: Annotated[
        int | None, typer.Option("-n", min=1, max=10**12, metavar="N", help="How many images.")
    ] = None,
    seed: Seed = 0,
    digits: Annotated[
        str | None,
        typer.Option(
            "--digits",
            "--digit",
            metavar="7|1,3|0-9",
            help="Classes, each in turn, by name or number.  [dim](conditional generators)[/dim]",
        ),
    ] = None,
    per_digit: Annotated[
        int | None,
        typer.Option(
            "--per-digit",
            min=1,
            max=10**12,
            metavar="N",
            help="In -n's place: so many images of each, a row a class.",
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(help="Cut the noise off: 1 makes typical images, 3 nearly all kinds."),
    ] = None,
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
            "--labels",
            help="With each class: as asked, or as the classifier sees it; idx always.",
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

    Image i depends on the options and i alone, whatever -n is.

    [bold]mnistgan sample --ckpt g.pt -n 100[/bold]   a 10x10 grid

    [bold]mnistgan sample --ckpt g.pt --digits 0-9 --per-digit 10[/bold]   a row of each digit, if
    the generator is conditional; --digit 7 -n 100 makes sevens

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
    _refuse_unclear(count, per_digit, digits is not None and balanced)
    target = out or Path(_DEFAULT[format])

    from mnistgan.cli.bars import bar
    from mnistgan.evaluation.labeler import labeler_for
    from mnistgan.models import networks
    from mnistgan.sampling import conditioning
    from mnistgan.sampling.generator import load_generator
    from mnistgan.sampling.sampler import SamplingOptions
    from mnistgan.storage import run_directory
    from mnistgan.synthetic import image_files, mnist_files, shards
    from mnistgan.synthetic.manifest import ShardSpec, check_size
    from mnistgan.synthetic.selection import ImageStream, Sampler, Selection

    selection, writer = Selection(min_confidence, balanced), shards.Writer.parse(part)
    options = SamplingOptions(seed, truncation=truncation)
    use_threads(threads)
    generator = load_generator(ckpt)
    if digits is not None or per_digit is not None:
        class_sequence = conditioning.parse(digits, generator.classes, per_digit or 1)
        options = replace(options, class_sequence=class_sequence)
        count = count or len(class_sequence.classes) * class_sequence.repeat
    assert count is not None
    told = options.class_sequence_for(generator)
    if format == "shards":
        check_size(count, shard_size or _SHARD_SIZE)
    elif format == "idx":
        mnist_files.check(target, generator.config)
    else:
        image_files.check_target(target, format, count)
    with bar() as on_progress:
        labeler = None
        if selection.min_confidence or (told is None and (labels or balanced or format == "idx")):
            labeler = labeler_for(generator.config.data, data_root, on_progress)
        sampler = Sampler(generator, options, labeler)
        if format == "idx":
            mnist_files.write(
                target, sampler, count, test or max(1, count // 6), selection, on_progress
            )
        elif format == "shards":
            file = run_directory.generator_path(ckpt)
            recipe = ShardSpec.of(sampler, file, count, shard_size or _SHARD_SIZE, selection)
            outcome = shards.write(target, sampler, recipe, writer, on_progress)
        else:
            drawing = ImageStream(sampler, count, 0, selection, on_progress)
            shape = networks.image_shape(generator.config)
            columns = told.columns if told else None
            image_files.write_images(target, format, drawing, count, shape, columns)
    if format == "shards":
        typer.echo(f"mnistgan: {outcome}", err=True)
    typer.echo(target)


def _refuse_unclear(count: int | None, per_digit: int | None, is_twice_balanced: bool) -> None:
    if (count is None) == (per_digit is None):
        raise UsageError("how many images? give -n, or --per-digit for so many of each class")
    if is_twice_balanced:
        raise UsageError("--digits asks for each class in turn; leave --balanced out")


def _refuse_misplaced(format: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value and format not in _ONLY_WITH[option]:
            raise UsageError(f"{option} is for --format {one_of(_ONLY_WITH[option])}")
