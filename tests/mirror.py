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
    then; ``html``, ``altered``, ``short``, ``endless``, ``bad-length``, ``bad-location`` and
    ``redirect-flood`` lie; ``404`` has nothing.
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
        mirror = self.mirror
        wanted = self.headers.get("Range")
        mirror.asked.append((self.path, wanted))
        path = mirror.folder / self.path.rpartition("/")[2]
        if mirror.manner in ("silent", "redirect-flood", "bad-location"):
            self._evade(mirror.manner)
        elif mirror.manner == "404" or not path.is_file():
            self.send_error(404)
        else:
            self._offer(_altered(path.read_bytes(), mirror.manner), wanted, mirror.manner)

    def _evade(self, manner: str) -> None:
        """Answer without ever offering a file."""
        if manner in ("redirect-flood", "bad-location"):
            self.send_response(302)
            self.send_header("Location", self.path if manner == "redirect-flood" else "http://[::1")
            self.end_headers()
        while manner == "redirect-flood" and not self.mirror.leave.is_set():
            self.wfile.write(bytes(2**16))  # until who asked hangs up
        if manner == "silent":
            self.mirror.leave.wait()

    def _offer(self, raw: bytes, wanted: str | None, manner: str) -> None:
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
            length = "9" * 5000 if manner == "bad-length" else str(len(raw) - start)
            self.send_header("Content-Length", length)
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


def _altered(raw: bytes, manner: str) -> bytes:
    """A file as a mirror of this manner has it."""
    if manner == "html":
        return b"<html><body>Quota exceeded</body></html>"
    if manner == "altered":
        return raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:]
    return raw[: len(raw) // 2] if manner in ("short", "bad-length") else raw


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
