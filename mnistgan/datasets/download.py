"""Download of published files: from several mirrors, with resume and verification.

An incomplete file is named ``NAME.part`` and is kept, so that the download can resume. A file gets
its final name only after its checksum was compared, so an HTML page or a truncated, altered or
endless file is a failed download.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import filelock

from mnistgan.catalog import Archive, DataSet
from mnistgan.datasets.archives import checksum_trouble
from mnistgan.datasets.receiving import BrokenOffError, Download, MirrorError, Patience
from mnistgan.errors import DataError, MnistganError, UsageError
from mnistgan.progress import OnProgress, Progress, no_progress
from mnistgan.storage import user_dirs
from mnistgan.storage.atomic import new_folder


def fetch(
    data_set: DataSet,
    archive: Archive,
    folder: Path,
    on_progress: OnProgress = no_progress,
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> Path:
    """Download one file of a data set from the first mirror that serves it completely.

    An existing file is replaced only after the new one was verified.

    Args:
        data_set: its mirrors are tried in order.
        archive: the file to download.
        folder: target folder; created if missing.
        on_progress: called with the number of bytes received.
        patience: limits for a mirror.

    Returns:
        The path of the file.

    Raises:
        DataError: no mirror served the file; the received part is kept for the next call.
        UsageError: the folder is not writable.
        MnistganError: the disk is full.
    """
    target, part = folder / archive.name, folder / f"{archive.name}.part"
    with alone(target, on_progress), new_folder(folder):
        if _is_complete(target, archive):
            return target
        try:
            # Writing through a link would change another file.
            if part.is_symlink() or (part.exists() and not part.is_file()):
                part.unlink()
            part.touch()
            if not _is_complete(part, archive):
                _from_any(data_set, Download(archive, part, on_progress, patience))
            part.replace(target)
        except OSError as error:
            raise MnistganError(
                f"{part}: cannot be written ({error.strerror}); free some space and run again"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                if not part.stat().st_size:
                    part.unlink()
    return target


def _is_complete(path: Path, archive: Archive) -> bool:
    return path.is_file() and not checksum_trouble(path, archive.md5)


@contextlib.contextmanager
def alone(target: Path, on_progress: OnProgress) -> Iterator[None]:
    """Lock a file or a data set; other processes that download it wait."""
    # The lock is in the cache folder, not beside the file: the data root may be read-only.
    name = hashlib.sha256(str(target.absolute()).encode(errors="surrogateescape")).hexdigest()
    locks = user_dirs.cache() / "locks"
    lock = filelock.FileLock(locks / f"{name[:16]}.lock")
    try:
        locks.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            on_progress(Progress(f"waiting for another process to fetch {target.name}", 0, None))
            lock.acquire()  # without a timeout: the other process gives up on slow mirrors itself
    except OSError as error:
        raise UsageError(
            f"{locks}: cannot be written ({error.strerror}); set $MNISTGAN_CACHE to another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _from_any(data_set: DataSet, download: Download) -> None:
    """Try one mirror after another until the part is complete."""
    reasons = []
    for mirror in data_set.mirrors:
        try:
            return _from_mirror(f"{mirror}{download.archive.name}", download)
        except MirrorError as error:
            reasons.append(f"{urlsplit(mirror).hostname}: {error}")
    names = ", ".join(one.name for one in data_set.archives)
    raise DataError(
        f"{data_set.name} is not in {download.part.parent} and could not be downloaded "
        f"({'; '.join(reasons)}); run again to resume, copy {names} there, set `data.root` to a "
        "folder that has them, or use the embedded `data.name = 'digits'`"
    )


def _from_mirror(address: str, download: Download) -> None:
    """Complete a part from one mirror.

    Raises:
        MirrorError: this mirror does not serve the file.
    """
    part, attempts = download.part, download.patience.attempts
    for _ in range(attempts):
        before = part.stat().st_size
        try:
            download.receive(address)
        except BrokenOffError as error:
            if part.stat().st_size != before:
                continue
            raise MirrorError(str(error)) from error
        if not checksum_trouble(part, download.archive.md5):
            return
        reason = f"sent {part.stat().st_size:,} bytes without the published checksum"
        part.write_bytes(b"")
        # The error may be in a part from an earlier attempt, so the mirror may send the whole file
        # once more.
        if not before:
            raise MirrorError(reason)
    raise MirrorError(f"broke off {attempts} times")
