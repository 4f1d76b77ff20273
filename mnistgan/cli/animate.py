"""``mnistgan animate``: a run's progress, or a walk through latent space, as an animation."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnistgan.cli import options
from mnistgan.errors import UsageError

_ckpt = typer.Option(metavar="FILE", help="Show a walk through this generator's latent space.")
_out = typer.Option(
    metavar="FILE",
    help=".gif, .webp or .mp4; of a walk also .png. By default RUN/training.gif or walk.gif.",
)
_fps = typer.Option(min=0.1, max=60, help="Frames per second.")
_walk = options.latent_option(
    metavar="KIND",
    help="slerp (default), linear or circle; classes: from class to class; corners: the "
    "square between four points.",
)
_seed = options.latent_option(min=0, max=2**63 - 1, metavar="INTEGER", help="Random seed.")
_seeds = options.latent_option(metavar="1,5,9", help="Walk through image 0 of each of these seeds.")
_frames = options.latent_option(
    min=2, max=2000, help="Number of frames; by default 15 per point, in a .png 3."
)


def animate(
    run: options.RunOrNewest = None,
    ckpt: Annotated[Path | None, _ckpt] = None,
    out: Annotated[Path | None, _out] = None,
    fps: Annotated[float | None, _fps] = None,
    walk: Annotated[
        Literal["slerp", "linear", "circle", "classes", "corners"] | None, _walk
    ] = None,
    seed: Annotated[int | None, _seed] = None,
    seeds: Annotated[str | None, _seeds] = None,
    digits: options.Digits = None,
    frames: Annotated[int | None, _frames] = None,
    debug: options.Debug = False,
) -> None:
    """Make a GIF, WebP or MP4 of a run's progress or of a walk through latent space.

    [bold]mnistgan animate[/bold]   how the newest run's digits improved, from fixed noise

    [bold]mnistgan animate --ckpt g.pt --walk circle --out walk.mp4[/bold]   a seamless walk

    [bold]mnistgan animate --ckpt g.pt --seeds 1,5,9[/bold]   through three images of your choice

    [bold]mnistgan animate --ckpt g.pt --walk classes[/bold]   same noise, changing digit

    [bold]mnistgan animate --ckpt g.pt --walk corners --seeds 1,5,9,12 --out square.png[/bold]
    """
    if ckpt is None:
        if (walk, seed, seeds, digits, frames) != (None,) * 5:
            raise UsageError("--walk, --seed, --seeds, --digits and --frames need --ckpt FILE")
        from mnistgan.rendering.animations import animate_training

        directory = options.run_or_newest(run)
        target = out or directory.path / "training.gif"
        animate_training(directory, target, fps)
    else:
        if run is not None:
            raise UsageError("give either RUN, to show its progress, or --ckpt, for a walk")
        if seed is not None and seeds is not None:
            raise UsageError("give either --seed or --seeds")
        from mnistgan.cli.bars import bar
        from mnistgan.latent.walk_files import animate_walk

        target = out or Path("walk.gif")
        with bar() as on_progress:
            animate_walk(
                ckpt,
                target,
                walk or "slerp",
                seed=seed or 0,
                seeds=options.integers("--seeds", seeds),
                digits=digits,
                frames=frames,
                fps=fps,
                on_progress=on_progress,
            )
    typer.echo(target)
