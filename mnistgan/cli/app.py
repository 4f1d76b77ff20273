"""The application: its commands, its help, and the one place that prints errors.

Help and shell completion must answer at once: nothing here, and nothing that the file of a command
imports at its top, imports torch or rich. These files do without ``from __future__ import
annotations``, too: Typer reads each signature several times, and with it had to compile every
annotation each time, which took a tenth of the time of ``--help``.
"""

import contextlib
import os
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
    project,
    report,
    sample,
    sweep,
    train,
)
from mnistgan.cli.plain_help import PlainCommand, PlainGroup
from mnistgan.cli.signals import LeftEarly, leave_at_once
from mnistgan.errors import ConfigWarning, MnistganError, UsageError, printable
from mnistgan.training import ranks
from mnistgan.training.ranks import PartnerLostError


class _Application(PlainGroup):
    """Prints an exception as one sentence on stderr; with ``--debug``, as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; whatever stops it becomes a message and an exit code."""
        try:
            with leave_at_once(), _warnings_in_one_sentence():
                return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except LeftEarly as signal:
            typer.echo("mnistgan: stopped; incomplete files were discarded", err=True)
            raise typer.Exit(128 + signal.args[0]) from None
        except BrokenPipeError:
            # The reader of our output is gone, as with `| head`. Python would fail again when it
            # flushes stdout at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as error:
            if ctx.meta.get("debug") and not isinstance(error, TyperException):
                raise
            message, code = _in_one_sentence(error)
            # Ranks make the same mistake, or lose the same partner, together: one message will do.
            if ranks.rank() == 0 or not isinstance(error, UsageError | PartnerLostError):
                typer.echo(printable(f"mnistgan: error: {message}"), err=True)
            raise typer.Exit(code) from None


@contextlib.contextmanager
def _warnings_in_one_sentence() -> Iterator[None]:
    """While this lasts, our own Python warnings reach the user without file and line."""

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ConfigWarning):
            as_before(message, category, *where, **more)
        elif ranks.rank() == 0:
            typer.echo(printable(f"mnistgan: warning: {message}"), err=True)

    with warnings.catch_warnings():
        as_before, warnings.showwarning = warnings.showwarning, show
        yield


def _in_one_sentence(error: Exception) -> tuple[str, int]:
    """What an exception means to a user, and the exit code."""
    if isinstance(error, MnistganError):
        return str(error), error.exit_code
    if isinstance(error, TyperException):  # a mistake in the command line
        command = getattr(getattr(error, "ctx", None), "command_path", "mnistgan")
        return f"{error.format_message().rstrip('.')}; see: {command} --help", error.exit_code
    # torch's CPU allocator raises a RuntimeError, its CUDA one an OutOfMemoryError; C++ libraries
    # oneDNN and the loader of libraries have words of their own.
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
    "Sample and export": (sample.sample, export.export),
    "Data and plugins": (outputs.outputs,),
}

for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(cls=PlainCommand, rich_help_panel=_panel)(_command)
app.add_typer(data.app, name="data", rich_help_panel="Data and plugins")


def main() -> None:
    """The console script."""
    # If a standard stream is closed (`>&-`), the next file opened would get its number, and what a
    # library prints would end up in a checkpoint.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    app(prog_name="mnistgan")
