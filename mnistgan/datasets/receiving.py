"""One answer of one server, added to what is there already; silent and slow servers are left."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from mnistgan.catalog import Archive
from mnistgan.progress import OnProgress, Progress

if TYPE_CHECKING:
    import requests
    import urllib3


@dataclass(frozen=True)
class Patience:
    """How long a mirror is waited for, in seconds, and the slowest that it may send.

    Attributes:
        connection: for each of its addresses.
        silence: before the answer, and between two pieces.
        bytes_per_second: over as long as it may be silent.
        attempts: after it broke off with some progress made.
    """

    connection: float = 10.0
    silence: float = 30.0
    bytes_per_second: float = 1000.0
    attempts: int = 5


class MirrorError(Exception):
    """Why a mirror does not give the file."""


class BrokenOffError(Exception):
    """The connection to a mirror failed; another try may go on."""


def receive(
    address: str,
    part: Path,
    archive: Archive,
    on_progress: OnProgress,
    patience: Patience,
    *,
    resume: bool = True,
) -> None:
    """Ask for what a part lacks, or for the whole file, and add what comes.

    Raises:
        BrokenOffError: the connection failed on the way.
        MirrorError: the answer is not the file, or does not come.
        OSError: the part cannot be written.
    """
    import requests
    import urllib3

    start = part.stat().st_size if resume else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "mnistgan"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with _answer(address, headers, patience) as answer:
            if start and answer.status_code == _RANGE_NOT_SATISFIABLE:
                # What is here is more than the mirror has: only one of the two can be right.
                return receive(address, part, archive, on_progress, patience, resume=False)
            if answer.status_code not in (_OK, _PARTIAL):
                raise MirrorError(f"answered {answer.status_code} {answer.reason}")
            start = start if _goes_on(answer, start) else 0
            _write(answer, part, start, archive, on_progress, patience)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        # Who was silent once is not waited for again.
        silent = "timed out" in str(error).lower()
        raise (MirrorError if silent else BrokenOffError)(_brief(error)) from error
    except (ValueError, UnicodeError) as error:
        raise MirrorError("answered what is no HTTP") from error


def _answer(address: str, headers: dict[str, str], patience: Patience) -> requests.Response:
    """The beginning of an answer, after redirections."""
    import requests

    timeouts = (patience.connection, patience.silence)
    with requests.Session() as session:
        # Without this requests reads the bodies of redirections, even of those that it is not to
        # follow, and they may never end.
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        for _ in range(_REDIRECTS):
            answer = session.get(address, headers=headers, stream=True, timeout=timeouts)
            if not answer.is_redirect:
                return answer
            answer.close()
            address = urljoin(address, answer.headers["Location"])
    raise MirrorError(f"sent on more than {_REDIRECTS} times")


def _goes_on(answer: requests.Response, start: int) -> bool:
    """Whether an answer begins where the part ends, and not at the file's beginning."""
    content_range = answer.headers.get("Content-Range", "")
    return answer.status_code == _PARTIAL and content_range.startswith(f"bytes {start}-")


def _write(
    answer: requests.Response,
    part: Path,
    start: int,
    archive: Archive,
    on_progress: OnProgress,
    patience: Patience,
) -> None:
    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() and len(length) < _DIGITS else None
    limit = int(2 * archive.megabytes * 1e6) + 1_000_000  # where such a file has certainly ended
    beginning = _BEGINNINGS[Path(archive.name).suffix]
    stream: urllib3.BaseHTTPResponse = answer.raw
    since, since_done, done = time.monotonic(), start, start
    # Not cut off at the start: from the file's beginning on, the same bytes come once more.
    with part.open("r+b") as file:
        file.seek(start)
        while piece := stream.read1(_PIECE, decode_content=False):
            if not done and not piece.startswith(beginning[: len(piece)]):
                raise MirrorError(_instead(piece))
            file.write(piece)
            done += len(piece)
            on_progress(Progress(f"fetching {archive.name}", done, total, "bytes"))
            if done > limit:
                file.truncate(0)
                raise MirrorError(f"sent more than {limit / 1e6:,.0f} MB and did not end")
            if (waited := time.monotonic() - since) > patience.silence:
                if done - since_done < patience.bytes_per_second * waited:
                    raise MirrorError("sends too slowly")
                since, since_done = time.monotonic(), done
        if total is not None and done < total:
            raise BrokenOffError(f"broke off after {done:,} of {total:,} bytes")
        file.truncate(done)
        file.flush()
        os.fsync(file.fileno())


def _instead(piece: bytes) -> str:
    """What came that is no archive."""
    page = piece[:256].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head"))
    return "sent a web page, not the file" if page else "sent something else than the file"


def _brief(error: Exception) -> str:
    """A connection's failure in a few words; urllib3's own message names objects and addresses."""
    text = str(error).lower()
    return next((meaning for sign, meaning in _SIGNS if sign in text), type(error).__name__)


_OK, _PARTIAL, _RANGE_NOT_SATISFIABLE = 200, 206, 416
_REDIRECTS = 5
_DIGITS = 16
_PIECE = 2**16
_BEGINNINGS = {".gz": b"\x1f\x8b", ".zip": b"PK", ".bz2": b"BZh"}
_SIGNS = (
    ("timed out", "did not answer in time"),
    ("refused", "refused the connection"),
    ("resolve", "its name could not be resolved"),
    ("certificate", "its certificate could not be verified"),
    ("unreachable", "could not be reached"),
    ("incompleteread", "broke off"),
    ("broken", "broke off"),
    ("reset", "broke off"),
    ("aborted", "broke off"),
)
