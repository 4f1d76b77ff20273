"""``mnistgan write``: text in the handwriting of a generator."""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Context, Option, echo

from mnistgan.cli import options

_many = partial(Option, rich_help_panel="Many pictures")
_style = partial(Option, rich_help_panel="Style")

_Format = Literal["png", "npz"]


def write(
    ctx: Context,
    text: Annotated[
        str | None, Argument(metavar="TEXT", help="Text to write; or give --file or --pattern.")
    ] = None,
    ckpt: Annotated[
        str,
        Option(
            metavar="NAME|PATH",
            help="Conditional generator whose classes are characters, by name or path; by default "
            "mnist, which comes with mnistgan.",
            show_default=False,
            autocompletion=options.complete_generators,
        ),
    ] = "mnist",
    seed: options.Seed = 0,
    out: Annotated[
        Path | None,
        Option(metavar="PATH", help="File or folder; by default writing.png, writing/ or .npz."),
    ] = None,
    hand: Annotated[
        int | None,
        _style(min=0, max=2**63 - 1, help="Seed of one style for all characters."),
    ] = None,
    truncation: Annotated[
        float | None, _style(help="Limit of |z|: 1 for typical characters, 3 for almost all.")
    ] = None,
    ink: Annotated[str, _style(metavar="COLOR", help="Name or #rrggbb.")] = "black",
    paper: Annotated[str, _style(metavar="COLOR", help="Name, #rrggbb or transparent.")] = "white",
    height: Annotated[int, _style(min=8, max=512, help="Height of a line in pixels.")] = 64,
    count: Annotated[
        int | None, _many("--count", "-n", min=1, max=10**9, help="Number of pictures.")
    ] = None,
    file: Annotated[Path | None, _many(help="Text file with one text per line.")] = None,
    pattern: Annotated[
        str | None, _many(metavar="PATTERN", help="Random texts, such as [0-9]{4,6}.")
    ] = None,
    format: Annotated[_Format, _many(metavar="FORMAT", help="png or npz.")] = "png",
    labels: Annotated[bool, _many("--labels", help="Write the texts, too.")] = False,
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    r"""Write text with a conditional generator.

    The characters of the mnist generator are the digits. Spaces, hyphens, slashes, periods, colons
    and commas are drawn as strokes of the same width.

    The result is one PNG. With --count or --file it is a folder of PNGs (png; with --labels also
    labels.csv), or one array file (npz: images padded to one width, widths and, with --labels,
    texts). Picture i and its text are the same for any --count.

    A pattern consists of characters, sets such as [0-9a-f] and repetitions such as {4} or {4,6}. A
    backslash makes a special character literal.

    [bold]mnistgan write 2026-11-25[/bold]   writing.png, by the generator that comes with mnistgan

    [bold]mnistgan write 10:45 --hand 7 --ink navy --paper transparent[/bold]   in one style

    [bold]mnistgan write --pattern "[0-9]{4,6}" --count 10000 --format npz --labels[/bold]   to
    train a reader of numbers

    [bold]mnistgan write --file dates.txt --labels --out dates[/bold]   one picture per line
    """
    from mnistgan.cli.console import bar
    from mnistgan.synthetic import writing

    # As for sample, each field of a request is an option with the same name.
    given = {one.name: ctx.params[one.name] for one in fields(writing.WriteRequest)}
    request = writing.WriteRequest(**given)
    source = options.generator_source(ckpt)
    options.use_threads(threads)
    with bar() as on_progress:
        target = writing.write(source, request, out, on_progress)
    echo(target)
