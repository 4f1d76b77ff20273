"""``mnistgan animate``: a run's progress, or a walk through latent space, as a moving picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli.options import Debug


def animate(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="By default the newest under runs/.")
    ] = None,
    ckpt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Walk through this generator's latent space instead."),
    ] = None,
    walk: Annotated[
        Literal["slerp", "linear", "circle"] | None,
        typer.Option(help="The walk's path; by default slerp.  [dim](with --ckpt)[/dim]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.gif|.mp4|.webp", help="By default RUN/training.gif, or walk.gif."
        ),
    ] = None,
    fps: Annotated[float | None, typer.Option(min=0.1, max=60, help="Frames a second.")] = None,
    frames: Annotated[
        int | None,
        typer.Option(min=2, max=2000, help="By default 60.  [dim](with --ckpt)[/dim]"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Of the walk.  [dim](with --ckpt)[/dim]"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Make a GIF, WebP or MP4.

    [bold]mnistgan animate[/bold]   how the newest run's digits grew, from fixed noise

    [bold]mnistgan animate --ckpt g.pt --walk circle --out walk.mp4[/bold]   a seamless walk
    """
    from mnistgan import animating, rundir

    if ckpt is None:
        if (walk, frames, seed) != (None, None, None):
            raise typer.BadParameter(
                "--walk, --frames and --seed need a generator: add --ckpt FILE"
            )
        directory = rundir.RunDirectory(run) if run else rundir.newest()
        target = out or directory.path / "training.gif"
        animating.animate_training(directory, target, fps)
    else:
        if run is not None:
            raise typer.BadParameter("give a RUN to show its progress, or --ckpt to walk, not both")
        target = out or Path("walk.gif")
        _walk(ckpt, target, walk or "slerp", seed=seed or 0, frames=frames or 60, fps=fps or 15.0)
    typer.echo(target)


def _walk(
    ckpt: Path,
    target: Path,
    walk: Literal["slerp", "linear", "circle"],
    *,
    seed: int,
    frames: int,
    fps: float,
) -> None:
    from mnistgan import animating, rendering

    rendering.check_suffix(target, rendering.ANIMATION_FORMATS)

    from mnistgan.cli.bars import bar
    from mnistgan.sampling import load_generator

    generator = load_generator(ckpt)
    with bar() as on_progress:
        animating.animate_walk(
            generator, target, walk, seed=seed, frames=frames, fps=fps, on_progress=on_progress
        )
