"""Downloading published files: from several mirrors, resumed, and verified.

An incomplete file is named ``NAME.part``, and stays so that the download can resume. A file gets
its name only after its checksum was compared, so an HTML page, a truncated or altered file and an
endless one are all failed downloads.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import filelock

from mnistgan.catalog import DATA_SETS, Archive, DataSet
from mnistgan.datasets import archives
from mnistgan.datasets.archives import checksum_trouble
from mnistgan.datasets.receiving import BrokenOffError, MirrorError, Patience, receive
from mnistgan.errors import DataError, MnistganError, UsageError, did_you_mean
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.storage import user_dirs


def fetch_all(
    name: str,
    root: Path,
    mirrors: Sequence[str] = (),
    on_progress: OnProgress = no_progress,
) -> Path | None:
    """Download a data set by its name; files that are there and undamaged stay.

    Args:
        name: of a published data set.
        root: folder of the data sets.
        mirrors: addresses to ask first.
        on_progress: called with the bytes that are there.

    Returns:
        The folder of the files; None for embedded data, which has none.

    Raises:
        UsageError: the data set or an address is not one, or the folder cannot be written.
        DataError: a file could not be downloaded.
    """
    if name not in DATA_SETS:
        hint = did_you_mean(name, DATA_SETS)
        raise UsageError(f"{name!r} is not a data set{hint}; see: mnistgan data")
    for address in mirrors:
        if not re.match(r"https?://[^/]", address):
            raise UsageError(f"--mirror: {address!r} must begin with http:// or https://")
    first = tuple(address.rstrip("/") + "/" for address in mirrors)
    data_set = replace(DATA_SETS[name], mirrors=first + DATA_SETS[name].mirrors)
    if not data_set.archives:
        return None
    folder = archives.folder(data_set, root)
    for archive in data_set.archives:
        if archives.inspect(archive, data_set, root).state in ("missing", "damaged"):
            fetch(data_set, archive, folder, on_progress)
    return folder


def fetch(
    data_set: DataSet,
    archive: Archive,
    folder: Path,
    on_progress: OnProgress = no_progress,
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> Path:
    """Download one file of a data set, from the first mirror that serves it completely.

    An existing file of that name is replaced, but only by the complete, verified file.

    Args:
        data_set: its mirrors are tried in order.
        archive: the file to download.
        folder: where to put it; created if missing.
        on_progress: called with the number of bytes received.
        patience: timeouts and number of attempts.

    Returns:
        The file.

    Raises:
        DataError: no mirror served it; the part received is kept for the next call.
        UsageError: the folder is not writable.
        MnistganError: the disk is full.
    """
    target, part = folder / archive.name, folder / f"{archive.name}.part"
    with alone(target, on_progress), _folder_made(folder), _regular(part):
        if _is_complete(target, archive):
            return target
        if not _is_complete(part, archive):
            _from_any(data_set, archive, part, on_progress, patience)
        part.replace(target)
    return target


def _is_complete(path: Path, archive: Archive) -> bool:
    return path.is_file() and not checksum_trouble(path, archive.md5)


@contextlib.contextmanager
def alone(target: Path, on_progress: OnProgress) -> Iterator[None]:
    """Lock a file or a data set against other processes that fetch it, too; they wait."""
    name = hashlib.sha256(str(target.absolute()).encode(errors="surrogateescape")).hexdigest()
    locks = user_dirs.cache() / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(locks / f"{name[:16]}.lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            on_progress(Progress(f"waiting for another process to fetch {target.name}", 0, None))
            lock.acquire()  # without a time-out: the other process gives up on slow mirrors itself
    except OSError as error:
        raise UsageError(
            f"{locks}: cannot be written ({error.strerror}); name another cache folder "
            "with $MNISTGAN_CACHE"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _folder_made(folder: Path) -> Iterator[None]:
    """Create a folder, and remove it again if it is empty in the end."""
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be written ({error.strerror}); choose another --data-root"
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for path in created:
                path.rmdir()


@contextlib.contextmanager
def _regular(part: Path) -> Iterator[None]:
    """Make the part a regular file, never a link to another; remove it if it stays empty."""
    try:
        if part.is_symlink() or (part.exists() and not part.is_file()):
            part.unlink()
        part.touch()
        yield
    except OSError as error:
        raise MnistganError(
            f"{part}: cannot be written ({error.strerror}); free some space or check the folder, "
            "then run again to resume"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            if not part.stat().st_size:
                part.unlink()


def _from_any(
    data_set: DataSet, archive: Archive, part: Path, on_progress: OnProgress, patience: Patience
) -> None:
    """Try one mirror after another until the part is complete."""
    reasons: list[str] = []
    for mirror in data_set.mirrors:
        try:
            _from_mirror(f"{mirror}{archive.name}", part, archive, on_progress, patience)
            return
        except MirrorError as error:
            reasons.append(f"{urlsplit(mirror).hostname}: {error}")
    names = ", ".join(one.name for one in data_set.archives)
    resume = "; run again to resume" if part.stat().st_size else ""
    raise DataError(
        f"{data_set.name} is not in {part.parent} and could not be downloaded "
        f"({'; '.join(reasons)}){resume}; or copy its files there ({names}; any computer on which "
        "torchvision downloaded them has them), name the folder that holds them with --data-root, "
        "or use the embedded digits with --data digits"
    )


def _from_mirror(
    address: str, part: Path, archive: Archive, on_progress: OnProgress, patience: Patience
) -> None:
    """Complete a part from one mirror.

    Raises:
        MirrorError: this mirror does not serve the file.
    """
    for _ in range(patience.attempts):
        before = part.stat().st_size
        try:
            receive(address, part, archive, on_progress, patience)
        except BrokenOffError as error:
            if part.stat().st_size != before:
                continue
            raise MirrorError(str(error)) from error
        if not checksum_trouble(part, archive.md5):
            return
        reason = f"sent {part.stat().st_size:,} bytes without the published checksum"
        part.write_bytes(b"")
        # A part left by an earlier attempt may be to blame, so the mirror gets one more chance to
        # send all of the file.
        if not before:
            raise MirrorError(reason)
    raise MirrorError(f"broke off {patience.attempts} times")
