"""``mnistgan play``: a local web page to explore a generator."""

import sys
import threading
from typing import Annotated

from typer import Exit, Option, echo

from mnistgan.cli import options
from mnistgan.errors import MnistganError


def play(
    ckpt: options.Ckpt = None,
    port: Annotated[int, Option(min=0, max=65535, help="Port; 0 for any free one.")] = 8000,
    browser: Annotated[
        bool, Option("--browser/--no-browser", help="In a terminal, open the page.")
    ] = True,
    threads: Annotated[
        int, options.machine(min=1, max=1024, help="CPU threads; 1 is fastest for single images.")
    ] = 1,
    debug: options.Debug = False,
) -> None:
    """Explore a generator on a web page on this machine.

    The page has sliders through latent space, seeds and, for a conditional generator, digits. Only
    this machine can open it, and it needs no internet. Press Ctrl-C to stop.

    [bold]mnistgan play[/bold]   the generator of the newest run

    [bold]mnistgan play --ckpt g.pt[/bold]
    """
    import webbrowser

    from mnistgan.cli import signals
    from mnistgan.sampling.generator import load_generator

    try:
        from mnistgan.play.server import Server
    except ModuleNotFoundError as error:
        # Only if the package itself is missing: an import error inside it is a bug to report.
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise MnistganError(
            'the page needs Starlette and uvicorn; run: pip install "mnistgan[play]"'
        ) from error
    options.use_threads(threads)
    server = Server(load_generator(options.generator_source(ckpt)), port)
    echo(server.url)
    if sys.stdout.isatty():
        echo("mnistgan: press Ctrl-C to stop", err=True)
        if browser:
            # In a thread, because with some browsers open() returns only when they are closed. The
            # server need not run yet: its socket listens already, and the browser waits.
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    with signals.stop_on(server.stop) as caught:
        server.run()
    if caught.signal:
        raise Exit(128 + caught.signal)
