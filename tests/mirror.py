"""A server on this machine that offers files honestly, or in one of many wrong ways."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Mirror:
    """A server on this machine that offers a folder's files in one of several ways.

    ``healthy`` and ``no-range`` are honest; ``cut`` breaks off after half of what was asked for;
    ``silent`` never answers; ``stalls`` sends the first bytes only; ``trickle`` a byte now and
    then; ``html``, ``altered``, ``short`` and ``endless`` lie; ``404`` has nothing.
    """

    folder: Path
    manner: str = "healthy"
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""
    leave: threading.Event = field(default_factory=threading.Event)


class _Handler(http.server.BaseHTTPRequestHandler):
    mirror: Mirror

    def log_message(self, *_: object) -> None:
        """Keep the terminal clean."""

    def do_GET(self) -> None:
        mirror, manner = self.mirror, self.mirror.manner
        wanted = self.headers.get("Range")
        mirror.asked.append((self.path, wanted))
        path = mirror.folder / self.path.rpartition("/")[2]
        if manner == "silent":
            mirror.leave.wait()
            return
        if manner == "404" or not path.is_file():
            self.send_error(404)
            return
        raw = {"html": b"<html><body>Quota exceeded</body></html>"}.get(manner, path.read_bytes())
        if manner == "altered":
            raw = raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:]
        if manner == "short":
            raw = raw[: len(raw) // 2]
        start = 0
        if wanted and manner != "no-range":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(raw):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(raw) - 1}/{len(raw)}")
        if manner != "endless":
            self.send_header("Content-Length", str(len(raw) - start))
        self.end_headers()
        self._send(raw[start:], manner)

    def _send(self, raw: bytes, manner: str) -> None:
        if manner == "cut":
            self.wfile.write(raw[: max(1, len(raw) // 2)])
        elif manner == "stalls":
            self.wfile.write(raw[:100])
            self.wfile.flush()
            self.mirror.leave.wait()
        elif manner == "trickle":
            for byte in raw:
                self.wfile.write(bytes([byte]))
                if self.mirror.leave.wait(0.05):
                    return
        elif manner == "endless":
            while not self.mirror.leave.is_set():
                self.wfile.write(raw)
        else:
            self.wfile.write(raw)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what is tested."""


def serve(folder: Path) -> Iterator[Mirror]:
    offered = Mirror(folder)
    handler = type("Handler", (_Handler,), {"mirror": offered})
    server = _Server(("127.0.0.1", 0), handler)
    offered.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield offered
    offered.leave.set()
    server.shutdown()
    thread.join()
    server.server_close()
