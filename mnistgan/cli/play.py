"""``mnistgan play``: a page on this machine, to play with a generator."""

from __future__ import annotations

import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from mnistgan.cli.options import Checkpoint, Debug, use_threads
from mnistgan.errors import MnistganError

if TYPE_CHECKING:
    from mnistgan.play.server import Server


def play(
    ckpt: Checkpoint,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes any that is free.")
    ] = 8000,
    browser: Annotated[
        bool,
        typer.Option("--browser/--no-browser", help="Open the page; not where output is piped."),
    ] = True,
    threads: Annotated[
        int, typer.Option(min=1, max=1024, help="CPU threads; for single images one is quickest.")
    ] = 1,
    debug: Debug = False,
) -> None:
    """Open a page with sliders through latent space, seeds and, of a conditional generator, digits.

    It is served to this machine alone, until Ctrl-C, and loads nothing from elsewhere.

    [bold]mnistgan play --ckpt g.pt[/bold]
    """
    from mnistgan.sampling.generator import load_generator

    try:
        from mnistgan.play.server import Server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise MnistganError(
            'the page needs Starlette and uvicorn, which are not installed; pip install "mnistgan'
            '[play]"'
        ) from error
    use_threads(threads)
    server = Server(load_generator(ckpt), port)
    typer.echo(server.url)
    if sys.stdout.isatty():
        typer.echo("mnistgan: Ctrl-C ends it", err=True)
        if browser:  # it waits for its first answer, and some browsers keep who started them
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    _serve(server)


def _serve(server: Server) -> None:
    from mnistgan.cli import signals
    from mnistgan.progress import StopToken

    class Stop(StopToken):
        def request(self) -> None:
            server.stop()

    with signals.stop_on(Stop()) as caught:
        server.run()
    if caught.signal:
        raise typer.Exit(128 + caught.signal)
