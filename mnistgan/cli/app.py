"""The application: its commands, its help, and the one place that prints errors.

Nothing here, and nothing that a command's file imports at its top, imports torch or rich: help and
completion answer at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mnistgan import __version__
from mnistgan.cli import animate, export, info, init, outputs, plot, sample, train
from mnistgan.errors import MnistganError


class _ErrorsInOneSentence(TyperGroup):
    """Turns exceptions into one sentence on stderr and an exit code; ``--debug`` shows them."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MnistganError as error:
            if ctx.meta.get("debug"):
                raise
            _fail(str(error), error.exit_code)
        except BrokenPipeError:
            # Whoever read our output has left, as `| head` does: nobody is there to be told.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except OSError as error:
            if ctx.meta.get("debug"):
                raise
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}; mend that and run again", 1)
        except (typer.Exit, typer.Abort, KeyboardInterrupt):
            raise
        except Exception as error:
            if ctx.meta.get("debug") or type(error).__module__.startswith("typer"):
                raise  # typer words its own usage errors
            _fail(
                f"this should not have happened ({type(error).__name__}: {error}); run again with "
                "--debug and report what it prints",
                1,
            )


def _fail(message: str, code: int) -> None:
    typer.echo(f"mnistgan: error: {message}", err=True)
    raise typer.Exit(code)


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
    plot.plot,
    export.export,
    info.info,
    outputs.outputs,
    init.init,
):
    app.command()(_command)


def main() -> None:
    """The console script."""
    app(prog_name="mnistgan")
