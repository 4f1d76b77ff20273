"""``mnistgan animate``: an animation of a run's progress or of a walk through latent space."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option, echo

from mnistgan.cli import options
from mnistgan.errors import UsageError, printable

_Kind = Literal["slerp", "linear", "circle", "classes", "corners"]


def animate(
    run: options.RunOrNewest = None,
    ckpt: Annotated[
        str | None,
        Option(
            metavar="NAME|PATH",
            autocompletion=options.complete_generators,
            help="Walk through this generator's latent space. With the options of a walk, by "
            "default the newest run's.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        Option(help=".gif, .webp or .mp4; by default RUN/training.gif, or a new walk.gif."),
    ] = None,
    fps: Annotated[
        float | None, Option(min=0.1, max=60, help="Frames per second; at most 50 in a GIF.")
    ] = None,
    walk: Annotated[
        _Kind | None,
        options.latent(metavar="KIND", help="slerp (default), linear, circle, classes or corners."),
    ] = None,
    seed: Annotated[int | None, options.latent(min=0, max=2**63 - 1, help="Random seed.")] = None,
    seeds: Annotated[
        str | None, options.latent(metavar="1,5,9", help="Walk through image 0 of these seeds.")
    ] = None,
    digits: options.Digits = None,
    frames: Annotated[
        int | None,
        options.latent(
            min=2, max=2000, help="Number of frames; by default 15 per point, or 3 for a .png."
        ),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Make a GIF, WebP or MP4 of a run's progress or of a walk through latent space.

    [bold]mnistgan animate[/bold]   the progress of the newest run, with fixed noise

    [bold]mnistgan animate --walk circle[/bold]   a seamless walk, with the newest run's generator

    [bold]mnistgan animate --ckpt g.pt --walk circle --out walk.mp4[/bold]   the same from a file

    [bold]mnistgan animate --ckpt g.pt --seeds 1,5,9[/bold]   a walk through three images

    [bold]mnistgan animate --ckpt g.pt --walk classes[/bold]   each digit from the same noise, for a
    conditional generator

    [bold]mnistgan animate --ckpt g.pt --walk corners --seeds 1,5,9,12 --out square.png[/bold]   the
    square between four images
    """
    # None as the default of each option below shows whether the user gave it: an option that does
    # not apply is an error, instead of being ignored.
    if ckpt is None and (walk, seed, seeds, digits, frames) == (None,) * 5:
        from mnistgan.rendering.animations import animate_training

        directory = options.run_or_newest(run)
        target = out or directory.path / "training.gif"
        animate_training(directory, target, fps)
    else:
        _check_walk(run, ckpt, seed, seeds)
        from mnistgan.cli.console import bar
        from mnistgan.latent.walk_files import animate_walk
        from mnistgan.storage import atomic

        points = options.integers("--seeds", seeds)
        source = options.generator_source(ckpt)
        target = out or atomic.free_path(Path("walk.gif"))
        replaced = target.exists()
        with bar() as on_progress:
            animate_walk(
                source, target, walk or "slerp", seed or 0, points, digits, frames, fps, on_progress
            )
        if replaced:
            echo(printable(f"mnistgan: {target}: the file of this name was replaced"), err=True)
    echo(target)


def _check_walk(run: Path | None, ckpt: str | None, seed: int | None, seeds: str | None) -> None:
    if run is not None:
        raise UsageError(
            f"a walk needs a generator: instead of RUN, give --ckpt {ckpt or run}; RUN alone shows "
            "the run's progress"
        )
    if None not in (seed, seeds):
        raise UsageError("give either --seed or --seeds, not both")
