"""``mnistgan train``: one training run."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnistgan.cli.options import DataRoot, Debug, Threads, data_sets, presets, use_threads

if TYPE_CHECKING:
    from mnistgan.preflight import Override, Plan

_FLAGS = {
    "data": ("data.name",),
    "data_root": ("data.root",),
    "epochs": ("train.epochs",),
    "batch_size": ("train.batch_size",),
    "lr": ("train.lr_g", "train.lr_d"),
    "latent_dim": ("model.latent_dim",),
    "image_size": ("data.image_size",),
    "channels": ("data.channels",),
    "seed": ("seed",),
    "device": ("train.device",),
    "max_minutes": ("train.max_minutes",),
}
"""Which keys a flag sets; their values are checked with all others, not here."""


def train(
    ctx: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A preset (see: mnistgan init) or a TOML file.",
            autocompletion=presets,
        ),
    ] = None,
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Set any key, such as train.loss=hinge; repeatable."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="A data set (see: mnistgan data), or the path of images of your own.",
            autocompletion=data_sets,
        ),
    ] = None,
    data_root: DataRoot = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run directory; by default runs/NAME-TIME."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes through the data.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per update.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of G and of D.")] = None,
    latent_dim: Annotated[int | None, typer.Option(help="Length of z.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the images, pixels.")] = None,
    channels: Annotated[int | None, typer.Option(help="1 (grey) or 3 (colour).")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="auto|cpu|cuda|mps", help="Where to train.")
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="Stop, save and end well after so many minutes.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with the run in this directory.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, take one step, write nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result only.")] = False,
    threads: Threads = None,
    nproc: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Processes that share each batch (torchrun)."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Train a GAN and leave a run directory with everything it made.

    A setting is taken from the flag, else from --set, else from --config, else the default.

    [bold]mnistgan train --config quickstart[/bold]   embedded digits, under a minute

    [bold]mnistgan train --config dcgan --epochs 20[/bold]   MNIST, a published recipe

    [bold]mnistgan train --set train.loss=hinge --set model.discriminator.spectral_norm=true[/bold]
    """
    from mnistgan import parallel, preflight

    overrides = _overrides(ctx, assign or [])
    if resume is not None:
        if output_dir is not None:
            raise typer.BadParameter("goes on where the run is; leave --output-dir out")
        plan = preflight.plan_resume(resume, config, overrides)
    else:
        plan = preflight.plan_run(config, overrides, output_dir)
    if nproc is not None and not parallel.is_started():
        # The ranks get the same command line: there --nproc has no effect.
        raise typer.Exit(parallel.launch(nproc, sys.argv[1:]))
    use_threads(threads)
    if dry_run:
        _dry_run(plan)
    else:
        _train(plan, quiet)


def _overrides(ctx: typer.Context, assignments: list[str]) -> list[Override]:
    """--set first, then the named flags, which win."""
    from mnistgan import config_io
    from mnistgan.preflight import Override

    pairs = [config_io.parse_assignment(text) for text in assignments]
    overrides = [Override(key, value, "--set") for key, value in pairs]
    for flag, keys in _FLAGS.items():
        value = ctx.params[flag]
        if value is not None:
            plain = str(value) if isinstance(value, Path) else value
            name = f"--{flag.replace('_', '-')}"
            overrides += [Override(key, plain, name) for key in keys]
    return overrides


def _train(plan: Plan, quiet: bool) -> None:
    from mnistgan import parallel
    from mnistgan.cli import signals, views
    from mnistgan.cli.bars import bar
    from mnistgan.events import RunEnded
    from mnistgan.progress import StopToken, no_progress
    from mnistgan.run import Run

    stop = StopToken()
    reason = None
    is_first = parallel.rank() == 0
    with bar() if is_first else contextlib.nullcontext(no_progress) as on_progress:
        run = Run(plan, stop, on_progress)
    with signals.stop_on(stop) as caught:
        draw = run.trainer.fixed_images
        with views.training_view(run.directory.path, draw, quiet=quiet or not is_first) as view:
            for event in run:
                view.handle(event)
                if isinstance(event, RunEnded):
                    reason = event.reason
    if is_first:
        typer.echo(run.directory.path)
    if caught.signal and (reason == "stopped" or not is_first):
        raise typer.Exit(128 + caught.signal)
    if reason == "collapsed":
        raise typer.Exit(1)


def _dry_run(plan: Plan) -> None:
    from mnistgan import config_io
    from mnistgan.cli import views
    from mnistgan.cli.bars import bar
    from mnistgan.run import Run

    with bar() as on_progress:
        run = Run(plan, on_progress=on_progress)
    if plan.resume:
        run.restore()
    typer.echo(config_io.to_toml(plan.config), nl=False)
    views.describe(run.trainer, run.trainer.one_step())
    typer.echo(f"dry run: all is well; nothing was written to {plan.directory.path}", err=True)
