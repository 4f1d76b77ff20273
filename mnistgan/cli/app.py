"""The application: its commands, its help, and the one place that prints errors.

Nothing here, and nothing that a command's file imports at its top, imports torch or rich: help and
completion answer at once.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
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
from mnistgan.cli.signals import LeftEarly, leave_at_once
from mnistgan.errors import ConfigWarning, MnistganError, UsageError, printable
from mnistgan.training import ranks
from mnistgan.training.ranks import PartnerLostError


class _ErrorsInOneSentence(TyperGroup):
    """Turns exceptions into one sentence on stderr and an exit code; ``--debug`` shows them."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and tell what stopped it."""
        try:
            with leave_at_once(), _warnings_in_one_sentence():
                return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except LeftEarly as signal:
            typer.echo("mnistgan: stopped; nothing half-finished bears its final name", err=True)
            raise typer.Exit(128 + signal.number) from None
        except BrokenPipeError:
            # Whoever read our output has left, as `| head` does: nobody is there to be told.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as error:
            if ctx.meta.get("debug") and not isinstance(error, TyperException):
                raise
            message, code = _in_one_sentence(error)
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
    if isinstance(error, TyperException):  # how the command was written
        command = getattr(getattr(error, "ctx", None), "command_path", "mnistgan")
        return f"{error.format_message().rstrip('.')}; see: {command} --help", error.exit_code
    out_of_memory = isinstance(error, MemoryError) or "Allocator" in str(error)
    if out_of_memory or type(error).__name__ == "OutOfMemoryError":
        return "there is not enough memory; choose a smaller batch or smaller networks", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; mend that and run again", 1
    what = f"{type(error).__name__}: {error}"
    return f"this should not have happened ({what}); run with --debug and report what it prints", 1


app = typer.Typer(
    cls=_ErrorsInOneSentence,
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
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Train, see, measure and give away GANs on MNIST-sized images."""


for _command in (
    train.train,
    sample.sample,
    animate.animate,
    project.project,
    play.play,
    plot.plot,
    evaluate.evaluate,
    compare.compare,
    report.report,
    sweep.sweep,
    export.export,
    info.info,
    outputs.outputs,
    init.init,
):
    app.command()(_command)
app.add_typer(data.app, name="data")


def _let_help_flow(group: typer.Typer) -> None:
    """Join the lines of each paragraph of help: where they break is for the terminal to say."""
    for told in (group.registered_callback, *group.registered_commands):
        if told is not None and told.callback is not None:
            paragraphs = inspect.cleandoc(told.callback.__doc__ or "").split("\n\n")
            told.help = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


for _group in (app, data.app):
    _let_help_flow(_group)


def main() -> None:
    """The console script."""
    # Where a standard stream is closed (`>&-`), the next file to be opened would take its place,
    # and what a library says there would land in a checkpoint.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    app(prog_name="mnistgan")
