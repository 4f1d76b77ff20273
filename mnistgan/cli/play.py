"""``mnistgan play``: a page on this machine, to play with a generator."""

import sys
import threading
from typing import Annotated

from typer import Exit, Option, echo

from mnistgan.cli import options
from mnistgan.errors import MnistganError


def play(
    ckpt: options.Ckpt,
    port: Annotated[
        int, Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes any free one.")
    ] = 8000,
    browser: Annotated[
        bool, Option("--browser/--no-browser", help="Open a browser, unless output is piped.")
    ] = True,
    threads: Annotated[
        int, options.machine(min=1, max=1024, help="CPU threads; one is fastest for single images.")
    ] = 1,
    debug: options.Debug = False,
) -> None:
    """Explore a generator on a web page on this machine.

    The page has sliders through latent space, seeds and, for a conditional generator, digits. It is
    served to this machine only, until Ctrl-C, and loads nothing from elsewhere.

    [bold]mnistgan play --ckpt g.pt[/bold]
    """
    import webbrowser

    from mnistgan.cli import signals
    from mnistgan.sampling.generator import load_generator

    try:
        from mnistgan.play.server import Server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise MnistganError(
            'the page needs Starlette and uvicorn; pip install "mnistgan[play]"'
        ) from error
    options.use_threads(threads)
    server = Server(load_generator(ckpt), port)
    echo(server.url)
    if sys.stdout.isatty():
        echo("mnistgan: press Ctrl-C to stop", err=True)
        if browser:
            # In a thread, because some browsers let this return only when they are closed.
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    with signals.stop_on(server.stop) as caught:
        server.run()
    if caught.signal:
        raise Exit(128 + caught.signal)
