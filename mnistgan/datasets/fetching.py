"""Published files over the network: resumed where they stopped, checked, renamed when whole.

A file that is on its way is called ``NAME.part`` and stays when the way is cut off. Nothing gets
its name before its checksum was compared, so a page of HTML, a file that was cut short or altered,
and one that never ends are all the same: no download.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import filelock

from mnistgan.catalog import Archive, DataSet
from mnistgan.datasets.archives import checksum_trouble
from mnistgan.errors import DataError, UsageError
from mnistgan.progress import OnProgress, Progress, no_progress

if TYPE_CHECKING:
    import requests
    import urllib3


@dataclass(frozen=True)
class Patience:
    """How long a mirror is waited for, in seconds, and the slowest that it may send.

    Attributes:
        connect: until it answers.
        silence: between two pieces.
        bytes_per_second: over as long as it may be silent.
        attempts: after it broke off with some progress made.
    """

    connect: float = 10.0
    silence: float = 30.0
    bytes_per_second: float = 1000.0
    attempts: int = 5


class _MirrorError(Exception):
    """Why one mirror does not give the file."""


class _BrokenOffError(Exception):
    """The connection to a mirror failed; another try may go on."""


def fetch(
    data_set: DataSet,
    archive: Archive,
    folder: Path,
    on_progress: OnProgress = no_progress,
    patience: Patience = Patience(),
) -> Path:
    """Download one file of a data set, from the first of its mirrors that gives it whole.

    What was there under its name before is replaced, but only by the whole file.

    Args:
        data_set: whose mirrors are asked, in order.
        archive: which file.
        folder: where to put it; made if need be.
        on_progress: called with the bytes that are there.
        patience: how long to wait.

    Returns:
        The file.

    Raises:
        DataError: no mirror gave it; what came so far is kept for the next time.
        UsageError: the folder cannot be written.
        OSError: the disk is full.
    """
    target, part = folder / archive.name, folder / f"{archive.name}.part"
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f".{archive.name}.lock")
        lock.acquire()  # another process that fetches it is waited for: it ends by its own patience
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be written ({error.strerror}); choose another --data-root"
        ) from error
    try:
        if _is_whole(target, archive):
            return target
        reasons: list[str] = []
        for mirror in data_set.mirrors:
            try:
                _from_mirror(f"{mirror}{archive.name}", part, archive, on_progress, patience)
            except _MirrorError as error:
                reasons.append(f"{urlsplit(mirror).netloc}: {error}")
                continue
            part.replace(target)
            return target
        raise _not_fetched(data_set, folder, part, reasons)
    finally:
        _tidy(part, made)
        lock.release()


def _is_whole(path: Path, archive: Archive) -> bool:
    return path.is_file() and not checksum_trouble(path, archive.md5)


def _tidy(part: Path, made: list[Path]) -> None:
    """Leave nothing behind where nothing came: of the folders that we made, the empty ones go."""
    if part.is_file() and not part.stat().st_size:
        part.unlink()
    with contextlib.suppress(OSError):  # where an open file cannot be removed, the lock stays
        part.with_name(f".{part.stem}.lock").unlink(missing_ok=True)
        for folder in made:
            folder.rmdir()


def _not_fetched(data_set: DataSet, folder: Path, part: Path, reasons: list[str]) -> DataError:
    names = ", ".join(archive.name for archive in data_set.archives)
    kept = "; run again to go on where it stopped" if part.is_file() else ""
    return DataError(
        f"{data_set.name} is not in {folder} and could not be downloaded "
        f"({'; '.join(reasons)}){kept}; or copy its files there ({names}; any computer on which "
        "torchvision downloaded them has them), name the folder that holds them with --data-root, "
        "or train on the embedded digits with --data digits"
    )


# One mirror ------------------------------------------------------------------------------------


def _from_mirror(
    address: str, part: Path, archive: Archive, on_progress: OnProgress, patience: Patience
) -> None:
    """Go on with a part until it is the whole file.

    Raises:
        _MirrorError: this mirror does not give it.
    """
    part.touch()
    for _ in range(patience.attempts):
        before = part.stat().st_size
        try:
            _receive(address, part, archive, on_progress, patience)
        except _BrokenOffError as error:
            if part.stat().st_size != before:
                continue
            raise _MirrorError(str(error)) from error
        if not checksum_trouble(part, archive.md5):
            return
        reason = _what_came(part)
        part.write_bytes(b"")
        if not before:
            raise _MirrorError(reason)
    raise _MirrorError(f"broke off {patience.attempts} times")


def _what_came(part: Path) -> str:
    """What a wrong download looks like."""
    with part.open("rb") as file:
        start = file.read(256).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "sent a web page, not the file"
    return f"sent {part.stat().st_size:,} bytes without the published checksum"


def _receive(
    address: str, part: Path, archive: Archive, on_progress: OnProgress, patience: Patience
) -> None:
    """Ask for what a part lacks, and add what comes.

    Raises:
        _BrokenOffError: the connection failed or fell silent.
        _MirrorError: the answer is not the file.
    """
    import requests
    import urllib3

    start = part.stat().st_size
    headers = {"Accept-Encoding": "identity", "User-Agent": "mnistgan"}
    if start:
        headers["Range"] = f"bytes={start}-"
    timeouts = (patience.connect, patience.silence)
    try:
        with requests.get(address, headers=headers, stream=True, timeout=timeouts) as answer:
            if answer.status_code == _RANGE_NOT_SATISFIABLE:
                part.write_bytes(b"")
                raise _BrokenOffError("has less than what is here already")
            if answer.status_code not in (_OK, _PARTIAL):
                raise _MirrorError(f"answered {answer.status_code} {answer.reason}")
            start = start if _goes_on(answer, start) else 0
            length = answer.headers.get("Content-Length", "")
            total = start + int(length) if length.isdecimal() else None
            _write(answer.raw, part, start, total, archive, on_progress, patience)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        # Who was silent once is not waited for again.
        silent = "timed out" in str(error).lower()
        raise (_MirrorError if silent else _BrokenOffError)(_brief(error)) from error


def _goes_on(answer: requests.Response, start: int) -> bool:
    """Whether an answer begins where the part ends, and not at the file's beginning."""
    content_range = answer.headers.get("Content-Range", "")
    return answer.status_code == _PARTIAL and content_range.startswith(f"bytes {start}-")


