"""``mnistgan sample``: images from a generator."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli import options

_labels_option = partial(typer.Option, rich_help_panel="Labels (formats npz, idx and shards)")
_format_option = partial(typer.Option, rich_help_panel="Formats idx and shards")

_count = typer.Option("-n", min=1, max=10**12, metavar="INTEGER", help="Number of images.")
_per_digit = options.latent_option(
    min=1,
    max=10**12,
    metavar="INTEGER",
    help="Instead of -n: that many images of each class, one row per class.",
)
_truncation = options.latent_option(
    help="Limit of |z|: 1 gives typical images, 3 almost the full variety."
)
_out = typer.Option(metavar="PATH", help="By default samples.png, samples.npz or a new folder.")
_format = typer.Option(
    metavar="FORMAT",
    help="grid: one picture; png: a folder of pictures; npz: one array file; idx: the four "
    "files of MNIST; shards: a folder of array files with a manifest.",
)
_labels = _labels_option(
    "--labels",
    help="Write labels: the class asked for, or else the classifier's. Always on for idx.",
)
_min_confidence = _labels_option(
    min=0,
    max=1,
    show_default=False,
    help="Keep only images classified with at least this probability.",
)
_balanced = _labels_option("--balanced", help="The same number of images per class.")
_test = _format_option(min=1, help="idx: test images; by default a sixth of -n.")
_shard_size = _format_option(min=1, help="shards: images per shard; by default 100000.")
_part = _format_option(
    metavar="i/k", help="shards: write shards i, i+k, ...; other processes write the rest."
)


def sample(
    ckpt: options.Ckpt,
    count: Annotated[int | None, _count] = None,
    seed: options.Seed = 0,
    format: Annotated[Literal["grid", "png", "npz", "idx", "shards"], _format] = "grid",
    out: Annotated[Path | None, _out] = None,
    digits: options.Digits = None,
    per_digit: Annotated[int | None, _per_digit] = None,
    truncation: Annotated[float | None, _truncation] = None,
    labels: Annotated[bool, _labels] = False,
    min_confidence: Annotated[float, _min_confidence] = 0.0,
    balanced: Annotated[bool, _balanced] = False,
    test: Annotated[int | None, _test] = None,
    shard_size: Annotated[int | None, _shard_size] = None,
    part: Annotated[str | None, _part] = None,
    data_root: options.DataRoot = None,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Draw images from a trained generator.

    Image i depends only on the options and on i, not on -n.

    [bold]mnistgan sample --ckpt g.pt -n 100[/bold]   a 10x10 grid

    [bold]mnistgan sample --ckpt g.pt --digits 0-9 --per-digit 10[/bold]   one row per digit, from a
    conditional generator; --digit 7 -n 100 draws sevens

    [bold]mnistgan sample --ckpt g.pt -n 1000000 --format npz[/bold]   streamed, in constant memory

    [bold]mnistgan sample --ckpt g.pt -n 60000 --format idx --balanced[/bold]   labeled, in MNIST's
    own format, for torchvision.datasets.MNIST("synthetic")

    [bold]mnistgan sample --ckpt g.pt -n 10000000 --format shards --part 1/4[/bold]   one of four
    processes or machines that fill one folder; run it again to resume
    """
    from mnistgan.cli.bars import bar
    from mnistgan.synthetic.samples import SampleRequest, write

    request = SampleRequest(
        count=count,
        per_digit=per_digit,
        seed=seed,
        digits=digits,
        truncation=truncation,
        format=format,
        labels=labels,
        min_confidence=min_confidence,
        balanced=balanced,
        test=test,
        shard_size=shard_size,
        part=part,
    )
    options.use_threads(threads)
    with bar() as on_progress:
        target, shards = write(ckpt, request, out, data_root, on_progress)
    if shards is not None:
        typer.echo(f"mnistgan: {shards}", err=True)
    typer.echo(target)
