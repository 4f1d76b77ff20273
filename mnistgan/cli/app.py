"""The application: its commands, its help, and the one place that prints errors.

Help and shell completion must be fast: ``import torch`` alone takes 1.4 s, ``mnistgan --help`` 0.18
(benchmarks/results/startup.json). So this file and the files of the commands import neither torch
nor rich at the top; the functions of the commands import what they need.

These files also have no ``from __future__ import annotations``. It makes annotations strings, and
Typer evaluates them anew each time it reads a signature, which took a tenth of ``--help``.
"""

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from mnistgan import __version__
from mnistgan.cli import (
    animate,
    compare,
    data,
    evaluate,
    export,
    info,
    init,
    outputs,
    play,
    plot,
    plugins,
    project,
    report,
    sample,
    sweep,
    train,
    write,
)
from mnistgan.cli.plain_help import PlainCommand, PlainGroup
from mnistgan.cli.signals import LeftEarly, leave_at_once
from mnistgan.cli.wording import for_shell
from mnistgan.errors import (
    ConfigWarning,
    MnistganError,
    OutdatedFileWarning,
    UsageError,
    reworded,
)
from mnistgan.training import ranks
from mnistgan.training.ranks import PartnerLostError


class _Application(PlainGroup):
    """Prints an exception as one sentence on stderr, or as a traceback with ``--debug``."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn any exception into a message and an exit code."""
        try:
            with leave_at_once(), _warnings_in_one_sentence():
                return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except LeftEarly as signal:
            typer.echo("mnistgan: stopped; incomplete files were discarded", err=True)
            raise typer.Exit(128 + signal.args[0]) from None
        except BrokenPipeError:
            # The program that reads stdout has ended, as with `| head`. Python flushes stdout at
            # exit and would raise the error again, so stdout is replaced.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as error:
            if ctx.meta.get("debug") and not isinstance(error, TyperException):
                raise
            message, code = _in_one_sentence(error)
            # All ranks fail together with the same usage error or the same lost partner, so only
            # rank 0 prints it. Other errors may happen on one rank alone.
            if ranks.rank() == 0 or not isinstance(error, UsageError | PartnerLostError):
                typer.echo(for_shell(f"mnistgan: error: {message}"), err=True)
            raise typer.Exit(code) from None


@contextlib.contextmanager
def _warnings_in_one_sentence() -> Iterator[None]:
    """While this lasts, print mnistgan's own warnings without file and line."""

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ConfigWarning | OutdatedFileWarning):
            as_before(message, category, *where, **more)
        elif ranks.rank() == 0:
            typer.echo(for_shell(f"mnistgan: warning: {message}"), err=True)

    with warnings.catch_warnings():
        as_before, warnings.showwarning = warnings.showwarning, show
        yield


def _in_one_sentence(error: Exception) -> tuple[str, int]:
    """The message for the user and the exit code of an exception."""
    if isinstance(error, MnistganError):
        return str(error), error.exit_code
    if isinstance(error, TyperException):  # a mistake in the command line
        command = getattr(getattr(error, "ctx", None), "command_path", "mnistgan")
        # "Invalid value: " is Typer's prefix where it does not know the option. Our own messages
        # name it.
        message = error.format_message().removeprefix("Invalid value: ").rstrip(".")
        message = re.sub(r"(?<!\S)'([^']{56})[^']{4,}'", r"'\1...'", reworded(message))
        return f"{message}; see: {command} --help", error.exit_code
    # There is no common error: torch's CPU allocator raises a RuntimeError that names it, C++
    # libraries, oneDNN and the loader of libraries raise messages of their own, and torch's CUDA
    # allocator raises torch.OutOfMemoryError. That class is compared by name, without importing
    # torch.
    words = (
        "Allocator", "bad_alloc", "could not create a ", "start new thread", "failed to map",
    )  # fmt: skip
    out_of_memory = isinstance(error, MemoryError) or any(word in str(error) for word in words)
    if out_of_memory or type(error).__name__ == "OutOfMemoryError":
        return "there is not enough memory; choose a smaller batch or smaller networks", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; fix this and run again", 1
    what = f"{type(error).__name__}: {error}"
    return f"this is a bug ({what}); run again with --debug and report the traceback", 1


# pretty_exceptions_enable=False: _Application prints errors. With --debug, Python's plain traceback
# is easier to paste into a report than Typer's framed one.
app = typer.Typer(
    cls=_Application,
    name="mnistgan",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mnistgan {__version__}")
        raise typer.Exit


@app.callback(epilog="Start here: [bold]mnistgan train --config quickstart[/bold]")
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Train, inspect, evaluate and export GANs on MNIST-sized images."""


_PANELS = {
    "Train": (train.train, init.init, sweep.sweep),
    "Inspect": (
        animate.animate,
        plot.plot,
        report.report,
        play.play,
        project.project,
        info.info,
    ),
    "Evaluate": (evaluate.evaluate, compare.compare),
    "Sample and export": (sample.sample, write.write, export.export),
    "Data and plugins": (plugins.plugins, outputs.outputs),
}

for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(cls=PlainCommand, rich_help_panel=_panel)(_command)
app.add_typer(data.app, name="data", rich_help_panel="Data and plugins")


def main() -> None:
    """The console script."""
    # If a standard stream is closed (`>&-`), the next opened file gets its descriptor, and what a
    # library prints would be written into a checkpoint. So occupy descriptors 0 to 2 first.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    app(prog_name="mnistgan")
