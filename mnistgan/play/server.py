"""The HTTP server of the page. It listens only on the loopback interface.

No request opens a file: the page's files are read once, at the start. Requests with another host
name are refused, so that a web site cannot resolve its own name to this machine and read the
responses (DNS rebinding). The headers forbid other sites to embed the responses or to frame the
page. They also forbid the page to load anything from elsewhere or to run scripts of others.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mnistgan.errors import UsageError
from mnistgan.play import page
from mnistgan.play.pictures import PageQuery, Pictures, parse
from mnistgan.sampling.generator import Generator

HOST = "127.0.0.1"

_FILES = {"page.css": "text/css", "page.js": "text/javascript", "backend.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Another generator may use the same port later, with the same URLs for other pictures.
    "Cache-Control": "no-store",
}


def app(generator: Generator) -> Starlette:
    """The page and its pictures as an ASGI application.

    Pictures are drawn in the event loop, one at a time: each takes 2 to 16 ms of processor time
    (benchmarks/results/playing.json), and threads would only wait for each other.
    """
    pictures = Pictures(generator)
    for sheet in ("one", "axes"):  # the first pass through a network is slower: do it now
        pictures.png(PageQuery(sheet=sheet))

    async def image(request: Request) -> Response:
        return Response(pictures.png(_query(request)), media_type="image/png")

    async def point(request: Request) -> Response:
        return JSONResponse(pictures.coordinates(_query(request)))

    async def about(_: Request) -> Response:
        return JSONResponse(pictures.about())

    routes = [Route("/", _constant(page.html(), "text/html"), methods=["GET"])]
    for name, media_type in _FILES.items():
        routes.append(Route(f"/{name}", _constant(page.text(name), media_type), methods=["GET"]))
    for endpoint in (image, point, about):
        routes.append(Route(f"/{endpoint.__name__}", endpoint, methods=["GET"]))
    application = Starlette(
        routes=routes,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        exception_handlers={UsageError: _refuse},
    )
    application.router.redirect_slashes = False
    return application


class Server:
    """Serves the page of a generator.

    Args:
        generator: the generator to explore.
        port: port to listen on; 0 for any free one.

    Attributes:
        url: URL of the page. A browser may open it before :meth:`run`; it then waits.

    Raises:
        UsageError: the port is in use or not permitted.
    """

    def __init__(self, generator: Generator, port: int) -> None:
        config = uvicorn.Config(
            app(generator),
            # Not "auto": the behavior must not depend on whether httptools, websockets or uvloop is
            # installed.
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            headers=list(_HEADERS.items()),
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # The socket is opened here, not by uvicorn, which would print its own message and exit if
        # the port is in use.
        try:
            self._socket = socket.create_server((HOST, port))
        except OSError as error:
            # Not error.strerror, to which create_server() adds the address.
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise UsageError(
                f"--port {port}: cannot be used ({reason}); choose another one, or 0 for "
                "any free one"
            ) from error
        # asyncio sets this option only on sockets that it creates itself. Without it, Nagle's
        # algorithm delays a picture until its header is acknowledged, by about 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}/"

    def run(self) -> None:
        """Serve until :meth:`stop` is called or a signal arrives, which is then raised again."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Make :meth:`run` return after the current requests."""
        self._server.should_exit = True


def _query(request: Request) -> PageQuery:
    return parse(request.query_params.multi_items())


async def _refuse(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", status_code=400)


def _constant(content: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return answer