def _write(
    stream: urllib3.BaseHTTPResponse,
    part: Path,
    start: int,
    total: int | None,
    archive: Archive,
    on_progress: OnProgress,
    patience: Patience,
) -> None:
    limit = _limit(archive)
    since, since_done, done = time.monotonic(), start, start
    with part.open("r+b") as file:
        file.truncate(start)
        file.seek(start)
        while piece := stream.read1(_PIECE, decode_content=False):
            file.write(piece)
            done += len(piece)
            on_progress(Progress(f"fetching {archive.name}", done, total, "bytes"))
            if done > limit:
                file.truncate(0)
                raise _MirrorError(f"sent more than {limit / 1e6:,.0f} MB and did not end")
            if (waited := time.monotonic() - since) > patience.silence:
                if done - since_done < patience.bytes_per_second * waited:
                    raise _MirrorError("sends too slowly")
                since, since_done = time.monotonic(), done
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise _BrokenOffError(f"broke off after {done:,} of {total:,} bytes")


def _limit(archive: Archive) -> int:
    """Where a file of about its length has certainly ended."""
    return int(2 * archive.megabytes * 1e6) + 1_000_000


def _brief(error: Exception) -> str:
    """A connection's failure in a few words; urllib3's own message names objects and addresses."""
    text = str(error).lower()
    for sign, meaning in _SIGNS:
        if sign in text:
            return meaning
    return type(error).__name__


_OK, _PARTIAL, _RANGE_NOT_SATISFIABLE = 200, 206, 416
_PIECE = 2**16
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
