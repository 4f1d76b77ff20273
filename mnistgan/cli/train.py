"""``mnistgan train``: one training run."""

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnistgan.cli import options

if TYPE_CHECKING:
    from mnistgan.runs.plan import Override, Plan

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
"""The config keys that a flag sets; values are checked with the rest of the config, not here."""

_training = partial(typer.Option, rich_help_panel="Training")

_config = typer.Option(
    metavar="NAME|FILE",
    help="Preset (see: mnistgan init) or TOML file.",
    autocompletion=options.complete_presets,
)
_assign = typer.Option("--set", metavar="KEY=VALUE", help="Set any config key; repeatable.")
_output_dir = typer.Option(metavar="DIR", help="Run directory; by default runs/NAME-TIME.")
_resume = typer.Option(metavar="RUN", help="Resume the run in this directory.")
_dry_run = typer.Option("--dry-run", help="Check everything, run one step, write nothing.")
_quiet = typer.Option("--quiet", "-q", help="Print only the run directory.")
_data = options.data_option(
    metavar="NAME|PATH",
    help="Data set (see: mnistgan data), torchvision:NAME, or path of your own images.",
    autocompletion=options.complete_data_sets,
)
_epochs = _training(help="Passes through the data.")
_batch_size = _training(help="Images per step.")
_lr = _training(help="Learning rate of G and D.")
_latent_dim = _training(help="Length of z.")
_seed = _training(help="Random seed.")
_max_minutes = _training(help="Save and stop after this many minutes.")
_device = options.machine_option(metavar="DEVICE", help="auto, cpu, cuda or mps.")
_nproc = options.machine_option(min=1, max=1024, help="Processes that share each batch (torchrun).")


def train(
    ctx: typer.Context,
    config: Annotated[str | None, _config] = None,
    assign: Annotated[list[str] | None, _assign] = None,
    output_dir: Annotated[Path | None, _output_dir] = None,
    resume: Annotated[Path | None, _resume] = None,
    dry_run: Annotated[bool, _dry_run] = False,
    quiet: Annotated[bool, _quiet] = False,
    data: Annotated[str | None, _data] = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    epochs: Annotated[int | None, _epochs] = None,
    batch_size: Annotated[int | None, _batch_size] = None,
    lr: Annotated[float | None, _lr] = None,
    latent_dim: Annotated[int | None, _latent_dim] = None,
    seed: Annotated[int | None, _seed] = None,
    max_minutes: Annotated[float | None, _max_minutes] = None,
    data_root: options.DataRoot = None,
    device: Annotated[str | None, _device] = None,
    threads: options.Threads = None,
    nproc: Annotated[int | None, _nproc] = None,
    debug: options.Debug = False,
) -> None:
    """Train a GAN; save checkpoints, samples and metrics in a run directory.

    A flag overrides --set, which overrides --config, which overrides the default.

    [bold]mnistgan train --config quickstart[/bold]   embedded digits, less than a minute

    [bold]mnistgan train --config dcgan --epochs 20[/bold]   MNIST, published settings

    [bold]mnistgan train --set train.loss=hinge --set model.discriminator.spectral_norm=true[/bold]
    """
    from mnistgan.runs.plan import plan_resume, plan_run
    from mnistgan.training import ranks

    overrides = _overrides(ctx, assign or [])
    if resume is not None:
        if output_dir is not None:
            raise typer.BadParameter(
                "--resume writes to the run it resumes; leave --output-dir out"
            )
        plan = plan_resume(resume, config, overrides)
    else:
        plan = plan_run(config, overrides, output_dir)
    if nproc is not None and not ranks.is_started():
        # The ranks get the same command line; there --nproc has no effect.
        raise typer.Exit(ranks.launch(nproc, sys.argv[1:]))
    options.use_threads(threads)
    if dry_run:
        _one_step(plan)
    else:
        _train(plan, quiet)


def _overrides(ctx: typer.Context, assignments: list[str]) -> "list[Override]":
    """Those of --set, then those of the other flags, which override them."""
    from mnistgan.config import toml
    from mnistgan.runs.plan import Override

    overrides = [Override(*toml.parse_assignment(text), "--set") for text in assignments]
    for flag, keys in _FLAGS.items():
        value = ctx.params[flag]
        if value is not None:
            plain = str(value) if isinstance(value, Path) else value
            name = f"--{flag.replace('_', '-')}"
            overrides += [Override(key, plain, name) for key in keys]
    return overrides


def _train(plan: "Plan", quiet: bool) -> None:
    from mnistgan.cli import signals, views
    from mnistgan.cli.bars import bar
    from mnistgan.events import RunEnded
    from mnistgan.progress import StopToken, no_progress
    from mnistgan.runs.run import Run
    from mnistgan.training import ranks

    stop = StopToken()
    reason = None
    is_first = ranks.rank() == 0
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


def _one_step(plan: "Plan") -> None:
    from mnistgan.cli import views
    from mnistgan.cli.bars import bar
    from mnistgan.config import toml
    from mnistgan.runs.run import Run

    with bar() as on_progress:
        run = Run(plan, on_progress=on_progress)
    if plan.resume:
        run.restore()
    typer.echo(toml.to_toml(plan.config), nl=False)
    views.describe(run.trainer, run.trainer.one_step())
    typer.echo(f"dry run: no errors; nothing was written to {plan.directory.path}", err=True)
