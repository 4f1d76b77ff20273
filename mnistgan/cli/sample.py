"""``mnistgan sample``: draw images from a generator."""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from typer import Context, Option, echo

from mnistgan.cli import options

_labels = partial(Option, rich_help_panel="Labels (formats npz, idx and shards)")
_files = partial(Option, rich_help_panel="Formats idx and shards")

_SameZ = Annotated[
    bool, options.latent("--same-z", help="One row per class, with the same z down each column.")
]
_Format = Literal["grid", "png", "npz", "idx", "shards"]


def sample(
    ctx: Context,
    ckpt: options.Ckpt = None,
    count: Annotated[int | None, Option("-n", min=1, max=10**12, help="Number of images.")] = None,
    seed: options.Seed = 0,
    format: Annotated[
        _Format, Option(metavar="FORMAT", help="grid, png, npz, idx or shards.")
    ] = "grid",
    out: Annotated[
        Path | None,
        Option(metavar="PATH", help="File or folder; by default named after the format."),
    ] = None,
    scale: Annotated[
        int | None, Option(min=1, max=100, help="grid: enlarge by this factor; by default 1 to 10.")
    ] = None,
    digits: options.Digits = None,
    per_digit: Annotated[
        int | None,
        options.latent(min=1, max=10**12, help="Images per class, instead of -n."),
    ] = None,
    truncation: Annotated[
        float | None,
        options.latent(help="Limit of |z|: 1 for typical images, 3 for almost full variety."),
    ] = None,
    same_z: _SameZ = False,
    labels: Annotated[
        bool, _labels("--labels", help="Write labels (idx always has labels).")
    ] = False,
    min_confidence: Annotated[
        float, _labels(min=0, max=1, show_default=False, help="Minimum probability of the label.")
    ] = 0.0,
    balanced: Annotated[
        bool, _labels("--balanced", help="The same number of images per class.")
    ] = False,
    test: Annotated[
        int | None, _files(min=1, help="idx: test images; by default 1/6 of -n.")
    ] = None,
    shard_size: Annotated[
        int | None, _files(min=1, help="shards: images per shard; by default 100000.")
    ] = None,
    part: Annotated[
        str | None, _files(metavar="i/k", help="shards: write only shards i, i+k, i+2k ...")
    ] = None,
    data_root: options.DataRoot = None,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Draw images from a trained generator.

    Formats: grid is one picture; png is a folder of pictures; npz is one array file; idx is MNIST's
    four files; shards is a folder of array files with a manifest. Labels are the requested classes
    or, for an unconditional generator, those of a classifier. Image i is the same for any -n.

    [bold]mnistgan sample -n 100[/bold]   a 10x10 grid from the newest run

    [bold]mnistgan sample --ckpt g.pt -n 100[/bold]   the same from a file

    [bold]mnistgan sample --ckpt g.pt --digits 0-9 --per-digit 10[/bold]   one row per digit, for a
    conditional generator

    [bold]mnistgan sample --ckpt g.pt --same-z --per-digit 10[/bold]   the same, and each column has
    one style

    [bold]mnistgan sample --ckpt g.pt --digit 7 -n 100[/bold]   sevens, likewise

    [bold]mnistgan sample --ckpt g.pt -n 1000000 --format npz[/bold]   written in constant memory

    [bold]mnistgan sample --ckpt g.pt -n 60000 --format idx --balanced[/bold]   labeled images for
    torchvision.datasets.MNIST("synthetic")

    [bold]mnistgan sample --ckpt g.pt -n 10000000 --format shards --part 1/4[/bold]   the first of
    four processes or machines that fill one folder; run it again to resume
    """
    from mnistgan.cli.console import bar
    from mnistgan.synthetic.samples import SampleRequest, write

    # Each field of a request is an option of this command with the same name. So a new option needs
    # no line here, and SampleRequest checks them all, also for programs that use it.
    request = SampleRequest(**{one.name: ctx.params[one.name] for one in fields(SampleRequest)})
    source = options.generator_source(ckpt)
    options.use_threads(threads)
    with bar() as on_progress:
        target, shards = write(source, request, out, data_root, on_progress)
    if shards is not None:
        echo(f"mnistgan: {shards}", err=True)
    echo(target)
