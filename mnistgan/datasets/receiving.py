"""One request for a file, which continues a partial download; silent and slow servers fail."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from mnistgan.catalog import Archive
from mnistgan.progress import OnProgress, Progress

if TYPE_CHECKING:
    import requests

_OK, _PARTIAL, _RANGE_NOT_SATISFIABLE = 200, 206, 416
_REDIRECTS = 5
_DIGITS = 16
_PIECE = 2**16
_BEGINNINGS = {".gz": b"\x1f\x8b", ".zip": b"PK", ".bz2": b"BZh"}
# Messages of requests and urllib3 contain the names of objects; these patterns replace them.
_REASONS = {
    "timed out": "did not answer in time",
    "refused": "refused the connection",
    "resolve": "its name could not be resolved",
    "certificate": "its certificate could not be verified",
    "unreachable": "could not be reached",
    "incompleteread|broken|reset|aborted": "broke off",
}


@dataclass(frozen=True)
class Patience:
    """Limits for a mirror; times are in seconds.

    Attributes:
        connection: timeout for a connection to each of its addresses.
        silence: timeout for its answer, and between two pieces.
        bytes_per_second: minimum rate, averaged over the time ``silence``.
        attempts: maximum number of requests, while each one makes some progress.
    """

    connection: float = 10.0
    silence: float = 30.0
    bytes_per_second: float = 1000.0
    attempts: int = 5


@dataclass(frozen=True)
class Download:
    """A file that is being downloaded.

    Attributes:
        archive: the file, as in the catalog.
        part: file with the bytes received so far; may be empty.
        on_progress: called with the number of bytes.
        patience: limits for a mirror.
    """

    archive: Archive
    part: Path
    on_progress: OnProgress
    patience: Patience

    def receive(self, address: str, resume: bool = True) -> None:
        """Request the missing bytes or the whole file, and write them to the part.

        Raises:
            BrokenOffError: the connection failed during the transfer.
            MirrorError: the mirror did not answer, or sent something other than the file.
            OSError: the part cannot be written.
        """
        import requests
        import urllib3

        start = self.part.stat().st_size if resume else 0
        try:
            with self._answer(address, start) as answer:
                if start and answer.status_code == _RANGE_NOT_SATISFIABLE:
                    # The part is longer than the mirror's file, so one of the two is wrong.
                    return self.receive(address, resume=False)
                if answer.status_code not in (_OK, _PARTIAL):
                    raise MirrorError(f"answered {answer.status_code} {answer.reason}")
                # A server that ignores Range sends the whole file, from its beginning.
                content_range = answer.headers.get("Content-Range", "")
                self._write(answer, start if content_range.startswith(f"bytes {start}-") else 0)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            text = str(error).lower()
            known = (reason for sign, reason in _REASONS.items() if re.search(sign, text))
            # After a timeout, this mirror is not tried again: it may be silent each time.
            kind = MirrorError if "timed out" in text else BrokenOffError
            raise kind(next(known, type(error).__name__)) from error
        except ValueError as error:
            raise MirrorError("answered with invalid HTTP") from error

    def _answer(self, address: str, start: int) -> "requests.Response":
        """The answer to a request, after redirects; its body is not read yet."""
        import requests

        headers = {"Accept-Encoding": "identity", "User-Agent": "mnistgan"}
        # identity: with compression, byte positions would not be those of the file.
        if start:
            headers["Range"] = f"bytes={start}-"
        timeouts = (self.patience.connection, self.patience.silence)
        with requests.Session() as session:
            # requests reads the bodies of redirects even with allow_redirects=False, and a body may
            # never end (commit 0dcee9f). So it must not find any redirect; the loop follows them.
            session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
            for _ in range(_REDIRECTS):
                answer = session.get(address, headers=headers, stream=True, timeout=timeouts)
                if not answer.is_redirect:
                    return answer
                answer.close()
                address = urljoin(address, answer.headers["Location"])
        raise MirrorError(f"redirected more than {_REDIRECTS} times")

    def _write(self, answer: "requests.Response", start: int) -> None:
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() and len(length) < _DIGITS else None
        limit = int(2 * self.archive.megabytes * 1e6) + 1_000_000  # for endless files
        beginning = _BEGINNINGS[Path(self.archive.name).suffix]
        since, since_done, done = time.monotonic(), start, start
        # Not truncated at the start: if the file comes again from its beginning and breaks off, the
        # bytes behind remain, and the next request continues after them.
        with self.part.open("r+b") as file:
            file.seek(start)
            while piece := answer.raw.read1(_PIECE, decode_content=False):
                if not done and not piece.startswith(beginning[: len(piece)]):
                    raise MirrorError(_instead(piece))
                file.write(piece)
                done += len(piece)
                self.on_progress(Progress(f"fetching {self.archive.name}", done, total, "bytes"))
                if done > limit:
                    file.truncate(0)
                    raise MirrorError(f"sent more than {limit / 1e6:,.0f} MB and did not end")
                if (waited := time.monotonic() - since) > self.patience.silence:
                    if done - since_done < self.patience.bytes_per_second * waited:
                        raise MirrorError("sends too slowly")
                    since, since_done = time.monotonic(), done
            if total is not None and done < total:
                raise BrokenOffError(f"broke off after {done:,} of {total:,} bytes")
            file.truncate(done)
            file.flush()
            os.fsync(file.fileno())


def _instead(piece: bytes) -> str:
    """A description of a first piece that is not the start of an archive."""
    page = piece[:256].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head"))
    return "sent a web page, not the file" if page else "sent something other than the file"


class MirrorError(Exception):
    """A mirror does not serve the file; the message is the reason."""


class BrokenOffError(Exception):
    """The connection to a mirror failed; another request may continue."""
