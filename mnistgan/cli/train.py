"""``mnistgan train``: one training run."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import BadParameter, Context, Exit, Option, echo

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
"""The config keys that a flag sets. Values are checked with the rest of the config, not here, to
report all mistakes together."""

_training = partial(Option, rich_help_panel="Training")

_Config = Annotated[
    str | None,
    Option(
        metavar="NAME|FILE",
        help="Preset (see: mnistgan init) or TOML file.",
        autocompletion=options.complete_presets,
    ),
]
_Data = Annotated[
    str | None,
    options.data(
        metavar="NAME|PATH",
        help="Data set (see: mnistgan data), torchvision:NAME, or path of your images.",
        autocompletion=options.complete_data_sets,
    ),
]


def train(
    ctx: Context,
    config: _Config = None,
    assign: Annotated[
        list[str] | None,
        Option("--set", metavar="KEY=VALUE", help="Set a config key; repeatable."),
    ] = None,
    output_dir: Annotated[
        Path | None, Option(metavar="DIR", help="Run directory; by default runs/NAME-TIME.")
    ] = None,
    resume: Annotated[
        Path | None, Option(metavar="RUN", help="Resume the run in this directory.")
    ] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Check config, take one step, write nothing.")
    ] = False,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print only the run directory.")] = False,
    data: _Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    epochs: Annotated[int | None, _training(help="Passes through the data.")] = None,
    batch_size: Annotated[int | None, _training(help="Images per step.")] = None,
    lr: Annotated[float | None, _training(help="Learning rate of G and D.")] = None,
    latent_dim: Annotated[int | None, _training(help="Length of z.")] = None,
    seed: Annotated[int | None, _training(help="Random seed.")] = None,
    max_minutes: Annotated[
        float | None, _training(help="Save and stop after this many minutes.")
    ] = None,
    data_root: options.DataRoot = None,
    device: Annotated[
        str | None, options.machine(metavar="DEVICE", help="auto, cpu, cuda or mps.")
    ] = None,
    threads: options.Threads = None,
    nproc: Annotated[
        int | None,
        options.machine(min=1, max=1024, help="Processes that share each batch (torchrun)."),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Train a GAN; save checkpoints, samples and metrics in a run directory.

    A flag overrides --set, which overrides --config, which overrides the default.

    [bold]mnistgan train --config quickstart[/bold]   embedded digits, less than a minute

    [bold]mnistgan train --config dcgan --epochs 20[/bold]   MNIST, with published settings

    [bold]mnistgan train --set train.loss=hinge --set model.discriminator.spectral_norm=true[/bold]
    """
    from mnistgan.runs.plan import plan_resume, plan_run
    from mnistgan.training import ranks

    overrides = _overrides(ctx, assign or [])
    if resume is None:
        plan = plan_run(config, overrides, output_dir)
    elif output_dir is None:
        plan = plan_resume(resume, config, overrides)
    else:
        raise BadParameter("--resume continues in its run directory; remove --output-dir")
    # The config was planned before the ranks start, so that its mistakes are reported only once.
    if nproc is not None and not ranks.is_started():
        # Each rank runs the same command line. It sees that ranks are started and ignores --nproc.
        raise Exit(ranks.launch(nproc, sys.argv[1:]))
    options.use_threads(threads)
    if dry_run:
        _one_step(plan)
    else:
        _train(plan, quiet)


def _overrides(ctx: Context, assignments: list[str]) -> "list[Override]":
    """The overrides by --set, then those by other flags, which take precedence."""
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
    from mnistgan.cli import console, signals, views
    from mnistgan.events import RunEnded
    from mnistgan.progress import StopToken
    from mnistgan.runs.run import Run
    from mnistgan.training import ranks

    stop = StopToken()
    reason = None
    # While the data is loaded, a signal still ends the command at once: there is nothing to save.
    is_first = ranks.rank() == 0
    with console.bar() as on_progress:
        run = Run(plan, stop, on_progress)
    if is_first:
        run.make_directory()
    with signals.stop_on(stop.request) as caught:
        is_quiet = quiet or not is_first
        with views.training_view(run.trainer, run.directory.path, quiet=is_quiet) as view:
            for event in run:
                view.handle(event)
                if isinstance(event, RunEnded):
                    reason = event.reason
    if is_first:
        echo(run.directory.path)
    # A signal that came too late to stop the run is not an error. Ranks above 0 get no events, so
    # they do not know how the run ended.
    if caught.signal and (reason == "stopped" or not is_first):
        raise Exit(128 + caught.signal)
    if reason == "collapsed":
        raise Exit(1)


def _one_step(plan: "Plan") -> None:
    from mnistgan.cli import console, views
    from mnistgan.config import toml
    from mnistgan.runs.run import Run

    with console.bar() as on_progress:
        run = Run(plan, on_progress=on_progress)
    if plan.resume:
        run.restore()
    echo(toml.to_toml(plan.config), nl=False)
    views.describe(run.trainer, run.trainer.one_step())
    echo(f"dry run: no errors; nothing was written to {plan.directory.path}", err=True)
