"""``mnistgan animate``: a run's progress, or a walk through latent space, as a moving picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from mnistgan.cli.options import Debug, whole_numbers
from mnistgan.errors import UsageError

Kind: TypeAlias = Literal["slerp", "linear", "circle", "classes", "corners"]


def animate(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="By default the newest under runs/.")
    ] = None,
    ckpt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Walk through this generator's latent space instead."),
    ] = None,
    walk: Annotated[
        Kind | None,
        typer.Option(
            help="The walk's path, by default slerp; or from class to class; or the square between "
            "four corners.  [dim](with --ckpt)[/dim]"
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="S,S,...",
            help="Through image 0 of each of these seeds.  [dim](with --ckpt)[/dim]",
        ),
    ] = None,
    digits: Annotated[
        str | None,
        typer.Option(
            metavar="A-B|A,B,...",
            help="Of a conditional generator: which classes.  [dim](with --ckpt)[/dim]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.gif|.mp4|.webp|.png",
            help="By default RUN/training.gif, or walk.gif; a walk as .png is a still picture.",
        ),
    ] = None,
    fps: Annotated[float | None, typer.Option(min=0.1, max=60, help="Frames a second.")] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=2000,
            help="By default 15 from point to point, in a .png 3.  [dim](with --ckpt)[/dim]",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**63 - 1, metavar="N", help="Seed of the walk.  [dim](with --ckpt)[/dim]"
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Make a GIF, WebP or MP4.

    [bold]mnistgan animate[/bold]   how the newest run's digits grew, from fixed noise

    [bold]mnistgan animate --ckpt g.pt --walk circle --out walk.mp4[/bold]   a seamless walk

    [bold]mnistgan animate --ckpt g.pt --seeds 1,5,9[/bold]   through three images that you chose

    [bold]mnistgan animate --ckpt g.pt --walk classes[/bold]   what changes is the digit

    [bold]mnistgan animate --ckpt g.pt --walk corners --seeds 1,5,9,12 --out square.png[/bold]
    """
    from mnistgan.rendering import animations
    from mnistgan.storage import run_directory

    if ckpt is None:
        if (walk, frames, seed, seeds, digits) != (None,) * 5:
            raise UsageError(
                "--walk, --seeds, --digits, --frames and --seed need a generator: add --ckpt FILE"
            )
        directory = run_directory.RunDirectory(run) if run else run_directory.newest()
        target = out or directory.path / "training.gif"
        animations.animate_training(directory, target, fps)
    else:
        if run is not None:
            raise UsageError("give a RUN to show its progress, or --ckpt to walk, not both")
        if seed is not None and seeds is not None:
            raise UsageError("give --seed, or --seeds of your choice, not both")
        target = out or Path("walk.gif")
        wish = _Wish(walk or "slerp", seed or 0, whole_numbers("--seeds", seeds), digits, frames)
        _walk(ckpt, target, wish, fps)
    typer.echo(target)


@dataclass(frozen=True)
class _Wish:
    """The walk that was asked for."""

    kind: Kind
    seed: int
    seeds: tuple[int, ...]
    digits: str | None
    frames: int | None


def _walk(ckpt: Path, target: Path, wish: _Wish, fps: float | None) -> None:
    from mnistgan.latent import walks
    from mnistgan.storage.atomic import check_target

    check_target(target, *walks.WALK_FORMATS)

    from mnistgan.cli.bars import bar
    from mnistgan.latent import walks
    from mnistgan.sampling import conditioning
    from mnistgan.sampling.generator import load_generator

    generator = load_generator(ckpt)
    class_sequence = (
        conditioning.parse(wish.digits, generator.classes) if wish.digits is not None else None
    )
    walk = walks.plan(
        generator,
        wish.kind,
        frames=wish.frames,
        seed=wish.seed,
        seeds=wish.seeds,
        class_sequence=class_sequence,
        pace=3 if target.suffix.lower() == ".png" else 15,
    )
    with bar() as on_progress:
        walks.draw_walk(generator, walk, target, fps or 15.0, on_progress)
